//! Probes with every kind of path: a flip must act on the route that the kubelet requests.
//!
//! Each path has its own container. The kubelet must notice the flip, and the target's journal must
//! contain no other path.

use std::{collections::BTreeMap, fs};

use orchestrator::timeline::{Timeline, What};
use probe_target::{model::route_path::RoutePath, request_target};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Recorded, cluster, image, probeflip, record_with};

/// Go's request for each path, as recorded by `peers/probe_urls.rs`.
const RECORDED: &str = include_str!("../recordings/probe-urls.jsonl");

/// How the probe requests a path.
#[derive(Debug, Clone, Copy)]
enum Asking {
    HttpGet,
    /// By `probe-target check http` in the container.
    Exec,
}

/// A path in a probe's spec and the route it must map to; `None` if it cannot be flipped.
type Case = (String, Option<RoutePath>);

#[test]
fn a_flip_is_reached_by_every_http_probe() {
    check(&flippable(http_cases()), Asking::HttpGet);
}

#[test]
fn a_flip_is_reached_by_every_exec_probe() {
    let cases = flippable(exec_cases());
    assert!(cases.len() >= 80, "{}", cases.len());
    check(&cases, Asking::Exec);
}

#[test]
fn a_path_that_comes_to_no_request_is_refused_when_the_file_is_read() {
    for (cases, asking) in [
        (http_cases(), Asking::HttpGet),
        (exec_cases(), Asking::Exec),
    ] {
        let mut refused = cases;
        refused.retain(|(_, route)| route.is_none());
        assert!(!refused.is_empty());
        let ran = in_virtual_time(&refused, asking);
        assert_eq!(ran.ended.code, 2, "{}", ran.ended.stderr);
        let told = ran.ended.stderr.matches("does not ask a probe-target");
        assert_eq!(told.count(), refused.len(), "{}", ran.ended.stderr);
    }
}

#[test]
fn a_node_asks_for_the_same_paths() {
    let Some(cluster) = cluster("a_node_asks_for_the_same_paths") else {
        return;
    };
    for (cases, asking) in [
        (http_cases(), Asking::HttpGet),
        (exec_cases(), Asking::Exec),
    ] {
        let mut dozen = flippable(cases);
        dozen.retain(|(path, _)| DOZEN.contains(&path.as_str()));
        let ran = run(cluster.command(), &cluster.named(), &dozen, asking);
        compare(&ran, &dozen);
    }
}

/// The paths tested on a real node, one of each kind. Commands use only those that begin with a
/// slash.
const DOZEN: [&str; 14] = [
    "healthz",
    "//healthz/x",
    "///healthz",
    "/a/./b/../c",
    "/ready%20z",
    "/a%2Fb",
    "/%ff",
    "/%zz?a=b",
    "/a?b%zz",
    "/a#%zz",
    "//us%65r:p%40w@h/x",
    "https://elsewhere:8443/x?y#z",
    "1:2",
    "/a\tb",
];

fn http_cases() -> Vec<Case> {
    let case = |line| {
        let recorded: Value = serde_json::from_str(line).unwrap();
        let decoded = recorded["decoded"].as_str().map(|it| it.parse().unwrap());
        (recorded["path"].as_str().unwrap().to_owned(), decoded)
    };
    RECORDED.lines().map(case).collect()
}

/// The paths of `http_cases`, requested by an exec probe's command.
fn exec_cases() -> Vec<Case> {
    let route = |path: &str| request_target::route(&request_target::of_path(path));
    let case = |(path, _): Case| {
        let route = path.starts_with('/').then(|| route(&path).unwrap());
        (path, route)
    };
    // The API defaults an empty path to `/` only in `httpGet`, not in a command.
    http_cases().into_iter().map(case).collect()
}

fn flippable(mut cases: Vec<Case>) -> Vec<Case> {
    cases.retain(|(_, route)| route.is_some());
    cases
}

fn check(cases: &[Case], asking: Asking) {
    compare(&in_virtual_time(cases, asking), cases);
}

