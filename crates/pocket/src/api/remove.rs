//! DELETE requests: one object, or all selected objects of a collection.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use hyper::StatusCode;
use serde_json::{Value, json};

use super::call::Call;
use super::continue_token::Rest;
use super::options::{check_dry_run, refuse};
use super::{answer, body};
use crate::api_status::{ApiError, FieldErrors};
use crate::kinds::Kind;
use crate::registry::{Deleted, Deletion, Propagation};
use crate::store::StoredObject;

pub(super) async fn one(call: &Call, request: Request) -> Result<Response, ApiError> {
    let deletion = deletion(call, request).await?;
    let target = &call.target;
    let kind = target.kind;
    let deleted =
        call.registry()
            .delete_value(kind, target.namespace(), target.name(), &deletion)?;
    Ok(match deleted {
        // For Pods and Services the API always responds with the object.
        Deleted::Removed(object) if !matches!(kind.name, "Pod" | "Service") => {
            answer::deleted(kind, &object)
        }
        Deleted::Removed(object) | Deleted::Marked(object) => {
            answer::object(StatusCode::OK, call, &object)
        }
    })
}

pub(super) async fn selected(call: &Call, request: Request) -> Result<Response, ApiError> {
    let deletion = deletion(call, request).await?;
    let selection = call.selection()?;
    let kind = call.target.kind;
    let (objects, version) = call.registry().list_stored(kind, call.within());
    let selected = objects.iter().filter(|object| selection.matches(object));
    let selected: Vec<&StoredObject> = selected.map(Arc::as_ref).collect();
    for object in &selected {
        let (namespace, name) = (object.namespace(), object.name());
        // Errors are ignored: an object deleted meanwhile counts as deleted.
        drop(
            call.registry()
                .delete_value(kind, namespace, name, &deletion),
        );
    }
    Ok(answer::list(
        call,
        version,
        &Rest::default(),
        selected.into_iter(),
    ))
}

/// The options of a deletion. Those in the body take the place of the query's.
async fn deletion(call: &Call, request: Request) -> Result<Deletion, ApiError> {
    let mut options = body::options(request, ("v1", "DeleteOptions")).await?;
    if options.is_null() {
        options = json!({
            "gracePeriodSeconds": call.query.grace, "propagationPolicy": call.query.propagation,
            "dryRun": call.query.dry_runs,
        });
    }
    deletion_of(call.target.kind, &options)
}

/// The deletion that `DeleteOptions` ask for; null is none.
pub(super) fn deletion_of(kind: &Kind, options: &Value) -> Result<Deletion, ApiError> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let preconditions = &options["preconditions"];
    let dry_runs = options["dryRun"].as_array().into_iter().flatten();
    let dry_runs: Vec<String> = dry_runs.filter_map(text).collect();
    let policy = options["propagationPolicy"].as_str();
    if options["gracePeriodSeconds"].is_string() {
        return Err(ApiError::bad_request(
            "json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds \
             of type int64",
        ));
    }
    check(options, policy, &dry_runs)?;
    let orphan = match options["orphanDependents"].as_bool() {
        Some(true) => Some(Propagation::Orphan),
        Some(false) => Some(Propagation::Background),
        // Rule: `pkg/registry/batch/job/strategy.go`, `DefaultGarbageCollectionPolicy`.
        None => (kind.name == "Job").then_some(Propagation::Orphan),
    };
    Ok(Deletion {
        grace: options["gracePeriodSeconds"].as_i64(),
        uid: text(&preconditions["uid"]),
        version: text(&preconditions["resourceVersion"]),
        dry_run: !dry_runs.is_empty(),
        propagation: policy.and_then(propagation).or(orphan),
    })
}

/// Rule: `k8s.io/apimachinery/pkg/apis/meta/v1/validation/validation.go`, `ValidateDeleteOptions`.
fn check(options: &Value, policy: Option<&str>, dry_runs: &[String]) -> Result<(), ApiError> {
    let mut errors = FieldErrors::default();
    let policy = policy.unwrap_or_default();
    if !policy.is_empty() && options["orphanDependents"].is_boolean() {
        let why = "orphanDependents and deletionPropagation cannot be both set";
        errors.invalid("propagationPolicy", policy, why);
    }
    if !policy.is_empty() && propagation(policy).is_none() {
        let supported = ["Foreground", "Background", "Orphan", "nil"];
        errors.unsupported("propagationPolicy", policy, &supported);
    }
    check_dry_run(dry_runs, &mut errors);
    refuse("DeleteOptions", errors)
}

fn propagation(policy: &str) -> Option<Propagation> {
    match policy {
        "Background" => Some(Propagation::Background),
        "Foreground" => Some(Propagation::Foreground),
        "Orphan" => Some(Propagation::Orphan),
        _ => None,
    }
}
