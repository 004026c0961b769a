//! PATCH requests: JSON patch, merge patch, strategic merge and apply, by media type.

use axum::extract::Request;
use axum::response::Response;
use hyper::StatusCode;
use serde_json::Value;

use super::call::Call;
use super::path::Subresource;
use super::{answer, body, events, strict};
use crate::api_status::{ApiError, FieldErrors};
use crate::kinds::Kind;
use crate::patch::{self, apply, strategic};

const OPERATIONS: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

pub(super) async fn patch(call: &Call, request: Request) -> Result<Response, ApiError> {
    let media_type = body::media_type(&request);
    // Parsed as JSON even for apply: its media type says YAML, but kubectl and kube-rs send JSON.
    let patch = body::patch(request).await?;
    if media_type == APPLY {
        return apply(call, patch);
    }
    let kind = call.target.kind;
    call.update(|current| {
        let shown = events::present(kind, current);
        let mut patched = patched(&media_type, &shown, patch)?;
        body::check_name(call.target.name(), &mut patched)?;
        body::check_namespace(call.target.namespace(), &patched)?;
        Ok(events::store(kind, patched))
    })
}

/// The result of applying a patch of this media type to `current`.
pub(super) fn patched(media_type: &str, current: &Value, patch: Value) -> Result<Value, ApiError> {
    match media_type {
        OPERATIONS => patch::operations(current, patch),
        MERGE => Ok(patch::merge(current, &patch)),
        STRATEGIC => strategic::merge(current, &patch),
        _ => Err(ApiError::new(
            415,
            "UnsupportedMediaType",
            "415: Unsupported Media Type",
        )),
    }
}

fn apply(call: &Call, wanted: Value) -> Result<Response, ApiError> {
    let kind = call.target.kind;
    let wanted = checked(call, wanted)?;
    let wanted = strict::check_declared(kind, wanted)?;
    let (author, force) = (call.author(), call.query.force);
    // Apply computes the owners itself, as they decide on the result.
    let record = |_: &Value, _: &mut Value| {};
    if call.target.part == Subresource::Status {
        // Owners of a status are not recorded, so there is nothing to conflict with.
        call.write(|current| Ok(patch::merge(current, &wanted)), record)
    } else if call.object().is_ok() {
        call.write(
            |current| apply::apply(Some(current), &wanted, &author, force),
            record,
        )
    } else {
        apply::apply(None, &wanted, &author, force).and_then(|object| create(call, object))
    }
}

fn create(call: &Call, object: Value) -> Result<Response, ApiError> {
    let kind = call.target.kind;
    let (namespace, dry_run) = (call.target.namespace(), call.query.dry_run);
    let created = call
        .registry()
        .create_value(kind, namespace, object, dry_run)?;
    Ok(answer::object(StatusCode::CREATED, call, &created))
}

/// The applied object in its stored form, after the checks specific to apply.
fn checked(call: &Call, mut wanted: Value) -> Result<Value, ApiError> {
    let kind = call.target.kind;
    body::identify(kind, &mut wanted)?;
    if call
        .query
        .field_manager
        .as_ref()
        .is_none_or(String::is_empty)
    {
        return Err(no_manager(kind));
    }
    let managers = wanted["metadata"]["managedFields"].as_array();
    if managers.is_some_and(|managers| !managers.is_empty()) {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    body::check_name(call.target.name(), &mut wanted)?;
    body::check_namespace(call.target.namespace(), &wanted)?;
    Ok(events::store(kind, wanted))
}

fn no_manager(kind: &Kind) -> ApiError {
    let mut errors = FieldErrors::default();
    errors.required("fieldManager", "is required for apply patch");
    ApiError::invalid(kind, "", errors)
}
