//! The API as a client sees it: requests and responses over the router, without a transport.

mod discovery;
mod evictions;
mod forms;
mod lists;
mod objects;
mod patches;
mod refusals;
pub(super) mod upgrades;
mod watches;

use std::sync::{Arc, Mutex};

use axum::body::Body;
use expect_test::Expect;
use futures::StreamExt;
use hyper::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::image::{Logs, Running};
use crate::latencies::Chance;
use crate::net::Network;
use crate::registry::Registry;
use crate::registry::tests::registry;
use crate::tasks::Tasks;

const PODS: &str = "/api/v1/namespaces/default/pods";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";
const SERVICES: &str = "/api/v1/namespaces/default/services";
const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";

/// A client of a cluster without controllers and kubelet. The namespace `default` exists.
struct Client {
    router: Router,
    registry: Registry,
}

impl Client {
    fn new() -> Self {
        let registry = registry();
        let network = Network::default();
        let server = Server {
            registry: registry.clone(),
            network,
            logs: Logs::default(),
            running: Running::default(),
            tasks: Tasks::default(),
            chance: Arc::new(Mutex::new(Chance::none())),
            yaml: None,
        };
        Self {
            router: router(server),
            registry,
        }
    }

    async fn response(&self, method: &str, path: &str, media_type: &str, body: Body) -> Response {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(CONTENT_TYPE, media_type)
            .header(USER_AGENT, "test/1.0")
            .body(body)
            .unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn send(&self, method: &str, path: &str, media_type: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() {
            Body::empty()
        } else {
            body.to_string().into()
        };
        let response = self.response(method, path, media_type, body).await;
        let status = response.status().as_u16();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn get(&self, path: &str) -> Value {
        self.send("GET", path, "", &Value::Null).await.1
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send("POST", path, "application/json", body).await
    }

    async fn delete(&self, path: &str, options: &Value) -> (u16, Value) {
        self.send("DELETE", path, "application/json", options).await
    }

    async fn watch(&self, path: &str) -> Lines {
        let response = self.response("GET", path, "", Body::empty()).await;
        assert_eq!(response.status(), 200);
        Lines(response.into_body().into_data_stream())
    }
}

struct Lines(axum::body::BodyDataStream);

impl Lines {
    /// Type, name and version of the next event.
    async fn next(&mut self) -> Option<(String, String, String)> {
        let line = self.0.next().await?.unwrap();
        assert!(line.ends_with(b"\n"));
        let event: Value = serde_json::from_slice(&line).unwrap();
        let text = |pointer: &str| {
            event
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        Some((
            text("/type"),
            text("/object/metadata/name"),
            text("/object/metadata/resourceVersion"),
        ))
    }

    async fn kinds(&mut self, count: usize) -> String {
        let mut kinds = Vec::new();
        for _ in 0..count {
            let (kind, name, _) = self.next().await.unwrap();
            kinds.push(format!("{kind} {name}"));
        }
        kinds.join(", ")
    }
}

fn pod(name: &str) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": [{"name": "a", "image": "probe-target:1"}]},
    })
}

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [
                    {"name": "a", "image": "probe-target:1", "args": ["--port", "8080"]},
                    {"name": "b", "image": "probe-target:1"},
                ]},
            },
        },
    })
}

fn names(list: &Value) -> Vec<&str> {
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect()
}

/// Code, reason and message of a refusal.
fn check_refused((code, status): &(u16, Value), expected: &Expect) {
    assert_eq!(
        (status["kind"].as_str(), status["code"].as_u64()),
        (Some("Status"), Some((*code).into()))
    );
    let (reason, message) = (
        status["reason"].as_str().unwrap(),
        status["message"].as_str().unwrap(),
    );
    expected.assert_eq(&format!("{code} {reason}: {message}"));
}
