//! API discovery: the version, groups and resources that the API serves.
//!
//! There are two forms: aggregated (two documents for everything), for clients that ask for it by
//! media type, and the older form of one document per group.

use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};

use super::{answer, events};
use crate::api_status::ApiError;
use crate::kinds::{KINDS, KUBERNETES_VERSION, Kind};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const VERBS: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];
const VERBS_OF_FIXED: [&str; 5] = ["get", "list", "patch", "update", "watch"];
const PART_VERBS: [&str; 3] = ["get", "patch", "update"];

/// A subresource.
struct Part {
    name: &'static str,
    group: &'static str,
    kind: &'static str,
    verbs: &'static [&'static str],
}

/// The response to `/version`.
pub(super) fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "gitVersion": KUBERNETES_VERSION, "gitCommit": "",
        "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "",
        "compiler": "",
        "platform": "",
    })
}

/// The response to `/api`.
pub(super) fn core(headers: &HeaderMap) -> Response {
    if wants_aggregated(headers) {
        return aggregated(&[""]);
    }
    let body = json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []});
    answer::json(StatusCode::OK, &body)
}

/// The response to `/apis`.
pub(super) fn groups(headers: &HeaderMap) -> Response {
    if wants_aggregated(headers) {
        return aggregated(&group_names());
    }
    let groups: Vec<Value> = group_names().into_iter().map(group_entry).collect();
    let body = json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups});
    answer::json(StatusCode::OK, &body)
}

/// The response to `/apis/GROUP`.
pub(super) fn group(name: &str) -> Response {
    if !group_names().contains(&name) {
        return ApiError::no_such_path().into_response();
    }
    let mut body = group_entry(name);
    body["kind"] = "APIGroup".into();
    body["apiVersion"] = "v1".into();
    answer::json(StatusCode::OK, &body)
}

/// The response to `/api/v1` and `/apis/GROUP/v1`.
pub(super) fn resources(group: &str) -> Response {
    let resources: Vec<Value> = kinds(group).flat_map(legacy_resources).collect();
    if resources.is_empty() {
        return ApiError::no_such_path().into_response();
    }
    let version = if group.is_empty() {
        "v1".to_owned()
    } else {
        format!("{group}/v1")
    };
    let body = json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version,
        "resources": resources,
    });
    answer::json(StatusCode::OK, &body)
}

fn wants_aggregated(headers: &HeaderMap) -> bool {
    let accept = headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut types = accept.split(',');
    // With the semicolon, since `v=v2beta1` is another format.
    types.any(|it| it.contains("as=APIGroupDiscoveryList") && it.contains("v=v2;"))
}

/// The API groups in the order of the table of kinds, without the core group.
pub(super) fn group_names() -> Vec<&'static str> {
    let names = all_kinds().map(|kind| kind.group);
    let mut names: Vec<&str> = names.filter(|group| !group.is_empty()).collect();
    // Kinds of one group are neighbours in the table.
    names.dedup();
    names
}

pub(super) fn all_kinds() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().chain([&events::VIEW])
}

pub(super) fn kinds(group: &str) -> impl Iterator<Item = &'static Kind> {
    all_kinds().filter(move |kind| kind.group == group)
}

fn group_entry(name: &str) -> Value {
    let version = json!({"groupVersion": format!("{name}/v1"), "version": "v1"});
    json!({"name": name, "versions": [version], "preferredVersion": version})
}

fn verbs(kind: &Kind) -> Vec<&'static str> {
    let verbs: &[&str] = if kind.is_fixed {
        &VERBS_OF_FIXED
    } else {
        &VERBS
    };
    // Namespaces are deleted one by one.
    let is_offered = |verb: &&str| kind.name != "Namespace" || *verb != "deletecollection";
    verbs.iter().copied().filter(is_offered).collect()
}

fn parts(kind: &Kind) -> Vec<Part> {
    let mut parts = Vec::new();
    if kind.name == "Pod" {
        parts.push(Part {
            name: "eviction",
            group: "policy",
            kind: "Eviction",
            verbs: &["create"],
        });
        parts.push(Part {
            name: "exec",
            group: "",
            kind: "PodExecOptions",
            verbs: &["create", "get"],
        });
        parts.push(Part {
            name: "log",
            group: kind.group,
            kind: kind.name,
            verbs: &["get"],
        });
        let (kind, verbs) = ("PodPortForwardOptions", &["create", "get"]);
        parts.push(Part {
            name: "portforward",
            group: "",
            kind,
            verbs,
        });
    }
    if kind.has_scale {
        let (group, kind, verbs) = ("autoscaling", "Scale", &PART_VERBS);
        parts.push(Part {
            name: "scale",
            group,
            kind,
            verbs,
        });
    }
    if kind.has_status {
        let verbs = &PART_VERBS;
        parts.push(Part {
            name: "status",
            group: kind.group,
            kind: kind.name,
            verbs,
        });
    }
    parts
}

fn legacy_resources(kind: &'static Kind) -> Vec<Value> {
    let mut resource = json!({
        "name": kind.plural, "singularName": kind.singular(), "namespaced": kind.namespaced,
        "kind": kind.name, "verbs": verbs(kind), "shortNames": kind.short,
    });
    if kind.in_all {
        resource["categories"] = json!(["all"]);
    }
    let part = |part: Part| {
        json!({
            "name": format!("{}/{}", kind.plural, part.name), "singularName": "",
            "namespaced": kind.namespaced, "group": part.group, "version": "v1", "kind": part.kind,
            "verbs": part.verbs,
        })
    };
    std::iter::once(resource)
        .chain(parts(kind).into_iter().map(part))
        .collect()
}

fn aggregated(groups: &[&str]) -> Response {
    let items: Vec<Value> = groups.iter().map(|group| aggregated_group(group)).collect();
    let body = json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {},
        "items": items,
    });
    (
        StatusCode::OK,
        [(CONTENT_TYPE, AGGREGATED)],
        body.to_string(),
    )
        .into_response()
}

fn aggregated_group(group: &str) -> Value {
    let resources: Vec<Value> = kinds(group).map(aggregated_resource).collect();
    let metadata = if group.is_empty() {
        json!({})
    } else {
        json!({"name": group})
    };
    let version = json!({"version": "v1", "freshness": "Current", "resources": resources});
    json!({"metadata": metadata, "versions": [version]})
}

fn aggregated_resource(kind: &'static Kind) -> Value {
    let part = |part: Part| {
        json!({
            "subresource": part.name, "verbs": part.verbs,
            "responseKind": {"group": part.group, "version": "v1", "kind": part.kind},
        })
    };
    let mut resource = json!({
        "resource": kind.plural, "singularResource": kind.singular(),
        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
        "responseKind": {"group": kind.group, "version": "v1", "kind": kind.name},
        "verbs": verbs(kind), "shortNames": kind.short,
        "subresources": parts(kind).into_iter().map(part).collect::<Vec<_>>(),
    });
    if kind.in_all {
        resource["categories"] = json!(["all"]);
    }
    resource
}
