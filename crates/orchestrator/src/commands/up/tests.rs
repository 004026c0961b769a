//! Workloads on the embedded cluster in virtual time. It serves no `StatefulSet`, so that is
//! answered by hand.

use http::{Method, Request};
use kube::client::Body;
use serde_json::{Value, json};

use super::super::session::tests::{instead, on_virtual};
use super::*;
use crate::input::experiment::Source;

/// How `up` ends with this object, and what it says beside.
fn up(
    object: &Value,
    answer: fn(&Request<Body>) -> Option<(u16, Value)>,
) -> (CommandResult, String) {
    let source = Source {
        path: "w.yaml".into(),
        text: object.to_string().into(),
    };
    let manifests = load::load(&source).unwrap().manifests;
    on_virtual(async |mut session| {
        session.cluster.client = instead(session.cluster.client.clone(), answer);
        run(&manifests, session).await
    })
}

fn replica_set(path: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": { "name": "web" },
        "spec": { "selector": { "matchLabels": { "app": "web" } }, "template": {
            "metadata": { "labels": { "app": "web" } },
            "spec": { "containers": [{
                "name": "a", "image": "probe-target",
                "args": ["--port", "8080", "--route", "/unready=503"],
                "readinessProbe": { "httpGet": { "port": 8080, "path": path } },
            }]},
        }},
    })
}

#[test]
fn a_replica_set_is_waited_for() {
    let (outcome, stderr) = up(&replica_set("/"), |_| None);
    assert_eq!(outcome.unwrap(), Exit::Held);
    assert_eq!(stderr, "applied replicaset/web\navailable\n");
    let failure = up(&replica_set("/unready"), |_| None).0.unwrap_err();
    assert_eq!(failure.exit, Exit::Infrastructure);
    assert_eq!(
        failure.error.to_string(),
        "not available after 300s; replicaset/web: 0 of 1 pods are available"
    );
}

fn stateful_set(ready: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": { "name": "db", "uid": "u1", "generation": 1, "resourceVersion": "7", "labels": { "probeflip.dev/run": "up" } },
        "spec": { "replicas": 1 },
        "status": { "observedGeneration": 1, "readyReplicas": ready, "updatedReplicas": 1 },
    })
}

/// A `StatefulSet` that is ready when it is watched, and not before.
fn ready_later(request: &Request<Body>) -> Option<(u16, Value)> {
    let uri = request.uri();
    if !uri.path().contains("/statefulsets") {
        return None;
    }
    let watched = uri
        .query()
        .is_some_and(|query| query.contains("watch=true"));
    let answer = match request.method() {
        _ if watched => json!({ "type": "MODIFIED", "object": stateful_set(1) }),
        &Method::GET if uri.path().ends_with("/statefulsets") => {
            json!({ "metadata": { "resourceVersion": "7" }, "items": [stateful_set(0)] })
        }
        _ => stateful_set(0),
    };
    Some((200, answer))
}

#[test]
fn a_stateful_set_is_waited_for() {
    let (outcome, stderr) = up(&stateful_set(0), ready_later);
    assert_eq!(outcome.unwrap(), Exit::Held);
    assert_eq!(stderr, "applied statefulset/db\navailable\n");
    let failure = up(&stateful_set(0), |request| {
        let listed = request.uri().path().ends_with("/statefulsets");
        let status = json!({ "status": "Failure", "message": "not yours", "code": 403 });
        if listed {
            Some((403, status))
        } else {
            ready_later(request)
        }
    });
    let failure = failure.0.unwrap_err();
    assert_eq!(failure.exit, Exit::Infrastructure);
    let message = failure.error.to_string();
    assert_eq!(message, "cannot watch statefulsets in namespace `default`");
}
