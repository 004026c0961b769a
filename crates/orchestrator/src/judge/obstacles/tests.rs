//! Workloads that never get well, and what is said of them.

use serde_json::json;

use super::*;
use crate::timeline::{Change, Micros, What, scripted_timeline::header};

/// A Pod of this run with a container `main` that has these ports and this readiness probe.
fn pod(ports: &Value, readiness: &Value, ready: bool) -> Value {
    let status = if ready { "True" } else { "False" };
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "api", "uid": "p1", "labels": { "app": "api", ownership::LABEL: header().run } },
        "spec": { "containers": [{ "name": "main", "ports": ports, "readinessProbe": readiness }] },
        "status": { "conditions": [{ "type": "Ready", "status": status }] },
    })
}

fn service(selector: &Value, target: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": "api", "uid": "s1", "labels": { ownership::LABEL: header().run } },
        "spec": { "selector": selector, "ports": [{ "port": 80, "targetPort": target }] },
    })
}

fn event(about: &str, severity: &str, message: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Event", "metadata": { "name": message, "namespace": "test" },
        "type": severity, "reason": "Unhealthy", "message": message,
        "involvedObject": { "kind": "Pod", "name": "api", "uid": about },
    })
}

fn named() -> Value {
    json!([{ "name": "http", "containerPort": 8080 }, { "containerPort": 9090 }])
}

fn check(objects: &[Value], expected: &[&str]) {
    let mut timeline = Timeline::new(header());
    for object in objects {
        timeline.push(Micros::ZERO, What::watched(Change::Added, object.clone()));
    }
    timeline.push(Micros::ZERO, What::Reverting);
    let undone = event("p1", "Warning", "of the undoing");
    timeline.push(Micros::ZERO, What::watched(Change::Added, undone));
    assert_eq!(obstacles(&timeline), expected);
}

#[test]
fn a_service_that_selects_nothing() {
    let other = service(&json!({ "app": "apy", "tier": "x" }), &json!(8080));
    let pod = pod(&named(), &Value::Null, true);
    check(
        &[pod, other],
        &["service api has no endpoints: no pod has the labels `app=apy,tier=x`"],
    );
    check(&[service(&Value::Null, &json!(8080))], &[]);
}

#[test]
fn a_service_whose_pods_are_not_ready() {
    let select = json!({ "app": "api" });
    let pod = |ready| pod(&named(), &Value::Null, ready);
    check(
        &[pod(false), service(&select, &json!("http"))],
        &["service api has no ready endpoint: its pod is not ready"],
    );
    check(&[pod(true), service(&select, &json!("http"))], &[]);
    let mut early = service(&select, &json!("http"));
    early["spec"]["publishNotReadyAddresses"] = true.into();
    check(&[pod(false), early], &[]);
}

#[test]
fn a_target_port_that_no_container_names() {
    let select = json!({ "app": "api" });
    check(
        &[
            pod(&named(), &Value::Null, true),
            service(&select, &json!("htpp")),
        ],
        &[
            "service api has no endpoints for its targetPort `htpp`: no container names a port so; named ports are `http`",
        ],
    );
    check(
        &[
            pod(&json!([]), &Value::Null, true),
            service(&select, &json!("web")),
        ],
        &[
            "service api has no endpoints for its targetPort `web`: no container names a port so; there are no named ports",
        ],
    );
    check(
        &[
            pod(&json!([]), &Value::Null, true),
            service(&select, &json!(7000)),
        ],
        &[],
    );
}

#[test]
fn a_probe_of_a_port_that_its_container_does_not_name() {
    let probe = |port: Value| json!({ "httpGet": { "port": port } });
    check(
        &[pod(&named(), &probe(json!("web")), false)],
        &[
            "the readiness probe of container main of pod api asks for port `web`, and the container names no port so; named ports are `http`",
        ],
    );
    check(&[pod(&named(), &probe(json!("http")), false)], &[]);
    check(&[pod(&named(), &probe(json!("8080")), false)], &[]);
}

#[test]
fn the_last_warning_of_the_workload() {
    let pod = pod(&named(), &Value::Null, true);
    let events = [
        event("p1", "Warning", "first"),
        event("p1", "Warning", "second\nmore"),
        event("p1", "Normal", "no warning"),
        event("p2", "Warning", "of another workload"),
    ];
    check(
        &[&[pod], &events[..]].concat(),
        &["the last warning is of pod api: Unhealthy: second"],
    );
}

#[test]
fn what_no_waiting_helps_against_comes_first() {
    let mut pod = pod(&named(), &Value::Null, false);
    pod["status"]["containerStatuses"] = json!([{
        "name": "main", "image": "api:1", "imageID": "", "ready": false, "restartCount": 0,
        "state": { "waiting": { "reason": "ErrImagePull", "message": "no such image" } },
    }]);
    check(
        &[service(&json!({ "app": "api" }), &json!(80)), pod],
        &[
            "container main of pod api: ErrImagePull: no such image",
            "service api has no ready endpoint: its pod is not ready",
        ],
    );
}
