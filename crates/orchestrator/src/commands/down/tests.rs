//! What runs left on the embedded cluster, in virtual time. It knows no roles, so what is forbidden
//! is forbidden by hand.

use http::Request;
use kube::{
    Client,
    api::{Api, DynamicObject, ListParams, PostParams},
    client::Body,
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};

use super::super::session::tests::{instead, on_virtual};
use super::*;

const OURS: [(&str, &str, &str); 4] = [
    ("", "v1", "ConfigMap"),
    ("", "v1", "Service"),
    ("apps", "v1", "ReplicaSet"),
    ("discovery.k8s.io", "v1", "EndpointSlice"),
];

fn api(client: &Client, (group, version, kind): (&str, &str, &str)) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    Api::namespaced_with(client.clone(), "default", &resource)
}

/// Makes one object of each kind for a run.
async fn leave(client: &Client, run: &str) {
    for of in OURS {
        let selector = json!({ "matchLabels": { "app": "none" } });
        let spec = match of.2 {
            "Service" => json!({ "selector": { "app": "none" }, "ports": [{ "port": 80 }] }),
            "ReplicaSet" => json!({ "replicas": 0, "selector": selector, "template": {
                "metadata": { "labels": { "app": "none" } },
                "spec": { "containers": [{ "name": "a", "image": "probe-target" }] },
            }}),
            _ => Value::Null,
        };
        let mut object =
            json!({ "metadata": { "name": run, "labels": { ownership::LABEL: run } } });
        if spec.is_object() {
            object["spec"] = spec;
        }
        if of.2 == "EndpointSlice" {
            object["addressType"] = "IPv4".into();
            object["endpoints"] = json!([]);
        }
        let object = serde_json::from_value(object).unwrap();
        api(client, of)
            .create(&PostParams::default(), &object)
            .await
            .unwrap();
    }
}

/// How many objects there are of those kinds.
async fn left(client: &Client) -> Vec<usize> {
    let mut left = Vec::new();
    for of in OURS {
        let listed = api(client, of).list(&ListParams::default()).await;
        left.push(listed.unwrap().items.len());
    }
    left
}

/// Takes the run `r1` down after it and `r2` left something, and says what is left of both.
fn down(answer: fn(&Request<Body>) -> Option<(u16, Value)>) -> (CommandResult, String, Vec<usize>) {
    let mut after = Vec::new();
    let (outcome, stderr) = on_virtual(async |mut session| {
        let client = session.cluster.client.clone();
        leave(&client, "r1").await;
        leave(&client, "r2").await;
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        let places = api(&client, OURS[3]).list(&ListParams::default()).await;
        assert_eq!(places.unwrap().items.len(), 4, "each Service has a slice");
        session.cluster.client = instead(client.clone(), answer);
        let outcome = run("r1", session).await;
        after = left(&client).await;
        outcome
    });
    (outcome, stderr, after)
}

fn forbidden(request: &Request<Body>, plurals: &[&str]) -> Option<(u16, Value)> {
    let path = request.uri().path();
    let of_them = plurals
        .iter()
        .any(|plural| path.ends_with(&format!("/{plural}")));
    let status = json!({ "status": "Failure", "message": "not yours", "code": 403 });
    (of_them && request.method() == http::Method::GET).then_some((403, status))
}

/// Discovery as before Kubernetes 1.26, a document for each group.
fn of_old(request: &Request<Body>) -> Option<(u16, Value)> {
    let accepted = request.headers().get(http::header::ACCEPT)?.to_str();
    let status = json!({ "status": "Failure", "message": "only JSON", "code": 406 });
    let aggregated = accepted.unwrap().contains("APIGroupDiscoveryList");
    aggregated.then_some((406, status))
}

#[test]
fn every_kind_is_looked_through() {
    for discovery in [|_: &Request<Body>| None, of_old] {
        let (outcome, stderr, left) = down(discovery);
        assert_eq!(outcome.unwrap(), Exit::Held);
        assert_eq!(
            stderr,
            "deleting configmap/r1\ndeleting service/r1\ndeleting replicaset/r1\ndeleting endpointslice/r1\n\
             nothing of run `r1` is left\n"
        );
        assert_eq!(left, [1, 1, 1, 2], "what another run left stays");
    }
}

#[test]
fn what_may_not_be_listed_is_said() {
    let (outcome, stderr, left) =
        down(|request| forbidden(request, &["namespaces", "configmaps", "secrets"]));
    assert_eq!(outcome.unwrap(), Exit::Held);
    assert!(
        stderr.ends_with(
            "warning: not looked through, as they may not be listed: namespaces, configmaps, secrets\n\
             nothing of run `r1` is left among the other kinds\n"
        ),
        "{stderr}"
    );
    assert_eq!(left, [2, 1, 1, 2]);
}

#[test]
fn who_may_list_nothing_learns_nothing() {
    let (outcome, stderr, left) = down(|request| {
        let listed = request
            .uri()
            .query()
            .is_some_and(|query| query.contains("labelSelector"));
        let status = json!({ "status": "Failure", "message": "not yours", "code": 403 });
        listed.then_some((403, status))
    });
    let failure = outcome.unwrap_err();
    assert_eq!(failure.exit, Exit::Infrastructure);
    let message = failure.error.to_string();
    assert!(message.starts_with("cannot list "), "{message}");
    assert_eq!(stderr, "");
    assert_eq!(left, [2, 2, 2, 4]);
}

#[test]
fn not_all_of_many_kinds_are_named() {
    let kinds: Vec<String> = (1..=10).map(|kind| format!("k{kind}")).collect();
    assert_eq!(
        not_looked_through(&kinds),
        "not looked through, as they may not be listed: k1, k2, k3, k4, k5, k6, k7, k8 and 2 more"
    );
}
