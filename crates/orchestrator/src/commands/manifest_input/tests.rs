//! Choice of workloads, and a live namespace as input.

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
            matches!(reference(text), Err(InputError::NoReference(_))),
            "{text}"
        );
    }
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
        let error = originals::list(&client, "shop", &[]).await.unwrap_err();
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
