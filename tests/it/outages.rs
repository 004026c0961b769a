//! Runs whose API server becomes unreachable, for a moment or for good.

use std::{fs, time::Duration};

use k8s_openapi::api::core::v1::Event;
use kube::{Api, api::ListParams, runtime::wait::await_condition};
use orchestrator::timeline::{Gap, Timeline, What, file};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    namespace::Namespace,
    program::cluster,
    relay::Relay,
    running::{begin, clears_up},
};

const EXPERIMENT: &str = "manifests/seed/readiness.yaml";

/// How long to wait for the next attempt of a probe.
const PATIENCE: Duration = Duration::from_mins(1);

#[test]
fn connections_that_break_while_nothing_changes_leave_nothing_open() {
    let Some(cluster) = cluster("connections_that_break_while_nothing_changes") else {
        return;
    };
    let relay = Relay::before(&cluster);
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("t.jsonl");
    let written = ["--timeline", path.to_str().unwrap()];
    let (mut running, name) = begin(&relay.cluster, EXPERIMENT, &written);
    let namespace = Namespace::of(&cluster, &name);
    running.until("b fails readiness");
    namespace.wait_ready(&namespace.pod(), false);
    wait_for_one_more_failure(&namespace);
    relay.interrupt();
    running.ends(0, "undoing everything");
    assert!(!namespace.exists());
    let timeline = file::read(&fs::read_to_string(&path).unwrap())
        .unwrap()
        .remove(0);
    assert_eq!(broken(&timeline), Vec::<&str>::new());
}

#[test]
fn a_run_whose_api_server_is_gone_says_how_to_clear_up() {
    let Some(cluster) = cluster("a_run_whose_api_server_is_gone") else {
        return;
    };
    let relay = Relay::before(&cluster);
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("report.json");
    let written = ["--json", path.to_str().unwrap()];
    let (mut running, name) = begin(&relay.cluster, EXPERIMENT, &written);
    let namespace = Namespace::of(&cluster, &name);
    running.until("b fails readiness");
    let pod = namespace.pod();
    namespace.wait_ready(&pod, false);
    relay.close();
    let id = running.run_id();
    let said = running.ends(5, &format!("hint: `probeflip down --run {id} --context"));
    assert!(
        said.contains("error: cannot forward to port 18081"),
        "{said}"
    );
    let report: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(report["exit"], 5);
    let errors = report["errors"].as_array().unwrap();
    let told: Vec<_> = said
        .lines()
        .filter_map(|line| line.strip_prefix("error: "))
        .collect();
    let messages: Vec<_> = errors
        .iter()
        .map(|error| error["message"].as_str().unwrap())
        .collect();
    assert_eq!(messages, told);
    for error in errors {
        assert_eq!(error["experiment"], "readiness");
        assert!(error["causes"].as_array().unwrap().len() > 1, "{error}");
    }
    let hints = errors.last().unwrap()["hints"].to_string();
    assert!(
        hints.contains(&format!("probeflip down --run {id} --context")),
        "{hints}"
    );
    // The lease has expired, so the target has ended the flip.
    namespace.wait_ready(&pod, true);
    clears_up(&cluster, &id, &namespace);
}

/// Waits until the kubelet reports one more failed readiness probe. By then it has written
/// everything about the earlier failures.
fn wait_for_one_more_failure(namespace: &Namespace) {
    namespace.run(async |client, name| {
        let events: Api<Event> = Api::namespaced(client, &name);
        let of_probe = ListParams::default().fields("reason=Unhealthy");
        let listed = events.list(&of_probe).await.unwrap().items;
        let of_flip = |event: &&Event| {
            let message = event.message.as_ref();
            message.is_some_and(|message| message.contains("404"))
        };
        // Other events may be about attempts before the target listened.
        let event = listed.iter().find(of_flip).unwrap();
        let before = event.count;
        let again = move |event: Option<&Event>| event.is_some_and(|event| event.count > before);
        let name = event.metadata.name.as_ref().unwrap();
        let waited = await_condition(events, name, again);
        let waited = tokio::time::timeout(PATIENCE, waited).await;
        waited.expect("a failing probe must fail again").unwrap();
    });
}

/// The kinds whose watches are still broken at the end. At least one watch must have broken.
fn broken(timeline: &Timeline) -> Vec<&str> {
    let (mut broken, mut ever) = (Vec::new(), false);
    for record in timeline.records() {
        match &record.what {
            What::Down(gap) => {
                ever = true;
                broken.push(gap.kind.as_str());
            }
            What::Unbroken { kind } | What::Gap(Gap { kind, .. }) => {
                broken.retain(|known| known != kind);
            }
            _ => {}
        }
    }
    assert!(ever);
    broken
}
