//! PATCH requests: JSON patch, merge patch, strategic merge and apply, by media type.

use axum::extract::Request;
use axum::response::Response;
use hyper::StatusCode;
use serde_json::{Value, json};

use super::body::{APPLY, MERGE, OPERATIONS, STRATEGIC};
use super::call::Call;
use super::path::Subresource;
use super::{answer, body, events, strict};
use crate::api_status::{ApiError, FieldErrors};
use crate::kinds::{Kind, metadata_text};
use crate::patch::{self, apply, strategic};

pub(super) async fn patch(call: &Call, request: Request) -> Result<Response, ApiError> {
    let media_type = body::media_type(&request);
    if ![OPERATIONS, MERGE, STRATEGIC, APPLY].contains(&media_type.as_str()) {
        return Err(unsupported());
    }
    call.query.check_patch(media_type == APPLY)?;
    let patch = body::patch(&media_type, request).await?;
    if media_type == APPLY {
        return apply(call, patch);
    }
    let kind = call.target.kind;
    call.update(|current| {
        let shown = events::present(kind, current);
        let mut patched = patched(&media_type, &shown, patch)?;
        body::check_name(call.target.name(), &mut patched)?;
        body::check_namespace(call.target.namespace(), &patched)?;
        check_uid(kind, current, &patched)?;
        Ok(events::store(kind, patched))
    })
}

/// Refuses another UID: a patch is no replacement of an object that is gone. It may leave the UID
/// out.
fn check_uid(kind: &Kind, current: &Value, patched: &Value) -> Result<(), ApiError> {
    let uid = metadata_text(patched, "uid");
    if uid.is_empty() || uid == metadata_text(current, "uid") {
        return Ok(());
    }
    let mut errors = FieldErrors::default();
    // Checked for all kinds and for this one, as all metadata.
    for _ in 0..2 {
        errors.invalid("metadata.uid", uid, "field is immutable");
    }
    Err(ApiError::invalid(
        kind,
        metadata_text(current, "name"),
        errors,
    ))
}

fn unsupported() -> ApiError {
    let message = "415: Unsupported Media Type";
    ApiError::new(415, "UnsupportedMediaType", message).with_details(json!({}))
}

/// The result of applying a patch of this media type to `current`.
pub(super) fn patched(media_type: &str, current: &Value, patch: Value) -> Result<Value, ApiError> {
    match media_type {
        OPERATIONS => patch::operations(current, patch),
        MERGE => Ok(patch::merge(current, &patch)),
        STRATEGIC => strategic::merge(current, &patch),
        _ => Err(unsupported()),
    }
}

fn apply(call: &Call, wanted: Value) -> Result<Response, ApiError> {
    let kind = call.target.kind;
    let wanted = checked(call, wanted)?;
    let wanted = strict::check_declared(kind, wanted)?;
    let (author, force) = (call.author(), call.query.force == Some(true));
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
        let uid = metadata_text(&wanted, "uid");
        if !uid.is_empty() {
            let why = format!(
                "uid mismatch: the provided object specified uid {uid}, and no existing object was \
                 found"
            );
            return Err(ApiError::conflict(kind, call.target.name(), &why));
        }
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
    let type_of = |field: &str| wanted[field].as_str().unwrap_or_default();
    let (version, name) = (type_of("apiVersion"), type_of("kind"));
    if (version, name) != (&kind.api_version(), kind.name) {
        let version = if version.contains('/') {
            version.to_owned()
        } else {
            format!("/{version}")
        };
        let message = format!("invalid object type: {version}, Kind={name}");
        return Err(ApiError::bad_request(message));
    }
    let managers = wanted["metadata"]["managedFields"].as_array();
    if managers.is_some_and(|managers| !managers.is_empty()) {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    body::check_name(call.target.name(), &mut wanted)?;
    body::check_namespace(call.target.namespace(), &wanted)?;
    Ok(events::store(kind, wanted))
}
