//! OpenAPI v3: what `kubectl apply`, `edit`, `diff` and `create` ask before they write, and the
//! documentation that `kubectl explain` prints.
//!
//! A document per group and version, as upstream. Its operations say which parameters a write
//! takes; they do not describe bodies, so that kubectl makes strategic merge patches from the types
//! built into it. There is no OpenAPI v2: kubectl does without it.
//!
//! Rule: `kubectl/pkg/cmd/util` and `k8s.io/kubectl/pkg/explain/v2`, as far as they read it.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::api::batch::v1 as batch;
use k8s_openapi::api::coordination::v1 as coordination;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1 as discovery;
use k8s_openapi::api::events::v1 as events;
use k8s_openapi::api::policy::v1 as policy;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::answer;
use super::discovery::{all_kinds, group_names, kinds};
use crate::api_status::ApiError;
use crate::kinds::{KUBERNETES_VERSION, Kind};

/// The response to `/openapi/v3`: where each document is.
pub(super) fn index() -> Response {
    let groups = std::iter::once("").chain(group_names());
    let paths: Map<String, Value> = groups
        .map(|group| {
            let path = group_path(group);
            let url = format!("/openapi/v3/{path}?hash={KUBERNETES_VERSION}");
            (path, json!({"serverRelativeURL": url}))
        })
        .collect();
    answer::json(StatusCode::OK, &json!({"paths": paths}))
}

/// The response to `/openapi/v3/api/v1` and `/openapi/v3/apis/GROUP/v1`.
pub(super) fn document(group: &str) -> Response {
    static DOCUMENTS: OnceLock<BTreeMap<&str, Value>> = OnceLock::new();
    let documents = DOCUMENTS.get_or_init(|| {
        let groups = all_kinds().map(|kind| kind.group);
        groups.map(|group| (group, write(group))).collect()
    });
    match documents.get(group) {
        Some(document) => answer::json(StatusCode::OK, document),
        None => ApiError::no_such_path().into_response(),
    }
}

fn group_path(group: &str) -> String {
    match group {
        "" => "api/v1".to_owned(),
        group => format!("apis/{group}/v1"),
    }
}

/// The document of a group.
pub(super) fn write(group: &str) -> Value {
    let mut generator = SchemaSettings::openapi3().into_generator();
    let mut paths = Map::new();
    let mut roots = Vec::new();
    for kind in kinds(group) {
        paths.extend(kind_paths(kind));
        roots.push((schema_name(&add_schema(kind, &mut generator)), kind));
    }
    let mut schemas = Value::Object(generator.take_definitions(true));
    for (name, kind) in roots {
        schemas[&name]["x-kubernetes-group-version-kind"] = json!([version_kind(kind)]);
    }
    wrap_references(&mut schemas);
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": KUBERNETES_VERSION},
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

/// The paths of a kind's collection and of one object.
fn kind_paths(kind: &Kind) -> [(String, Value); 2] {
    let namespace = if kind.namespaced {
        "namespaces/{namespace}/"
    } else {
        ""
    };
    let collection = format!("/{}/{namespace}{}", group_path(kind.group), kind.plural);
    let object = format!("{collection}/{{name}}");
    let operation = |parameters: &[&str]| {
        let parameters = parameters.iter().map(|name| {
            json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}})
        });
        json!({
            "parameters": parameters.collect::<Vec<_>>(),
            "responses": {"200": {"description": "OK"}},
            "x-kubernetes-group-version-kind": version_kind(kind),
        })
    };
    let write = ["dryRun", "fieldManager", "fieldValidation"];
    let apply = ["dryRun", "fieldManager", "fieldValidation", "force"];
    let list = operation(&["fieldSelector", "labelSelector", "resourceVersion", "watch"]);
    let mut of_collection = json!({"get": list});
    let mut of_object = json!({
        "get": operation(&[]), "put": operation(&write), "patch": operation(&apply),
    });
    if !kind.is_fixed {
        of_collection["post"] = operation(&write);
        of_object["delete"] = operation(&["dryRun"]);
    }
    [(collection, of_collection), (object, of_object)]
}