/// Checks that every container became unready by its flip, and that only its route was requested.
fn compare(ran: &Recorded, cases: &[Case]) {
    assert_eq!(
        ran.ended.code, 0,
        "{}{}",
        ran.ended.stdout, ran.ended.stderr
    );
    let mut asked: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for record in ran.timelines.iter().flat_map(Timeline::records) {
        if let What::Hit(hit) = &record.what {
            let paths = asked.entry(&hit.target.container).or_default();
            if !paths.contains(&hit.path.as_str()) {
                paths.push(&hit.path);
            }
        }
    }
    for (number, (path, route)) in cases.iter().enumerate() {
        let expected = route.as_ref().unwrap().to_string();
        assert_eq!(asked[&*container_name(number)], [&expected], "{path:?}");
    }
}

fn in_virtual_time(cases: &[Case], asking: Asking) -> Recorded {
    run(probeflip(), &["--on", "virtual"], cases, asking)
}

fn run(command: std::process::Command, place: &[&str], cases: &[Case], asking: Asking) -> Recorded {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("probe-paths.yaml");
    fs::write(&file, experiment(cases, asking).to_string()).unwrap();
    let file = file.to_str().unwrap();
    record_with(command, [file].iter().chain(place))
}

/// Containers in a Pod. Fewer would mean more Pods and more expectations to judge.
const IN_A_POD: usize = 16;

/// An experiment with one container per path, many in a Pod, that flips all of them to a failure.
fn experiment(cases: &[Case], asking: Asking) -> Value {
    let containers: Vec<Value> = (0..)
        .zip(cases)
        .map(|(number, (path, _))| container(number, path, asking))
        .collect();
    let pods: Vec<(String, &[Value])> = (0..)
        .zip(containers.chunks(IN_A_POD))
        .map(|(number, containers)| (format!("p{number}"), containers))
        .collect();
    let objects = pods.iter().map(|(name, containers)| pod(name, containers));
    let ready = pods.iter().map(|(name, containers)| {
        let all = containers.len();
        json!({ "pod": format!("pod/{name}"), "that": { "ready": format!("{all}/{all}") } })
    });
    let flips = pods.iter().flat_map(|(name, containers)| {
        let pod = format!("pod/{name}");
        let flip = move |container: &Value| {
            json!({ "pod": pod, "container": container["name"], "probe": "readiness", "to": "503" })
        };
        containers.iter().map(flip)
    });
    let unready = pods.iter().map(|(name, containers)| {
        let none = format!("0/{}", containers.len());
        json!({
            "id": name,
            "pod": format!("pod/{name}"),
            "that": { "ready": none },
            "eventually": { "within": "20s" },
        })
    });
    json!({
        "apiVersion": "probeflip.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": { "name": "probe-paths" },
        "spec": {
            "workload": { "objects": objects.collect::<Vec<_>>() },
            "steadyState": { "within": "2m", "require": ready.collect::<Vec<_>>() },
            "steps": [{
                "name": "every probe fails",
                "flip": flips.collect::<Vec<_>>(),
                "expect": unready.collect::<Vec<_>>(),
            }],
        },
    })
}

fn container_name(number: usize) -> String {
    format!("c{number}")
}

fn container(number: usize, path: &str, asking: Asking) -> Value {
    let port = 8080 + number;
    let mut probe = match asking {
        Asking::HttpGet => json!({ "httpGet": { "path": path, "port": port } }),
        Asking::Exec => {
            // The kubelet expands `$(…)` in commands.
            let path = path.replace('$', "$$");
            let address = format!("127.0.0.1:{port}");
            let command = ["/probe-target", "check", "http", &address, &path];
            json!({ "exec": { "command": command }, "timeoutSeconds": 2 })
        }
    };
    probe["periodSeconds"] = json!(1);
    probe["failureThreshold"] = json!(1);
    json!({
        "name": container_name(number),
        "image": image(),
        "imagePullPolicy": "IfNotPresent",
        "args": [format!("--port={port}")],
        "ports": [{ "containerPort": port }],
        "readinessProbe": probe,
    })
}

fn pod(name: &str, containers: &[Value]) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name },
        "spec": {
            "automountServiceAccountToken": false,
            "terminationGracePeriodSeconds": 1,
            "containers": containers,
        },
    })
}
