//! GET requests: one object, or a list, whole or in parts.

use std::sync::Arc;

use axum::response::Response;
use hyper::StatusCode;

use super::answer;
use super::call::Call;
use super::continue_token::{ContinueToken, Rest};
use crate::api_status::ApiError;
use crate::store::{StoredObject, Version};

/// The objects of a list, and its version.
type Snapshot = (Vec<Arc<StoredObject>>, Version);

pub(super) fn get(call: &Call) -> Result<Response, ApiError> {
    let asked = call.query.version().map_err(ApiError::unexpected)?;
    if let Some(asked) = asked {
        check_present(call, asked)?;
    }
    let object = call.object()?;
    Ok(answer::object(StatusCode::OK, call, &object))
}

pub(super) fn list(call: &Call) -> Result<Response, ApiError> {
    call.query.check_list()?;
    let selection = call.selection()?;
    let asked = call.query.version();
    let asked = asked
        .map_err(|error| ApiError::bad_request(format!("invalid resource version: {error}")))?;
    let token = token(call, asked)?;
    let (mut objects, version) = snapshot(call, asked, token.as_ref())?;
    let within = call.within().is_some();
    if let Some(token) = &token {
        objects.retain(|object| token.is_left(object, within));
    }
    // A list at any version comes from memory, which has it whole.
    let limit = call
        .query
        .limit
        .filter(|_| asked != Some(Version::default()));
    let mut objects = objects.into_iter();
    let mut part = Vec::new();
    while limit.is_none_or(|limit| part.len() < limit)
        && let Some(object) = objects.next()
    {
        if selection.matches(&object) {
            part.push(object);
        }
    }
    let mut rest = Rest::default();
    if let Some(last) = part.last().filter(|_| objects.len() > 0) {
        let token = ContinueToken::after(last, within, Some(version));
        rest.token = Some(token.encode());
        rest.count = selection.is_empty().then(|| objects.len());
    }
    let part = part.iter().map(Arc::as_ref);
    Ok(answer::list(call, version, &rest, part))
}

/// The token of a request for the next part of a list.
fn token(call: &Call, asked: Option<Version>) -> Result<Option<ContinueToken>, ApiError> {
    let Some(text) = &call.query.continue_token else {
        return Ok(None);
    };
    let token = ContinueToken::decode(text)
        .map_err(|error| ApiError::bad_request(format!("invalid continue token: {error}")))?;
    if asked.is_some_and(|asked| asked != Version::default()) {
        let message = "specifying resource version is not allowed when using continue";
        return Err(ApiError::bad_request(message));
    }
    Ok(Some(token))
}

/// The objects as of the version that the request, or its token, names.
fn snapshot(
    call: &Call,
    asked: Option<Version>,
    token: Option<&ContinueToken>,
) -> Result<Snapshot, ApiError> {
    let (kind, within) = (call.target.kind, call.within());
    if let Some(token) = token {
        let Some(version) = token.version else {
            return Ok(call.registry().list_stored(kind, within));
        };
        let objects = call.registry().list_at(kind, within, version);
        // The client may go on with what there is now, and is told that it does.
        let at_latest = || token.clone().at_latest().encode();
        let objects = objects
            .ok()
            .ok_or_else(|| ApiError::inconsistent_continue(&at_latest()))?;
        return Ok((objects, version));
    }
    if let Some(asked) = asked {
        check_present(call, asked)?;
        if call.query.version_match == "Exact" {
            let objects = call.registry().list_at(kind, within, asked);
            let objects = objects.map_err(|expired| ApiError::expired(&expired))?;
            return Ok((objects, asked));
        }
    }
    Ok(call.registry().list_stored(kind, within))
}

/// Refuses a version that is not there yet. Upstream waits for it first.
fn check_present(call: &Call, asked: Version) -> Result<(), ApiError> {
    let present = call.registry().version();
    if asked > present {
        return Err(ApiError::too_large_version(
            asked,
            present,
            call.query.version_match == "Exact",
        ));
    }
    Ok(())
}
