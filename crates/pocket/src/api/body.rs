//! Parses request bodies: one object of the kind that the path names, or a patch.

use axum::extract::Request;
use bytes::Bytes;
use hyper::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::protobuf;
use crate::api_status::ApiError;
use crate::kinds::{KINDS, Kind, metadata_text};

const JSON: &str = "application/json";
const YAML: &str = "application/yaml";
pub(super) const OPERATIONS: &str = "application/json-patch+json";
pub(super) const MERGE: &str = "application/merge-patch+json";
pub(super) const STRATEGIC: &str = "application/strategic-merge-patch+json";
pub(super) const APPLY: &str = "application/apply-patch+yaml";
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

/// A function of the caller's that parses a document in YAML. An error is a text for people.
pub(crate) type YamlParser = fn(&str) -> Result<Value, String>;

/// The body as a patch of this media type. The media type of apply says YAML, but most clients send
/// JSON.
pub(super) async fn patch(media_type: &str, request: Request) -> Result<Value, ApiError> {
    let yaml = yaml_parser(&request);
    let bytes = bytes(request).await?;
    let (what, of, is_right): (&str, &str, fn(&Value) -> bool) = match media_type {
        OPERATIONS => (
            "error decoding patch: ",
            "[]handlers.jsonPatchOp",
            Value::is_array,
        ),
        // As upstream, which decodes it in another place.
        STRATEGIC => ("", "map[string]interface {}", Value::is_object),
        APPLY => {
            let parsed = match (serde_json::from_slice(&bytes), yaml) {
                (Err(_), Some(parse)) => parse_yaml(&bytes, parse).map_err(|error| {
                    format!("error decoding YAML: error converting YAML to JSON: yaml: {error}")
                }),
                (parsed, _) => parsed.map_err(|error| format!("error decoding YAML: {error}")),
            };
            let what = "error decoding YAML: error unmarshaling JSON: while decoding JSON: ";
            let patch = parsed.map_err(ApiError::bad_request)?;
            return check_type(what, "map[string]interface {}", Value::is_object, patch);
        }
        _ => (
            "error decoding patch: ",
            "map[string]interface {}",
            Value::is_object,
        ),
    };
    let patch = json_of(&bytes).map_err(|error| ApiError::bad_request(format!("{what}{error}")))?;
    check_type(what, of, is_right, patch)
}

fn check_type(
    what: &str,
    of: &str,
    is_right: fn(&Value) -> bool,
    patch: Value,
) -> Result<Value, ApiError> {
    if is_right(&patch) {
        return Ok(patch);
    }
    let error = unmarshal_error(&patch, of);
    Err(ApiError::bad_request(format!("{what}{error}")))
}

/// What Go says of a value that a type cannot hold.
fn unmarshal_error(value: &Value, of: &str) -> String {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    format!("json: cannot unmarshal {found} into Go value of type {of}")
}

/// The value in a text of JSON. Go's words for its errors are not known but of the commonest one.
fn json_of(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|error| {
        if error.is_eof() {
            "unexpected end of JSON input".to_owned()
        } else {
            error.to_string()
        }
    })
}

fn yaml_parser(request: &Request) -> Option<YamlParser> {
    request.extensions().get::<YamlParser>().copied()
}

fn parse_yaml(bytes: &[u8], parse: YamlParser) -> Result<Value, String> {
    let text = str::from_utf8(bytes).map_err(|error| error.to_string())?;
    parse(text)
}

/// The body as options of a request, or an object of a subresource; `null` if it is empty.
/// `default` is its version and kind, if it names none.
pub(super) async fn options(request: Request, default: (&str, &str)) -> Result<Value, ApiError> {
    let (media_type, yaml) = (media_type(&request), yaml_parser(&request));
    let bytes = bytes(request).await?;
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let options = decode(&media_type, yaml, &bytes, default)?;
    let options = options.map_err(ApiError::bad_request)?;
    let kind = options["kind"].as_str().unwrap_or_default();
    if !matches!(kind, "" | "DeleteOptions") && kind != default.1 {
        let version = options["apiVersion"].as_str().unwrap_or_default();
        return Err(ApiError::bad_request(unregistered(version, kind)));
    }
    Ok(options)
}

/// The body as an object of `kind`.
pub(super) async fn object(kind: &Kind, request: Request) -> Result<Value, ApiError> {
    typed((&kind.api_version(), kind.name), request).await
}

