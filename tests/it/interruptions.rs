//! Clean-up on a real cluster: signals, a killed process, a flip in the foreground.
//!
//! Signals at every stage of a run in virtual time are tested in `orchestrator`.

use crate::{
    namespace::Namespace,
    program::cluster,
    running::{Running, begin, clears_up},
};

const EXPERIMENT: &str = "manifests/seed/readiness.yaml";

/// Signals, and the exit code for each.
const SIGNALS: [(&str, i32); 3] = [("INT", 130), ("TERM", 143), ("HUP", 143)];

#[test]
fn a_signal_leaves_nothing() {
    let Some(cluster) = cluster("a_signal_leaves_nothing") else {
        return;
    };
    for (stage, (signal, code)) in ["applied to namespace", "b fails readiness"]
        .into_iter()
        .zip(SIGNALS)
    {
        let (mut running, name) = begin(&cluster, "manifests/seed/two-services.yaml", &[]);
        let namespace = Namespace::of(&cluster, &name);
        if stage != "applied to namespace" {
            running.until(stage);
        }
        running.send(signal);
        running.ends(code, "interrupted");
        assert!(!namespace.exists(), "{stage}");
    }
}

#[test]
fn a_second_signal_prints_what_remains() {
    let Some(cluster) = cluster("a_second_signal_prints_what_remains") else {
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
