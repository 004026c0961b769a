//! DELETE requests: one object, or all selected objects of a collection.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use hyper::StatusCode;
use serde_json::{Value, json};

use super::call::Call;
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
    Ok(answer::list(call, version, selected.into_iter()))
}

/// The options of a deletion. Those in the body take precedence over the query's.
async fn deletion(call: &Call, request: Request) -> Result<Deletion, ApiError> {
    let mut options = body::options(request, ("v1", "DeleteOptions")).await?;
    if options["gracePeriodSeconds"].is_null() {
        options["gracePeriodSeconds"] = call.query.grace.into();
    }
    if options["propagationPolicy"].is_null() {
        options["propagationPolicy"] = call.query.propagation.clone().into();
    }
    let mut deletion = deletion_of(call.target.kind, &options)?;
    deletion.dry_run |= call.query.dry_run;
    Ok(deletion)
}

/// The deletion that `DeleteOptions` ask for; null is none.
pub(super) fn deletion_of(kind: &Kind, options: &Value) -> Result<Deletion, ApiError> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let preconditions = &options["preconditions"];
    Ok(Deletion {
        grace: options["gracePeriodSeconds"].as_i64(),
        uid: text(&preconditions["uid"]),
        version: text(&preconditions["resourceVersion"]),
        dry_run: options["dryRun"] == json!(["All"]),
        propagation: match options["propagationPolicy"].as_str() {
            // Rule: `pkg/registry/batch/job/strategy.go`, `DefaultGarbageCollectionPolicy`.
            None | Some("") => (kind.name == "Job").then_some(Propagation::Orphan),
            Some(policy) => Some(propagation(policy)?),
        },
    })
}

/// Rule: `k8s.io/apimachinery/pkg/apis/meta/v1/validation/validation.go`, `ValidateDeleteOptions`.
fn propagation(policy: &str) -> Result<Propagation, ApiError> {
    match policy {
        "Background" => Ok(Propagation::Background),
        "Foreground" => Ok(Propagation::Foreground),
        "Orphan" => Ok(Propagation::Orphan),
        other => {
            let mut errors = FieldErrors::default();
            let supported = ["Foreground", "Background", "Orphan", "nil"];
            errors.unsupported("propagationPolicy", other, &supported);
            Err(ApiError::invalid_deletion(errors))
        }
    }
}
