//! GET requests: one object, or a list.

use std::sync::Arc;

use axum::response::Response;
use hyper::StatusCode;

use super::answer;
use super::call::Call;
use super::query::{Query, VersionMatch};
use crate::api_status::ApiError;
use crate::store::{Expired, Version};

pub(super) fn get(call: &Call) -> Result<Response, ApiError> {
    let object = call.object()?;
    Ok(answer::object(StatusCode::OK, call, &object))
}

/// Lists all objects in one response: the API allows to ignore `limit`.
pub(super) fn list(call: &Call) -> Result<Response, ApiError> {
    let selection = call.selection()?;
    let kind = call.target.kind;
    let (objects, version) = call.registry().list_stored(kind, call.within());
    check_version(&call.query, version)?;
    let selected = objects.iter().filter(|object| selection.matches(object));
    Ok(answer::list(call, version, selected.map(Arc::as_ref)))
}

/// Refuses a version that a list at `present` cannot satisfy: a later one, or an exact earlier
/// one.
fn check_version(query: &Query, present: Version) -> Result<(), ApiError> {
    let Some(asked) = query.version else {
        return Ok(());
    };
    if asked > present {
        let message = format!("Too large resource version: {asked}, current: {present}");
        // As upstream, which waits for the version first: `NewTooLargeResourceVersionError`.
        return Err(ApiError::new(504, "Timeout", message));
    }
    if query.version_match == Some(VersionMatch::Exact) && asked != present {
        return Err(ApiError::expired(&Expired {
            asked,
            oldest: present,
        }));
    }
    Ok(())
}
