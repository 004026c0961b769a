//! Effects of one step on the next: whether the next one runs, and which flips stay in force.

use std::fs;

use orchestrator::timeline::{Record, Timeline, What};
use tempfile::TempDir;

use crate::program::{Recorded, record, root};

#[test]
fn no_step_follows_one_whose_failure_only_late_requests_tell() {
    let ran = in_virtual_time(
        "traffic: [{ name: users-b, service: web-b, port: 80, rate: 100/s, path: /readyz }]",
        "
        - name: users get 404
          flip: { pod: deploy/web, container: b, probe: readiness, to: 404 }
          expect: [{ id: a, traffic: [users-b], that: { outcome: ok }, always: { for: 300ms } }]
        - name: never begun
          flip: { pod: deploy/web, container: a, probe: liveness, to: 500 }
          expect: [{ id: b, pod: deploy/web, that: { restarts: { delta: 1 } }, eventually: { within: 20s } }]
        ",
    );
    assert_eq!(ran.ended.code, 1, "{}", ran.ended.stdout);
    let begun = records(&ran).filter(|record| matches!(record.what, What::StepStart { .. }));
    assert_eq!(begun.count(), 1, "{}", ran.ended.stdout);
}

#[test]
fn a_flip_outlives_that_of_another_probe_on_the_same_port() {
    let ran = in_virtual_time(
        "traffic: []",
        "
        - name: liveness is refused
          flip: { pod: deploy/web, container: b, probe: liveness, to: refuse, shared: true }
          expect: [{ id: c, pod: deploy/web, that: { ready: 2/2 }, always: { for: 100ms } }]
        - name: so is readiness
          flip: { pod: deploy/web, container: b, probe: readiness, to: refuse, shared: true }
          expect: [{ id: d, pod: deploy/web, that: { ready: 2/2 }, always: { for: 100ms } }]
        - name: liveness passes, readiness is still refused
          flip: { pod: deploy/web, container: b, probe: liveness, to: pass }
          expect: [{ id: e, pod: deploy/web, that: { ready: 1/2 }, eventually: { within: 10s } }]
        ",
    );
    assert_eq!(
        ran.ended.code, 0,
        "{}{}",
        ran.ended.stdout, ran.ended.stderr
    );
}

#[test]
fn a_patch_that_would_change_nothing_for_a_typo_is_refused() {
    for (merge, expected) in [
        ("{ spec: { replica: 3 } }", "unknown field \"spec.replica\""),
        (
            "{ metadata: { name: other } }",
            "does not match the name on the URL",
        ),
    ] {
        let ran = in_virtual_time(
            "traffic: []",
            &format!(
                "
        - name: patched
          patch: {{ object: deploy/web, merge: {merge} }}
          expect: [{{ id: stays, pod: deploy/web, that: {{ ready: 2/2 }}, always: {{ for: 1s }} }}]
        "
            ),
        );
        assert_eq!(ran.ended.code, 2, "{}", ran.ended.stdout);
        assert!(ran.ended.stderr.contains(expected), "{}", ran.ended.stderr);
    }
}

/// Runs steps on the seed's workload with two Services.
fn in_virtual_time(traffic: &str, steps: &str) -> Recorded {
    let folder = TempDir::new().unwrap();
    let seed = root().join("manifests/seed");
    let seed = seed.display();
    let experiment = format!(
        "
apiVersion: probeflip.dev/v1alpha1
kind: Experiment
metadata: {{ name: steps }}
spec:
  workload: {{ files: [{seed}/deploy.yaml, {seed}/svc-2.yaml] }}
  {traffic}
  steadyState:
    within: 20s
    require: [{{ pod: deploy/web, that: {{ ready: 2/2 }} }}]
  steps:
{steps}
"
    );
    let file = folder.path().join("steps.yaml");
    fs::write(&file, experiment).unwrap();
    let options = ["--on", "virtual", "--latencies", "none"];
    let options = options.iter().map(AsRef::as_ref);
    record([file.as_os_str()].into_iter().chain(options))
}

fn records(ran: &Recorded) -> impl Iterator<Item = &Record> {
    ran.timelines.iter().flat_map(Timeline::records)
}
