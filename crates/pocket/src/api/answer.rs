//! HTTP responses of the API: JSON bodies, `Status` objects, and warnings as headers.

use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WARNING};
use serde_json::{Value, json};

use super::call::Call;
use super::continue_token::Rest;
use crate::api_status::ApiError;
use crate::kinds::Kind;
use crate::store::{StoredObject, Version};

/// A response with a JSON body.
pub(super) fn json(status: StatusCode, body: &Value) -> Response {
    text(status, body.to_string())
}

/// A response whose body is a stored object, in the form that the client wants.
pub(super) fn object(status: StatusCode, call: &Call, object: &StoredObject) -> Response {
    text(status, call.object_text(object, true).into_owned())
}

fn text(status: StatusCode, body: String) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}

/// A list of stored objects, as of `version`, in the form that the client wants.
pub(super) fn list<'a>(
    call: &Call,
    version: Version,
    rest: &Rest,
    items: impl Iterator<Item = &'a StoredObject>,
) -> Response {
    text(StatusCode::OK, call.list_text(version, rest, items))
}

/// The response to a completed deletion.
pub(super) fn deleted(kind: &Kind, object: &StoredObject) -> Response {
    let metadata = object.metadata();
    let details = json!({
        "name": metadata["name"], "group": kind.group, "kind": kind.plural, "uid": metadata["uid"],
    });
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": details,
    });
    json(StatusCode::OK, &body)
}

/// Adds one warning header for each text.
pub(super) fn with_warnings(mut response: Response, warnings: &[String]) -> Response {
    for warning in warnings {
        // RFC 7234 §5.5: code, agent (`-` for none) and quoted text. A text that no header can hold
        // is left out.
        if let Ok(value) = HeaderValue::from_str(&format!("299 - {warning:?}")) {
            response.headers_mut().append(WARNING, value);
        }
    }
    response
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = json(status, &self.status());
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}
