//! Clean-up of interrupted runs: signals at every stage, a killed process, an unfinished step.

use std::fs;

use orchestrator::timeline::{Change, Timeline, What, file};
use tempfile::TempDir;

use crate::{
    namespace::Namespace,
    program::{cluster, probeflip},
    running::{Running, begin, clears_up},
};

const EXPERIMENT: &str = "manifests/seed/readiness.yaml";

/// Signals, and the exit code for each.
const SIGNALS: [(&str, i32); 3] = [("INT", 130), ("TERM", 143), ("HUP", 143)];

#[test]
fn a_signal_before_the_steady_state_undoes_everything() {
    for (signal, code) in SIGNALS {
        let timeline = interrupted(signal, "objects applied", code);
        assert!(!happened(&timeline, |what| matches!(what, What::Flip(_))));
    }
}

#[test]
fn a_signal_while_flipped_heals_first() {
    for (signal, code) in SIGNALS {
        let timeline = interrupted(signal, "b fails readiness", code);
        let of_b = |what: &What| matches!(what, What::Healed { target } if target.container == "b");
        assert!(happened(&timeline, of_b), "{signal}");
    }
}

#[test]
fn a_signal_while_all_is_undone_lets_that_end() {
    for (signal, code) in SIGNALS {
        let timeline = interrupted(signal, "undoing everything", code);
        assert!(happened(&timeline, |what| matches!(
            what,
            What::StepEnd { .. }
        )));
    }
}

#[test]
fn a_report_that_cannot_be_written_does_not_hide_the_signal() {
    let folder = TempDir::new().unwrap();
    let timeline = folder.path().join("t.jsonl");
    let mut command = probeflip();
    command.args(["run", EXPERIMENT, "--json", "/dev/full", "--timeline"]);
    let mut running = Running::start(command.arg(&timeline));
    running.until("objects applied");
    running.send("INT");
    running.ends(130, "error: cannot write `/dev/full`");
    let recorded = file::read(&fs::read_to_string(timeline).unwrap()).unwrap();
    assert_eq!(recorded.len(), 1);
}

/// Sends a signal once stderr contains `when`, and returns the timeline that the process wrote.
fn interrupted(signal: &str, when: &str, code: i32) -> Timeline {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("t.jsonl");
    let mut command = probeflip();
    command.args(["run", EXPERIMENT, "--timeline"]).arg(&path);
    let mut running = Running::start(&mut command);
    running.until(when);
    running.send(signal);
    running.ends(code, "interrupted: everything is being undone");
    let timeline = file::read(&fs::read_to_string(&path).unwrap());
    let timeline = timeline.unwrap().remove(0);
    let pods = |wanted| {
        count(
            &timeline,
            |what| matches!(what, What::Watch { change, object } if *change == wanted && object["kind"] == "Pod"),
        )
    };
    assert!(pods(Change::Added) > 0);
    assert_eq!(pods(Change::Added), pods(Change::Deleted), "all are gone");
    assert!(matches!(timeline.records().last().unwrap().what, What::End));
    timeline
}

fn happened(timeline: &Timeline, what: impl Fn(&What) -> bool) -> bool {
    count(timeline, what) > 0
}

fn count(timeline: &Timeline, what: impl Fn(&What) -> bool) -> usize {
    let records = timeline.records().iter();
    records.filter(|record| what(&record.what)).count()
}

#[test]
fn a_second_signal_quits_at_once() {
    let mut running = Running::start(probeflip().args(["run", EXPERIMENT, "--on", "pocket"]));
    running.until("b fails readiness");
    running.send("INT");
    running.until("interrupted");
    running.send("INT");
    // An embedded cluster ends with the process, so nothing remains to be undone.
    running.ends(130, "");
}

#[test]
fn later_experiments_are_not_begun() {
    let command = [
        "run",
        EXPERIMENT,
        "manifests/seed/liveness.yaml",
        "--on",
        "pocket",
    ];
    let mut running = Running::start(probeflip().args(command));
    running.until("objects applied");
    running.send("INT");
    let said = running.ends(130, "interrupted");
    assert!(!said.contains("liveness"), "{said}");
}

#[test]
fn on_a_real_cluster_a_signal_leaves_nothing() {
    let Some(cluster) = cluster("on_a_real_cluster_a_signal_leaves_nothing") else {
        return;
    };
    for (stage, (signal, code)) in ["objects applied", "b fails readiness"]
        .into_iter()
        .zip(SIGNALS)
    {
        let (mut running, name) = begin(&cluster, "manifests/seed/two-services.yaml", &[]);
        let namespace = Namespace::of(&cluster, &name);
        if stage != "objects applied" {
            running.until(stage);
        }
        running.send(signal);
        running.ends(code, "interrupted");
        assert!(!namespace.exists(), "{stage}");
    }
}

#[test]
fn a_second_signal_on_a_real_cluster_says_what_remains() {
    let Some(cluster) = cluster("a_second_signal_on_a_real_cluster_says_what_remains") else {
        return;
    };
    let (mut running, name) = begin(&cluster, EXPERIMENT, &[]);
    let namespace = Namespace::of(&cluster, &name);
    running.until("b fails readiness");
    running.send("INT");
    running.until("interrupted");
    running.send("INT");
    let id = running.run_id();
    let said = running.ends(5, "error: quit before everything was undone");
    assert!(
        said.contains(&format!("hint: `probeflip down --run {id} --context")),
        "{said}"
    );
    clears_up(&cluster, &id, &namespace);
}

#[test]
fn after_a_kill_the_lease_heals_and_down_removes_the_rest() {
    let Some(cluster) = cluster("after_a_kill_the_lease_heals_and_down_removes_the_rest") else {
        return;
    };
    let (mut running, name) = begin(&cluster, EXPERIMENT, &[]);
    let namespace = Namespace::of(&cluster, &name);
    running.until("b fails readiness");
    let pod = namespace.pod();
    namespace.wait_ready(&pod, false);
    running.kill();
    // Only the target itself can end the flip now, when its lease expires.
    namespace.wait_ready(&pod, true);
    let id = running.run_id();
    clears_up(&cluster, &id, &namespace);
}

#[test]
fn a_flip_in_the_foreground_is_healed_by_ctrl_c() {
    let Some(cluster) = cluster("a_flip_in_the_foreground_is_healed_by_ctrl_c") else {
        return;
    };
    let namespace = Namespace::create(&cluster, "foreground");
    let at = ["-n", &namespace.name];
    assert_eq!(
        cluster
            .run(&[&["up", "manifests/seed/deploy.yaml"][..], &at].concat())
            .code,
        0
    );
    let pod = namespace.pod();
    for (signal, code) in SIGNALS {
        let flip = ["flip", "deploy/web", "-c", "b", "readiness", "404"];
        let mut running =
            Running::start(cluster.command().args(flip).args(at).args(cluster.named()));
        running.until("in force until Ctrl-C");
        running.send(signal);
        running.ends(code, "healed");
    }
    namespace.wait_ready(&pod, true);
    let status = cluster.run(&[&["status"][..], &at].concat());
    assert!(!status.stdout.contains("404"), "{}", status.stdout);
}
