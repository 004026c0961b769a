//! Fields that a kind does not have: refused, or dropped with a warning.

use serde_json::Value;

use super::query::Validation;
use crate::kind::Kind;
use crate::refusal::Refusal;

/// Takes the fields away that `kind` does not have. Returns the object with the warnings about them.
pub(super) fn prune(
    kind: &Kind,
    mut object: Value,
    validation: Validation,
) -> Result<(Value, Vec<String>), Refusal> {
    let shaped = (kind.schema.shape)(object.clone())?;
    let mut dropped = Vec::new();
    compare(&mut object, &shaped, "", &mut dropped);
    let unknown = |path: &String| format!("unknown field \"{path}\"");
    let warnings: Vec<String> = dropped.iter().map(unknown).collect();
    match validation {
        Validation::Ignore => Ok((object, Vec::new())),
        Validation::Strict if !warnings.is_empty() => Err(refuse(kind, &warnings)),
        Validation::Warn | Validation::Strict => Ok((object, warnings)),
    }
}

fn refuse(kind: &Kind, warnings: &[String]) -> Refusal {
    let (kind, version, warnings) = (kind.name, Kind::VERSION, warnings.join(", "));
    Refusal::bad_request(format!(
        "{kind} in version \"{version}\" cannot be handled as a {kind}: strict decoding error: {warnings}"
    ))
}

/// Takes from `sent` the fields that did not come back.
fn compare(sent: &mut Value, shaped: &Value, path: &str, dropped: &mut Vec<String>) {
    match (sent, shaped) {
        (Value::Object(sent), Value::Object(shaped)) => sent.retain(|name, value| {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            match shaped.get(name) {
                _ if value.is_null() => true,
                Some(shaped) => {
                    compare(value, shaped, &path, dropped);
                    true
                }
                None => {
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
}
