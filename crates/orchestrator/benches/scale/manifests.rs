//! The generated experiments.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// All Pods are flipped for half a virtual minute and flipped back.
pub(crate) fn minute(directory: &Path, pods: usize) -> PathBuf {
    let flip = |name: &str, to: &str, ready: &str, lasts: &str| {
        json!({
            "name": name,
            "flip": { "pod": "deploy/crowd", "container": "b", "probe": "readiness", "to": to },
            "expect": [
                { "id": format!("pods-{to}"), "pod": "deploy/crowd", "that": { "ready": ready },
                    "eventually": { "within": "35s" } },
                { "id": format!("a-{to}"), "pod": "deploy/crowd", "container": "a",
                    "that": { "ready": true }, "always": { "for": lasts } },
            ],
        })
    };
    let steps = [
        flip("fail", "404", "1/2", "32s"),
        flip("pass", "pass", "2/2", "15s"),
    ];
    write(directory, "minute", pods, &json!(steps))
}

/// Nothing happens for a while.
pub(crate) fn rest(directory: &Path, pods: usize) -> PathBuf {
    let step = json!({
        "name": "rest",
        "patch": { "object": "deploy/crowd", "merge": { "metadata": { "labels": { "a": "b" } } } },
        "expect": [
            { "id": "ready", "deployment": "crowd", "that": { "ready": pods },
                "always": { "for": "10m" } },
        ],
    });
    write(directory, "rest", pods, &json!([step]))
}

/// A rollout of three Pods a minute.
pub(crate) fn rollouts(directory: &Path, minutes: usize) -> PathBuf {
    let rollout = |minute| {
        let annotations = json!({ "minute": format!("{minute}") });
        let template = json!({ "metadata": { "annotations": annotations } });
        json!({
            "name": format!("minute {minute}"),
            "patch": { "object": "deploy/crowd", "merge": { "spec": { "template": template } } },
            "expect": [
                { "id": format!("rolled-out-{minute}"), "deployment": "crowd",
                    "that": { "updated": 3, "ready": 3 }, "eventually": { "within": "55s" } },
                { "id": format!("any-{minute}"), "deployment": "crowd",
                    "that": { "ready": 0 }, "never": { "for": "60s" } },
            ],
        })
    };
    let steps: Vec<Value> = (0..minutes).map(rollout).collect();
    write(directory, "rollouts", 3, &json!(steps))
}

/// Writes an experiment with these steps, whose Deployment has so many Pods of two containers with
/// two probes each, every ten seconds.
fn write(directory: &Path, name: &str, pods: usize, steps: &Value) -> PathBuf {
    let probe = |path: &str, port: u16| json!({ "httpGet": { "path": path, "port": port }, "periodSeconds": 10 });
    let container = |name: &str, port: u16| {
        json!({
            "name": name,
            "image": "probe-target:0.1.0",
            "args": [format!("--port={port}")],
            "ports": [{ "containerPort": port }],
            "livenessProbe": probe("/livez", port),
            "readinessProbe": probe("/readyz", port),
        })
    };
    let labels = json!({ "app": "crowd" });
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "crowd" },
        "spec": {
            "replicas": pods,
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": {
                    "terminationGracePeriodSeconds": 2,
                    "containers": [container("a", 8080), container("b", 8081)],
                },
            },
        },
    });
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "crowd" },
        "spec": { "selector": labels, "ports": [{ "port": 80, "targetPort": 8080 }] },
    });
    let experiment = json!({
        "apiVersion": "probeflip.dev/v1alpha1", "kind": "Experiment", "metadata": { "name": name },
        "spec": {
            "workload": { "objects": [deployment, service] },
            "steadyState": {
                "within": "120s",
                "require": [{ "deployment": "crowd", "that": { "ready": pods } }],
            },
            "steps": steps,
        },
    });
    let file = directory.join(format!("{name}-{pods}.yaml"));
    fs::write(&file, experiment.to_string()).unwrap();
    file
}
