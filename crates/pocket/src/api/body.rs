//! Parses request bodies: one JSON object of the kind that the path names.

use axum::extract::Request;
use bytes::Bytes;
use hyper::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::protobuf;
use crate::api_status::ApiError;
use crate::kinds::{Kind, metadata_text};

const JSON: &str = "application/json";
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
    let name = value.unwrap_or(JSON).split(';').next().unwrap_or_default();
    name.trim().to_owned()
}

/// The body as a patch in JSON, whatever its media type.
pub(super) async fn patch(request: Request) -> Result<Value, ApiError> {
    let bytes = bytes(request).await?;
    let undecodable = |error| ApiError::bad_request(format!("error decoding patch: {error}"));
    serde_json::from_slice(&bytes).map_err(undecodable)
}

/// The body as options of a request, or an object of a subresource; `null` if it is empty.
/// `default` is its version and kind, if it names none.
pub(super) async fn options(request: Request, default: (&str, &str)) -> Result<Value, ApiError> {
    let media_type = media_type(&request);
    let bytes = bytes(request).await?;
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    decode(&media_type, &bytes, default)?.map_err(ApiError::bad_request)
}

/// The body as an object of `kind`.
pub(super) async fn object(kind: &Kind, request: Request) -> Result<Value, ApiError> {
    typed((&kind.api_version(), kind.name), request).await
}

/// The body as an object of this version and kind.
pub(super) async fn typed(expected: (&str, &str), request: Request) -> Result<Value, ApiError> {
    let media_type = media_type(&request);
    let bytes = bytes(request).await?;
    let decoded = decode(&media_type, &bytes, expected)?;
    // Rule: `apiserver/pkg/endpoints/handlers/rest.go`, `transformDecodeError`.
    let mut object = decoded.map_err(|cause| {
        ApiError::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): {cause} ({})",
            expected.1,
            summary(&bytes)
        ))
    })?;
    identify_as(expected, &mut object)?;
    Ok(object)
}

async fn bytes(request: Request) -> Result<Bytes, ApiError> {
    let bytes = axum::body::to_bytes(request.into_body(), LIMIT).await;
    bytes.map_err(|_too_long| {
        let message = format!("Request entity too large: limit is {LIMIT}");
        ApiError::new(413, "RequestEntityTooLarge", message)
    })
}

/// The object in `bytes`, or why they are none. An error is a media type without an encoding.
fn decode(
    media_type: &str,
    bytes: &[u8],
    default: (&str, &str),
) -> Result<Result<Value, String>, ApiError> {
    match media_type {
        JSON => {
            let object = serde_json::from_slice(bytes);
            Ok(object
                .map_err(|error| format!("couldn't get version/kind; json parse error: {error}")))
        }
        protobuf::MEDIA_TYPE => {
            let object = protobuf::object(bytes, default);
            Ok(object.map_err(|error| error.to_string()))
        }
        _ => {
            let message = format!(
                "the body of the request was in an unknown format - accepted media types \
                 include: {JSON}, {}",
                protobuf::MEDIA_TYPE
            );
            Err(ApiError::new(415, "UnsupportedMediaType", message))
        }
    }
}

/// The first bytes of a body, as text if it looks like JSON.
fn summary(bytes: &[u8]) -> String {
    const SHOWN: usize = 30;
    let first = &bytes[..bytes.len().min(SHOWN)];
    let mut text = match first.first() {
        None => return "<empty>".to_owned(),
        Some(b'{') => String::from_utf8_lossy(first).into_owned(),
        Some(_) => first
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}")),
    };
    if bytes.len() > SHOWN {
        text.push_str(" ...");
    }
    text
}

/// Sets the object's kind and version, and refuses an object with others.
pub(super) fn identify(kind: &Kind, object: &mut Value) -> Result<(), ApiError> {
    identify_as((&kind.api_version(), kind.name), object)
}

fn identify_as((version, kind): (&str, &str), object: &mut Value) -> Result<(), ApiError> {
    if !object.is_object() {
        return Err(ApiError::bad_request(
            "the body of the request must be a Kubernetes object",
        ));
    }
    match object["apiVersion"].as_str().unwrap_or_default() {
        "" => object["apiVersion"] = json!(version),
        found if found == version => {}
        found => {
            let message = format!(
                "the API version in the data ({found}) does not match the expected API version \
                 ({version})"
            );
            return Err(ApiError::bad_request(message));
        }
    }
    match object["kind"].as_str().unwrap_or_default() {
        "" => object["kind"] = json!(kind),
        found if found == kind => {}
        found => {
            let message = format!(
                "{found} in version \"{version}\" cannot be handled as a {kind}: the kinds differ"
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
