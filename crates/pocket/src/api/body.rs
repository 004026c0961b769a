//! Parses request bodies: one JSON object of the kind that the path names.

use axum::extract::Request;
use hyper::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::api_status::ApiError;
use crate::kinds::{Kind, metadata_text};

/// The size limit of an API server, in bytes.
// Rule: `staging/src/k8s.io/apiserver/pkg/server/config.go`, `MaxRequestBodyBytes`.
const LIMIT: usize = 3 * 1024 * 1024;

/// The media type without its parameters; `application/json` if there is none.
pub(super) fn media_type(request: &Request) -> String {
    // Rule: `staging/src/k8s.io/apiserver/pkg/endpoints/handlers/negotiation/negotiate.go`,
    // `NegotiateInputSerializerForMediaType`.
    let value = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let name = value
        .unwrap_or("application/json")
        .split(';')
        .next()
        .unwrap_or_default();
    name.trim().to_owned()
}

/// The body as JSON; `null` if it is empty.
pub(super) async fn json(request: Request) -> Result<Value, ApiError> {
    let bytes = axum::body::to_bytes(request.into_body(), LIMIT)
        .await
        .map_err(|_too_long| {
            let message = format!("limit is {LIMIT}");
            ApiError::new(
                413,
                "RequestEntityTooLarge",
                format!("Request entity too large: {message}"),
            )
        })?;
    // A deletion needs no options, and so no body.
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let undecodable =
        |error| ApiError::bad_request(format!("couldn't decode the body as JSON: {error}"));
    serde_json::from_slice(&bytes).map_err(undecodable)
}

/// The body as an object of `kind`.
pub(super) async fn object(kind: &Kind, request: Request) -> Result<Value, ApiError> {
    let media_type = media_type(&request);
    if media_type != "application/json" {
        return Err(unsupported(&media_type, &["application/json"]));
    }
    let mut object = json(request).await?;
    identify(kind, &mut object)?;
    Ok(object)
}

/// Sets the object's kind and version, and refuses an object with others.
pub(super) fn identify(kind: &Kind, object: &mut Value) -> Result<(), ApiError> {
    if !object.is_object() {
        return Err(ApiError::bad_request(
            "the body of the request must be a Kubernetes object",
        ));
    }
    let expected = kind.api_version();
    match object["apiVersion"].as_str().unwrap_or_default() {
        "" => object["apiVersion"] = json!(expected),
        found if found == expected => {}
        found => {
            let message = format!(
                "the API version in the data ({found}) does not match the expected API version \
                 ({expected})"
            );
            return Err(ApiError::bad_request(message));
        }
    }
    match object["kind"].as_str().unwrap_or_default() {
        "" => object["kind"] = json!(kind.name),
        found if found == kind.name => {}
        found => {
            let message = format!(
                "{found} in version \"{expected}\" cannot be handled as a {}: the kinds differ",
                kind.name
            );
            return Err(ApiError::bad_request(message));
        }
    }
    Ok(())
}

/// Sets the object's name to the path's, and refuses an object with another name.
pub(super) fn check_name(name: &str, object: &mut Value) -> Result<(), ApiError> {
    match metadata_text(object, "name") {
        "" => object["metadata"]["name"] = name.into(),
        found if found == name => {}
        found => {
            let message = format!(
                "the name of the object ({found}) does not match the name on the URL ({name})"
            );
            return Err(ApiError::bad_request(message));
        }
    }
    Ok(())
}

/// Refuses an object whose namespace differs from that of the path. An object may have no
/// namespace, and one of a kind without namespaces may have any.
pub(super) fn check_namespace(namespace: &str, object: &Value) -> Result<(), ApiError> {
    let found = metadata_text(object, "namespace");
    if found.is_empty() || namespace.is_empty() || found == namespace {
        return Ok(());
    }
    Err(ApiError::other_namespace())
}

/// 415, with the supported media types.
pub(super) fn unsupported(media_type: &str, supported: &[&str]) -> ApiError {
    let message = format!(
        "the body of the request was in an unknown format ({media_type}) - accepted media types \
         include: {}",
        supported.join(", ")
    );
    ApiError::new(415, "UnsupportedMediaType", message)
}