/// The body as an object of this version and kind.
pub(super) async fn typed(expected: (&str, &str), request: Request) -> Result<Value, ApiError> {
    let (media_type, yaml) = (media_type(&request), yaml_parser(&request));
    let bytes = bytes(request).await?;
    let decoded = decode(&media_type, yaml, &bytes, expected)?;
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
    yaml: Option<YamlParser>,
    bytes: &[u8],
    default: (&str, &str),
) -> Result<Result<Value, String>, ApiError> {
    match (media_type, yaml) {
        (JSON, _) => {
            let object = json_of(bytes).and_then(object_of);
            Ok(object.map_err(|error| no_version(&error)))
        }
        (YAML, Some(parse)) => Ok(parse_yaml(bytes, parse)
            .map_err(|error| format!("yaml: {error}"))
            .and_then(|object| object_of(object).map_err(|error| no_version(&error)))),
        (protobuf::MEDIA_TYPE, _) => {
            let object = protobuf::object(bytes, default);
            Ok(object.map_err(|error| error.to_string()))
        }
        _ => {
            let yaml = yaml.map(|_| format!("{YAML}, ")).unwrap_or_default();
            let message = format!(
                "the body of the request was in an unknown format - accepted media types \
                 include: {JSON}, {yaml}{}",
                protobuf::MEDIA_TYPE
            );
            Err(ApiError::new(415, "UnsupportedMediaType", message))
        }
    }
}

fn no_version(error: &str) -> String {
    format!("couldn't get version/kind; json parse error: {error}")
}

/// The value as an object; null is an empty one, as in Go.
fn object_of(value: Value) -> Result<Value, String> {
    const TYPE: &str = "struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind \
                        string \"json:\\\"kind,omitempty\\\"\" }";
    match value {
        Value::Object(_) => Ok(value),
        Value::Null => Ok(json!({})),
        other => Err(unmarshal_error(&other, TYPE)),
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

fn identify_as(expected: (&str, &str), object: &mut Value) -> Result<(), ApiError> {
    let text = |field: &str, default: &str| match object[field].as_str() {
        None | Some("") => default.to_owned(),
        Some(found) => found.to_owned(),
    };
    let (version, kind) = (text("apiVersion", expected.0), text("kind", expected.1));
    if (version.as_str(), kind.as_str()) != expected {
        return Err(ApiError::bad_request(other_type(expected, &version, &kind)));
    }
    object["apiVersion"] = version.into();
    object["kind"] = kind.into();
    Ok(())
}

/// Versions that an API server knows and serves no more, or that it takes in place of `v1`.
const FORMER_VERSIONS: [&str; 4] = ["v1beta1", "v1beta2", "v1alpha1", "v2beta1"];

/// Why an object of another version or kind is refused.
///
/// Rule: `apiserver/pkg/endpoints/handlers/create.go`, `createHandler`, and `rest.go`,
/// `transformDecodeError`.
fn other_type(expected: (&str, &str), version: &str, kind: &str) -> String {
    let short = version.rsplit('/').next().unwrap_or_default();
    let is_former = FORMER_VERSIONS.contains(&short);
    if kind == expected.1 && (is_former || is_registered(version, kind)) {
        return format!(
            "the API version in the data ({version}) does not match the expected API version ({})",
            expected.0
        );
    }
    let why = if is_registered(version, kind) {
        format!(
            "converting ({short}.{kind}) to ({}.{}): unknown conversion",
            package(expected.0),
            expected.1
        )
    } else {
        unregistered(version, kind)
    };
    format!(
        "{kind} in version \"{short}\" cannot be handled as a {}: {why}",
        expected.1
    )
}

fn unregistered(version: &str, kind: &str) -> String {
    format!(
        "no kind \"{kind}\" is registered for version \"{version}\" in scheme \
         \"pkg/runtime/scheme.go:111\""
    )
}

fn is_registered(version: &str, kind: &str) -> bool {
    KINDS
        .iter()
        .any(|it| it.api_version() == version && it.name == kind)
}

/// The Go package of a group's types.
fn package(version: &str) -> &str {
    match version.split_once('/') {
        None => "core",
        Some((group, _)) => group.split('.').next().unwrap_or_default(),
    }
}

/// Sets the object's name to the path's, and refuses an object with another name.
pub(super) fn check_name(name: &str, object: &mut Value) -> Result<(), ApiError> {
    let metadata = &object["metadata"];
    if !metadata.is_object() && !metadata.is_null() {
        return Err(ApiError::bad_request(
            "the metadata of the object must be a JSON object",
        ));
    }
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