fn version_kind(kind: &Kind) -> Value {
    json!({"group": kind.group, "version": Kind::VERSION, "kind": kind.name})
}

/// Adds the kind's schema to the generator's definitions; the result refers to it.
fn add_schema(kind: &Kind, generator: &mut SchemaGenerator) -> Schema {
    macro_rules! first {
        ($($group:literal $name:literal => $type:ty,)*) => {
            match (kind.group, kind.name) {
                $(($group, $name) => generator.subschema_for::<$type>(),)*
                _ => unreachable!("a kind that pocket serves must have a schema"),
            }
        };
    }
    first! {
        "" "ConfigMap" => core::ConfigMap,
        "" "Endpoints" => core::Endpoints,
        "" "Event" => core::Event,
        "" "Namespace" => core::Namespace,
        "" "Node" => core::Node,
        "" "Pod" => core::Pod,
        "" "ReplicationController" => core::ReplicationController,
        "" "Secret" => core::Secret,
        "" "Service" => core::Service,
        "" "ServiceAccount" => core::ServiceAccount,
        "apps" "ControllerRevision" => apps::ControllerRevision,
        "apps" "DaemonSet" => apps::DaemonSet,
        "apps" "Deployment" => apps::Deployment,
        "apps" "ReplicaSet" => apps::ReplicaSet,
        "apps" "StatefulSet" => apps::StatefulSet,
        "batch" "Job" => batch::Job,
        "coordination.k8s.io" "Lease" => coordination::Lease,
        "discovery.k8s.io" "EndpointSlice" => discovery::EndpointSlice,
        "events.k8s.io" "Event" => events::Event,
        "policy" "PodDisruptionBudget" => policy::PodDisruptionBudget,
    }
}

fn schema_name(reference: &Schema) -> String {
    let reference = reference.get("$ref").and_then(Value::as_str);
    let name = reference.and_then(|reference| reference.rsplit('/').next());
    name.unwrap_or_default().to_owned()
}

/// Puts each reference that has a description beside it into `allOf`, as upstream: in OpenAPI 3.0
/// nothing counts beside `$ref`.
fn wrap_references(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.len() > 1
                && let Some(reference @ Value::String(_)) = fields.remove("$ref")
            {
                fields.insert("allOf".to_owned(), json!([{"$ref": reference}]));
            }
            fields.values_mut().for_each(wrap_references);
        }
        Value::Array(items) => items.iter_mut().for_each(wrap_references),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_schema_that_explains_it_and_operations_that_validate() {
        for kind in all_kinds() {
            let document = write(kind.group);
            let schemas = document["components"]["schemas"].as_object().unwrap();
            let of_kind = |schema: &&Value| {
                schema["x-kubernetes-group-version-kind"] == json!([version_kind(kind)])
            };
            let schema = schemas.values().find(of_kind).unwrap();
            assert!(schema["properties"]["metadata"]["allOf"][0]["$ref"].is_string());
            let [_, (object, _)] = kind_paths(kind);
            let patch = &document["paths"][&object]["patch"]["parameters"];
            let named = |name: &str| {
                patch
                    .as_array()
                    .is_some_and(|all| all.iter().any(|it| it["name"] == name))
            };
            assert!(named("fieldValidation"), "{object}");
        }
    }

    #[test]
    fn every_reference_leads_to_a_schema() {
        let document = write("apps");
        let text = document.to_string();
        let references = text.split("\"$ref\":\"#/components/schemas/").skip(1);
        let names = references.map(|rest| rest.split('"').next().unwrap());
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let mut count = 0;
        for name in names {
            assert!(schemas.contains_key(name), "{name}");
            count += 1;
        }
        assert!(count > 50, "{count}");
    }
}
