//! Finds fields that a kind does not have, and refuses them or drops them with a warning.

use serde_json::Value;

use super::query::Validation;
use crate::api_status::ApiError;
use crate::kinds::Kind;
use crate::patch::duplicates::{duplicates, keyed_path};
use crate::registry;

/// Fields of Kubernetes 1.37 that the types have and 1.36 lacks, by the end of their path: those of
/// Pods, as far as pocket runs them.
const LATER: [&str; 5] = [
    ".httpGet.protocol",
    ".grpc.mode",
    ".evictionResponders",
    ".emptyDir.mode",
    ".bindMountOptions",
];

/// Drops the fields that `kind` does not have. Returns the object and the warnings.
pub(super) fn prune(
    kind: &Kind,
    mut object: Value,
    validation: Validation,
) -> Result<(Value, Vec<String>), ApiError> {
    let dropped = drop_unknown(kind, &mut object)?;
    let unknown = |path: &String| format!("unknown field \"{path}\"");
    let warnings: Vec<String> = dropped.iter().map(unknown).collect();
    match validation {
        Validation::Ignore => Ok((object, Vec::new())),
        Validation::Strict if !warnings.is_empty() => Err(refuse(kind, &warnings)),
        Validation::Warn | Validation::Strict => Ok((object, warnings)),
    }
}

/// Checks an object to apply. Unknown fields and repeated items of a keyed list are errors,
/// whatever validation the request asks for.
///
/// Rule: `k8s.io/apimachinery/pkg/util/managedfields/internal/structuredmerge.go`, `Apply`: a
/// plain Go error without a status reason, which the API server answers with 500.
pub(super) fn check_declared(kind: &Kind, mut object: Value) -> Result<Value, ApiError> {
    let sent = object.clone();
    let duplicates = duplicates(&sent);
    let unknown = drop_unknown(kind, &mut object)?;
    let unknown = unknown
        .iter()
        .map(|path| format!("{}: field not declared in schema", keyed_path(&sent, path)));
    let lines = unknown.chain(duplicates.iter().map(ToString::to_string));
    let what = match lines.collect::<Vec<_>>().as_slice() {
        [] => return Ok(object),
        [only] => only.clone(),
        several => format!("errors:\n  {}", several.join("\n  ")),
    };
    let text = |pointer| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (version, name) = (text("/apiVersion"), text("/metadata/name"));
    // The namespace in the object, not the one in the request.
    let namespace = text("/metadata/namespace");
    let group = if version.contains('/') { "" } else { "/" };
    Err(ApiError::new(
        500,
        "",
        format!(
            "failed to create typed patch object ({namespace}/{name}; {group}{version}, Kind={}): \
             {what}",
            kind.name
        ),
    ))
}

/// Drops unknown fields. Returns their paths.
fn drop_unknown(kind: &Kind, object: &mut Value) -> Result<Vec<String>, ApiError> {
    let shaped = registry::shape(kind, object.clone())?;
    let mut dropped = Vec::new();
    compare(object, &shaped, "", &mut dropped);
    Ok(dropped)
}

fn refuse(kind: &Kind, warnings: &[String]) -> ApiError {
    let (kind, version, warnings) = (kind.name, Kind::VERSION, warnings.join(", "));
    ApiError::bad_request(format!(
        "{kind} in version \"{version}\" cannot be handled as a {kind}: strict decoding error: \
         {warnings}"
    ))
}

fn is_later(path: &str) -> bool {
    LATER.iter().any(|later| path.ends_with(later))
}

