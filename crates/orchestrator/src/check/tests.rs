//! The seed's experiment and workload, with one thing changed at a time.

#![expect(clippy::needless_raw_string_hashes, reason = "`UPDATE_EXPECT=1` writes them")]

use expect_test::{Expect, expect};

use super::*;
use crate::experiment::Source;
use crate::load::load;

const EXPERIMENT: &str = include_str!("../../../../manifests/seed/two-services.yaml");
const WORKLOAD: [(&str, &str); 2] = [
    ("deploy.yaml", include_str!("../../../../manifests/seed/deploy.yaml")),
    ("svc-2.yaml", include_str!("../../../../manifests/seed/svc-2.yaml")),
];

fn source(path: &str, text: &str) -> Source {
    Source { path: path.into(), text: text.into() }
}

fn said(experiment: &str, workload: &[(&str, &str)]) -> String {
    let experiment = load(&source("two-services.yaml", experiment)).unwrap().experiments.remove(0);
    let manifests: Vec<Manifest> =
        workload.iter().flat_map(|(path, text)| load(&source(path, text)).unwrap().manifests).collect();
    match (check(&experiment, &manifests), check_patches(&experiment, &manifests)) {
        (Ok(()), Ok(())) => "fine".into(),
        (Err(problems), _) => problems.to_string(),
        (_, Err(refused)) => format!("refused: {refused}"),
    }
}

/// The experiment with one thing changed.
fn check_experiment(from: &str, to: &str, expected: &Expect) {
    assert!(EXPERIMENT.contains(from), "`{from}` must stand in the experiment");
    expected.assert_eq(&said(&EXPERIMENT.replacen(from, to, 1), &WORKLOAD));
}

/// The workload with one thing changed everywhere.
fn check_workload(from: &str, to: &str, expected: &Expect) {
    assert!(WORKLOAD.iter().any(|(_, text)| text.contains(from)), "`{from}` must stand in the workload");
    let changed = WORKLOAD.map(|(path, text)| (path, text.replace(from, to)));
    let changed: Vec<(&str, &str)> = changed.iter().map(|(path, text)| (*path, text.as_str())).collect();
    expected.assert_eq(&said(EXPERIMENT, &changed));
}

#[test]
fn the_seed_is_fine() {
    expect!["fine"].assert_eq(&said(EXPERIMENT, &WORKLOAD));
}

#[test]
fn names_must_exist() {
    check_experiment("container: b, probe", "container: c, probe", &expect![""]);
    check_experiment("{ pod: deploy/web, that", "{ pod: deploy/wep, that", &expect![""]);
    check_experiment("service: web-b, port: 80", "service: web-c, port: 80", &expect![""]);
    check_experiment("service: web-b, port: 80", "service: web-b, port: 8080", &expect![""]);
    check_experiment("endpoints: [web-a, web-b]", "endpoints: [web-a, weba]", &expect![""]);
    check_experiment("pod: deploy/web\n", "deployment: wob\n", &expect![""]);
}

#[test]
fn a_flip_must_be_possible() {
    check_experiment("probe: readiness", "probe: startup", &expect![""]);
    check_workload("image: probe-target:0.1.0", "image: nginx:1", &expect![""]);
    check_workload("path: /readyz", "path: /livez", &expect![""]);
    check_workload("httpGet: { path: /readyz, port: http-b }", "tcpSocket: { port: http-b }", &expect![""]);
}

#[test]
fn traffic_needs_an_address() {
    check_workload("spec:\n  selector:", "spec:\n  clusterIP: None\n  selector:", &expect![""]);
}

#[test]
fn manifests_must_be_what_they_say() {
    check_workload("periodSeconds: 2", "periodSeconds: soon", &expect![""]);
    check_workload("name: web-b", "name: web-a", &expect![""]);
}

#[test]
fn only_what_the_run_creates_is_patched() {
    let patch = "patch: { object: deploy/other, merge: { spec: {} } }";
    check_experiment(
        "flip: { pod: deploy/web, container: b, probe: readiness, to: 404 }",
        patch,
        &expect![""],
    );
}
