//! What a signal leaves behind: nothing. On the embedded cluster, in real time, each as soon as its moment has come.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use orchestrator::timeline::{Timeline, What, file};
use tempfile::TempDir;

use crate::program::probeflip;

#[test]
fn interrupted_while_flipped() {
    check("INT", "b fails readiness", 130, |timeline| {
        let healed =
            |what: &What| matches!(what, What::Healed { target } if target.container == "b");
        timeline.records().iter().any(|record| healed(&record.what))
    });
}

#[test]
fn terminated_before_the_steady_state() {
    check("TERM", "objects applied", 143, |timeline| {
        let flipped = |what: &What| matches!(what, What::Flip(_));
        !timeline
            .records()
            .iter()
            .any(|record| flipped(&record.what))
    });
}

/// Sends a signal once the program has said those words.
fn check(signal: &str, when: &str, code: i32, expected: impl FnOnce(&Timeline) -> bool) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("t.jsonl");
    let mut command = probeflip();
    command
        .args(["run", "manifests/seed/readiness.yaml", "--timeline"])
        .arg(&path);
    let mut running = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(running.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    assert!(
        said.any(|line| line.contains(when)),
        "it never said `{when}`"
    );
    send(signal, &running);
    let rest: Vec<_> = said.collect();
    assert_eq!(running.wait().unwrap().code(), Some(code), "{rest:?}");
    let timeline = file::read(&fs::read_to_string(&path).unwrap())
        .unwrap()
        .remove(0);
    assert!(expected(&timeline), "{rest:?}");
    assert_eq!(
        timeline.records().last().map(|record| &record.what),
        Some(&What::End)
    );
    assert!(all_are_gone(&timeline));
}

fn send(signal: &str, to: &Child) {
    let kill = Command::new("kill")
        .args(["-s", signal, &to.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
}

/// Whether every Pod that came has gone again.
fn all_are_gone(timeline: &Timeline) -> bool {
    use orchestrator::timeline::Change::{Added, Deleted};
    let count = |wanted| {
        let of_pod = |what: &What| match what {
            What::Watch { change, object } => *change == wanted && object["kind"] == "Pod",
            _ => false,
        };
        timeline
            .records()
            .iter()
            .filter(|record| of_pod(&record.what))
            .count()
    };
    count(Added) > 0 && count(Added) == count(Deleted)
}