/// Drops from `sent` the fields that `shaped` lacks, and those of a later Kubernetes version.
fn compare(sent: &mut Value, shaped: &Value, path: &str, dropped: &mut Vec<String>) {
    match (sent, shaped) {
        (Value::Object(sent), Value::Object(shaped)) => sent.retain(|name, value| {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            match shaped.get(name) {
                // Decoding drops every null, so its absence says nothing about the field.
                _ if value.is_null() => true,
                Some(shaped) if !is_later(&path) => {
                    compare(value, shaped, &path, dropped);
                    true
                }
                _ => {
                    dropped.push(path);
                    false
                }
            }
        }),
        (Value::Array(sent), Value::Array(shaped)) => {
            for (index, (sent, shaped)) in sent.iter_mut().zip(shaped).enumerate() {
                compare(sent, shaped, &format!("{path}[{index}]"), dropped);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn unknown_fields_are_named_by_their_path() {
        let kind = Kind::find("", "pods").unwrap();
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "creationTimestamp": null},
            "spec": {"containers": [{"name": "a", "imag": "x", "resources": {}}], "replicas": 1},
        });
        let (pruned, warnings) = prune(kind, pod.clone(), Validation::Warn).unwrap();
        let expected = [
            "unknown field \"spec.containers[0].imag\"",
            "unknown field \"spec.replicas\"",
        ];
        assert_eq!(warnings, expected);
        let container = json!({"name": "a", "resources": {}});
        assert_eq!(pruned["spec"], json!({"containers": [container]}));
        let strict = prune(kind, pod.clone(), Validation::Strict);
        assert_eq!(strict.unwrap_err().code, 400);
        let ignored = prune(kind, pod, Validation::Ignore);
        assert_eq!(ignored.unwrap(), (pruned, Vec::new()));
    }

    #[test]
    fn unknown_fields_cannot_be_applied() {
        let kind = Kind::find("", "services").unwrap();
        let check = |service: Value, expected: &str| {
            let refusal = check_declared(kind, service).unwrap_err();
            assert_eq!((refusal.code, refusal.message.as_str()), (500, expected));
        };
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "q"},
            "spec": {"ports": [{"port": 80}], "typ": "ClusterIP"},
        });
        check(
            service.clone(),
            "failed to create typed patch object (/q; /v1, Kind=Service): .spec.typ: field not \
             declared in schema",
        );
        let mut several = service.clone();
        several["metadata"]["labls"] = json!({"a": "b"});
        check(
            several,
            "failed to create typed patch object (/q; /v1, Kind=Service): errors:\n  \
             .metadata.labls: field not declared in schema\n  .spec.typ: field not declared in \
             schema",
        );
        let mut right = service;
        right["spec"] = json!({"ports": [{"port": 80}], "type": null});
        assert_eq!(check_declared(kind, right.clone()).unwrap(), right);
    }

    #[test]
    fn an_item_cannot_be_applied_twice() {
        let pod = Kind::find("", "pods").unwrap();
        let check = |spec: Value, expected: &str| {
            let object =
                json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "q"}, "spec": spec});
            let refusal = check_declared(pod, object).unwrap_err();
            let text = refusal.message.split_once("Kind=Pod): ").unwrap().1;
            assert_eq!((refusal.code, text), (500, expected));
        };
        let port = |number: u16| json!({"containerPort": number});
        let container = json!({"name": "c", "ports": [port(9), port(8), port(9)]});
        check(
            json!({"containers": [container]}),
            ".spec.containers[name=\"c\"].ports: duplicate entries for key \
             [containerPort=9,protocol=\"TCP\"]",
        );
        let volume = json!({"name": "v"});
        check(
            json!({"containers": [], "volumes": [volume, volume], "hostNam": "x"}),
            "errors:\n  .spec.hostNam: field not declared in schema\n  \
             .spec.volumes: duplicate entries for key [name=\"v\"]",
        );
    }

    #[test]
    fn fields_of_a_later_version_are_unknown() {
        let pod = Kind::find("", "pods").unwrap();
        let probe = |get: Value| {
            let container = json!({"name": "a", "image": "i", "livenessProbe": {"httpGet": get}});
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
                "spec": {"containers": [container]}})
        };
        let sent = probe(json!({"port": 80, "protocol": "HTTP2"}));
        let (pruned, warnings) = prune(pod, sent, Validation::Warn).unwrap();
        assert_eq!(pruned, probe(json!({"port": 80})));
        let path = "spec.containers[0].livenessProbe.httpGet.protocol";
        assert_eq!(warnings, [format!("unknown field \"{path}\"")]);
    }
}
