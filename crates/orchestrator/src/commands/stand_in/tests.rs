//! Choice of workloads, and a live namespace as input.

use std::time::Duration;

use k8s_openapi::api::{apps::v1::Deployment, core::v1::Service};
use kube::{Api, Client, api::PostParams};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::*;
use crate::{
    commands::session::tests::{instead, on_virtual},
    error_chain,
};

fn objects() -> Vec<Value> {
    let workload = |kind: &str, name: &str| {
        let template = json!({ "metadata": { "labels": { "app": name } } });
        json!({ "kind": kind, "metadata": { "name": name }, "spec": { "template": template } })
    };
    let service = |name: &str, app: &str| {
        let spec = json!({ "selector": { "app": app } });
        json!({ "kind": "Service", "metadata": { "name": name }, "spec": spec })
    };
    vec![
        workload("Deployment", "web"),
        workload("StatefulSet", "db"),
        service("front", "web"),
        service("store", "db"),
        json!({ "kind": "Service", "metadata": { "name": "bare" }, "spec": {} }),
        json!({ "kind": "HorizontalPodAutoscaler", "metadata": { "name": "web" } }),
    ]
}

fn check(wanted: &[&str], expected: &[&str]) {
    let wanted: Vec<Wanted> = wanted.iter().map(|text| reference(text).unwrap()).collect();
    let names = match chosen(objects(), &wanted, "shop") {
        Ok(chosen) => chosen
            .iter()
            .map(|object| object["metadata"]["name"].as_str().unwrap().to_owned())
            .collect(),
        Err(error) => vec![error.to_string()],
    };
    assert_eq!(names, expected, "{wanted:?}");
}

#[test]
fn a_workload_comes_with_the_services_that_select_it() {
    check(&["deploy/web"], &["web", "front", "web"]);
    check(
        &["sts/db", "deployment/web"],
        &["web", "db", "front", "store", "web"],
    );
    check(&[], &["web", "db", "front", "store", "bare", "web"]);
}

#[test]
fn what_is_not_there_is_an_error() {
    check(&["ds/web"], &["namespace `shop` has no daemonset `web`"]);
    for text in ["web", "svc/web", "deploy"] {
        assert!(
            matches!(reference(text), Err(StandInError::NoReference(_))),
            "{text}"
        );
    }
}

const RUNNING: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: c
          image: probe-target:0.1.0
          imagePullPolicy: IfNotPresent
          ports: [{ containerPort: 80 }]
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80 }] }
";

async fn create<K>(client: &Client, namespace: &str, manifest: &Manifest)
where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + serde::Serialize
        + std::fmt::Debug,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let object = manifest.typed().unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}

#[test]
fn a_live_namespace_gives_what_was_applied_to_it() {
    let (outcome, _) = on_virtual(async |session| {
        let (client, namespace) = (&session.cluster.client, &session.namespace);
        let source = Source {
            path: "in.yaml".into(),
            text: RUNNING.into(),
        };
        let manifests = load::load(&source)?.manifests;
        create::<Deployment>(client, namespace, &manifests[0]).await;
        create::<Service>(client, namespace, &manifests[1]).await;
        let live = loop {
            let live = originals::list(client, namespace).await?;
            // The controllers have made a ReplicaSet and a Pod, which the Deployment makes anew.
            if live.iter().any(|object| object["kind"] == "Pod") {
                break live;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let settings = Settings {
            namespace: Some("copy".to_owned()),
            ..Settings::default()
        };
        let of_live = stand_in::convert(&manifests_of(&live, namespace)?, &settings)?;
        let of_file = stand_in::convert(&manifests, &settings)?;
        // The API server has added defaults, all of which are what absence means.
        let text = stand_in::text(&of_live.objects);
        for object in &of_file.objects {
            let kind = object["kind"].as_str().unwrap();
            assert!(text.contains(&format!("kind: {kind}")), "{text}");
        }
        assert_eq!(of_live.objects.len(), of_file.objects.len(), "{text}");
        assert!(!text.contains("uid") && !text.contains("status"), "{text}");
        let owned = "left out, as their controllers make them: Pod 1, ReplicaSet 1";
        assert_eq!(of_live.notes, [owned]);
        Ok(Exit::Held)
    });
    assert_eq!(outcome.unwrap(), Exit::Held);
}

#[test]
fn a_right_that_is_missing_is_named() {
    let (outcome, _) = on_virtual(async |session| {
        let message = "statefulsets.apps is forbidden: User \"u\" cannot list resource";
        let client = instead(session.cluster.client.clone(), move |request| {
            let status = json!({
                "kind": "Status", "status": "Failure", "code": 403, "reason": "Forbidden",
                "message": message,
            });
            request
                .uri()
                .path()
                .ends_with("/statefulsets")
                .then_some((403, status))
        });
        let error = originals::list(&client, "shop").await.unwrap_err();
        assert_eq!(error.exit(), Exit::Infrastructure);
        let text = error_chain::text(&error);
        assert!(
            text.starts_with("cannot list statefulsets in namespace `shop`: "),
            "{text}"
        );
        assert!(text.contains(message), "{text}");
        Ok(Exit::Held)
    });
    assert_eq!(outcome.unwrap(), Exit::Held);
}
