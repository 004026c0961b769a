//! Tests of gRPC health with gRPC's Python library: statuses, errors, delays, faults and watches.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use expect_test::expect;

use super::{python, target::Target};
use crate::program::{Ended, root};

#[test]
fn a_service_has_the_status_given_at_runtime() {
    let Some(python) = python("a_service_has_the_status_given_at_runtime") else {
        return;
    };
    let target = Target::start(&["grpc"]);
    let check = |service: &str| ask(&python, &target, &["check", service]);
    assert_eq!(check(""), "SERVING\n");
    assert_eq!(check("a"), "SERVING\n");
    for (behaviour, answer) in [
        (r#"{"status":503}"#, "NOT_SERVING\n"),
        (r#"{"status":404}"#, "NOT_FOUND\n"),
        (r#"{"status":501}"#, "UNIMPLEMENTED\n"),
        (r#"{"status":200,"delay":"50ms"}"#, "SERVING\n"),
    ] {
        target.lay("/a", behaviour);
        assert_eq!(check("a"), answer, "{behaviour}");
        assert_eq!(check("b"), "SERVING\n", "b beside {behaviour}");
    }
    target.lay("/", r#"{"status":503}"#);
    assert_eq!(check(""), "NOT_SERVING\n");
}

#[test]
fn a_fault_is_the_library_s_status_for_it() {
    let Some(python) = python("a_fault_is_the_library_s_status_for_it") else {
        return;
    };
    let target = Target::start(&["grpc"]);
    let check = |fault: &str| {
        target.lay("/a", &format!(r#"{{"fault":"{fault}"}}"#));
        let said = ask(&python, &target, &["check", "a", "5"]);
        format!("{fault:10} {said}")
    };
    let seen = [
        "hang",
        "close",
        "reset",
        "stall-body",
        "reset-body",
        "malformed",
    ]
    .map(check);
    expect![[r#"
        hang       DEADLINE_EXCEEDED
        close      UNAVAILABLE
        reset      UNAVAILABLE
        stall-body DEADLINE_EXCEEDED
        reset-body UNAVAILABLE
        malformed  INTERNAL
    "#]]
    .assert_eq(&seen.concat());
}

#[test]
fn a_list_names_the_services_that_something_is_said_of() {
    let Some(python) = python("a_list_names_the_services_that_something_is_said_of") else {
        return;
    };
    let target = Target::start(&["grpc"]);
    target.lay("/a", r#"{"status":503}"#);
    target.lay("/b.v1.B", r#"{"status":200}"#);
    let list = ask(&python, &target, &["list"]);
    assert_eq!(list, "'' SERVING\n'a' NOT_SERVING\n'b.v1.B' SERVING\n");
    assert_eq!(ask(&python, &target, &["other"]), "UNIMPLEMENTED\n");
}

#[test]
fn a_watch_hears_of_every_flip() {
    let Some(python) = python("a_watch_hears_of_every_flip") else {
        return;
    };
    let target = Target::start(&["grpc"]);
    let mut command = asking(&python, &target, &["watch", "a"]);
    let mut watching = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut next = || said.next().unwrap().unwrap();
    assert_eq!(next(), "SERVING");
    for (status, answer) in [
        (503, "NOT_SERVING"),
        (404, "SERVICE_UNKNOWN"),
        (200, "SERVING"),
    ] {
        target.lay("/a", &format!(r#"{{"status":{status}}}"#));
        assert_eq!(next(), answer);
    }
    watching.kill().unwrap();
    watching.wait().unwrap();
}

/// The whole output of the library's client.
fn ask(python: &Path, target: &Target, words: &[&str]) -> String {
    let ended = Ended::from(asking(python, target, words).output().unwrap());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended.stdout
}

fn asking(python: &Path, target: &Target, words: &[&str]) -> Command {
    let mut command = Command::new(python);
    command.arg(root().join("tests/peers/health.py"));
    command.arg(format!("127.0.0.1:{}", target.port(0)));
    command.args(words);
    command
}
