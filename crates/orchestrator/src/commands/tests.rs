//! Commands that end before they do anything: each prints one message and nothing on stdout.
//!
//! What is wrong inside a file is tested where files are read, in `input` and `check`.

use std::{
    fs,
    io::{Read as _, pipe},
};

use clap::Parser as _;
use expect_test::{Expect, expect};
use tempfile::TempDir;

use super::*;
use crate::cli::Cli;

/// A folder with the seed's files.
fn seed() -> TempDir {
    let folder = TempDir::new().unwrap();
    let manifests = concat!(env!("CARGO_MANIFEST_DIR"), "/../../manifests/seed");
    for entry in fs::read_dir(manifests).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

/// Runs a command line in which `./` stands for the folder, and compares its exit code and the
/// first line of its error.
fn check_in(folder: &TempDir, command: &str, exit: Exit, expected: &Expect) {
    let path = format!("{}/", folder.path().display());
    let command = command.replace("./", &path);
    let cli = Cli::try_parse_from(["probeflip"].into_iter().chain(command.split(' ')));
    let (mut stdout, out) = pipe().unwrap();
    let (mut stderr, err) = pipe().unwrap();
    let printer = Printer::to(Box::new(out), Box::new(err));
    let ended = run(cli.unwrap().command, &printer);
    drop(printer);
    let (mut data, mut messages) = (String::new(), String::new());
    stdout.read_to_string(&mut data).unwrap();
    stderr.read_to_string(&mut messages).unwrap();
    let error = messages.lines().find(|line| line.starts_with("error: "));
    expected.assert_eq(&error.unwrap_or_default().replace(&path, ""));
    assert_eq!((ended, data.as_str()), (exit, ""), "{messages}");
}

fn check(command: &str, expected: &Expect) {
    check_in(&seed(), command, Exit::Usage, expected);
}

#[test]
fn files_must_be_readable_and_hold_an_experiment() {
    check(
        "run nowhere.yaml",
        &expect!["error: cannot read `nowhere.yaml`: No such file or directory (os error 2)"],
    );
    check(
        "run ./deploy.yaml ./svc.yaml",
        &expect!["error: no experiment in these files; expected `kind: Experiment`"],
    );
    let folder = seed();
    fs::write(folder.path().join("binary.yaml"), [0xff, 0xfe, 0, 1]).unwrap();
    check_in(
        &folder,
        "run ./binary.yaml",
        Exit::Usage,
        &expect!["error: cannot read `binary.yaml`: stream did not contain valid UTF-8"],
    );
    let experiment = folder.path().join("readiness.yaml");
    let text = fs::read_to_string(&experiment).unwrap();
    fs::write(&experiment, text.replacen("deploy.yaml", "deploi.yaml", 1)).unwrap();
    check_in(
        &folder,
        "run --on virtual ./readiness.yaml",
        Exit::Usage,
        &expect![
            "error: readiness.yaml:7:23: cannot read `deploi.yaml`: No such file or directory (os error 2)"
        ],
    );
}

#[test]
fn experiments_have_different_names() {
    let expected = expect![
        "error: readiness.yaml:4:19: another experiment is named `readiness`, at readiness.yaml:4:19; expected one name for each experiment of a run"
    ];
    check(
        "run --on virtual ./readiness.yaml ./readiness.yaml",
        &expected,
    );
    let folder = seed();
    let text = fs::read_to_string(folder.path().join("readiness.yaml")).unwrap();
    let twice = format!("{text}---\n{text}");
    fs::write(folder.path().join("twice.yaml"), twice).unwrap();
    fs::write(folder.path().join("t.jsonl"), "").unwrap();
    let expected = expect![
        "error: twice.yaml:41:19: another experiment is named `readiness`, at twice.yaml:4:19; expected one name for each experiment of a run"
    ];
    check_in(
        &folder,
        "judge ./twice.yaml ./t.jsonl",
        Exit::Usage,
        &expected,
    );
}

#[test]
fn outputs_are_opened_first() {
    for option in ["--json", "--timeline"] {
        check(
            &format!("run --on virtual ./readiness.yaml {option} ./nowhere/r"),
            &expect!["error: cannot write `nowhere/r`: No such file or directory (os error 2)"],
        );
    }
}

#[test]
fn a_context_is_of_a_cluster() {
    check(
        "run --on virtual --context c ./readiness.yaml",
        &expect!["error: `--context` is a cluster's, and `--on virtual` is not one"],
    );
}

#[test]
fn a_timeline_must_be_one() {
    check(
        "judge ./readiness.yaml ./deploy.yaml",
        &expect![
            "error: `deploy.yaml` is no timeline: line 1 is no line of a timeline: expected value at line 1 column 1"
        ],
    );
}

#[test]
fn a_packed_program_is_static_and_has_a_name() {
    check(
        "image --binary ./deploy.yaml -o ./t.tar",
        &expect![
            "error: `deploy.yaml` cannot be packed; build it with `just image`: it is not a Linux ELF program"
        ],
    );
    check(
        "image --binary ./nowhere -o ./t.tar",
        &expect![
            "error: cannot read the probe-target binary `nowhere`; build it with `just image`: No such file or directory (os error 2)"
        ],
    );
    check(
        "image --binary ./deploy.yaml -t Probe -o ./t.tar",
        &expect![
            "error: `Probe` is not an image name; expected `NAME:TAG` in lower case, such as `probe-target:0.1.0`"
        ],
    );
}

#[test]
fn a_flip_is_parsed_before_the_cluster_is_contacted() {
    let check = |flip: &str, expected: &Expect| {
        check(&format!("flip web-1 -c b {flip}"), expected);
    };
    check(
        "process exitt",
        &expect![
            "error: no process fault `exitt`; expected `exit`, `signal`, `sigterm`, `memory` or `stop-accepting`; did you mean `exit`?"
        ],
    );
    check(
        "readiness refuse --count 3",
        &expect!["error: `--count`: nothing can be counted on a port that is closed"],
    );
    check(
        "readiness 503 --bytes 3",
        &expect!["error: `--bytes`: means nothing to a reply"],
    );
    check(
        "readiness 503,200 --bytes 3",
        &expect!["error: `--bytes` means nothing beside `503,200`"],
    );
    check(
        "readiness blackhole --bytes 3",
        &expect!["error: `--bytes` means nothing beside `blackhole`"],
    );
    check(
        "readiness 503 --every 10s",
        &expect![
            "error: `--every`: opens again what `for`, `count` or `sequence` has closed; one of them must be given"
        ],
    );
    check(
        "process exit --count 3",
        &expect!["error: `--count` means nothing beside `exit`"],
    );
    check(
        "process signal",
        &expect![
            "error: `--signal`: must be given: one of SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGXCPU, SIGXFSZ, SIGSYS"
        ],
    );
    check(
        "process sigterm",
        &expect!["error: `sigterm`: takes either `ignore` or `delay`"],
    );
}

#[test]
fn stand_ins_need_input_that_is_read_and_another_namespace() {
    check(
        "stand-in -n copy",
        &expect![
            "error: nothing to read; expected files, `-` for standard input, or `--context` and `--from`"
        ],
    );
    check(
        "stand-in nowhere.yaml -n copy",
        &expect!["error: cannot read `nowhere.yaml`: No such file or directory (os error 2)"],
    );
    check(
        "stand-in --context prod --from shop -n shop",
        &expect![
            "error: `-n shop` is the namespace that is read; expected another one for the stand-ins"
        ],
    );
    check(
        "stand-in --context prod --from shop svc/web -n copy",
        &expect!["error: `svc/web` is no workload; expected KIND/NAME such as deploy/web"],
    );
    let folder = seed();
    let config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\n";
    fs::write(folder.path().join("nothing.yaml"), config_map).unwrap();
    check_in(
        &folder,
        "stand-in ./nothing.yaml -n copy",
        Exit::Usage,
        &expect!["error: the input has no workload and no Service"],
    );
    let template = "kind: Service\nspec: {{ toYaml .Values.service }}\n";
    fs::write(folder.path().join("template.yaml"), template).unwrap();
    check_in(
        &folder,
        "stand-in ./template.yaml -n copy",
        Exit::Usage,
        &expect!["error: template.yaml:2:8: a list or a mapping cannot be a key; expected text"],
    );
}
