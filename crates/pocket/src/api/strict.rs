//! Fields that a kind does not have: refused, or dropped with a warning.

use serde_json::Value;

use super::query::Validation;
use crate::kind::Kind;
use crate::refusal::Refusal;

/// Gives `object` the shape of its kind. Returns it with the warnings about what was dropped.
pub(super) fn shape(
    kind: &Kind,
    object: &Value,
    validation: Validation,
) -> Result<(Value, Vec<String>), Refusal> {
    let shaped = (kind.schema.shape)(object.clone())?;
    if validation == Validation::Ignore {
        return Ok((shaped, Vec::new()));
    }
    let mut dropped = Vec::new();
    compare(object, &shaped, "", &mut dropped);
    let warnings: Vec<String> = dropped
        .iter()
        .map(|path| format!("unknown field \"{path}\""))
        .collect();
    if validation == Validation::Strict && !warnings.is_empty() {
        let (kind, version) = (kind.name, Kind::VERSION);
        let message = format!(
            "{kind} in version \"{version}\" cannot be handled as a {kind}: strict decoding error: {}",
            warnings.join(", ")
        );
        return Err(Refusal::bad_request(message));
    }
    Ok((shaped, warnings))
}

/// Finds the fields of `sent` that did not come back.
fn compare(sent: &Value, shaped: &Value, path: &str, dropped: &mut Vec<String>) {
    match (sent, shaped) {
        (Value::Object(sent), Value::Object(shaped)) => {
            for (name, value) in sent.iter().filter(|(_, value)| !value.is_null()) {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                match shaped.get(name) {
                    Some(shaped) => compare(value, shaped, &path, dropped),
                    None => dropped.push(path),
                }
            }
        }
        (Value::Array(sent), Value::Array(shaped)) => {
            for (index, (sent, shaped)) in sent.iter().zip(shaped).enumerate() {
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
        let (shaped, warnings) = shape(kind, &pod, Validation::Warn).unwrap();
        let expected = [
            "unknown field \"spec.containers[0].imag\"",
            "unknown field \"spec.replicas\"",
        ];
        assert_eq!(warnings, expected);
        assert!(shaped["spec"]["replicas"].is_null());
        assert_eq!(shape(kind, &pod, Validation::Strict).unwrap_err().code, 400);
        assert!(shape(kind, &pod, Validation::Ignore).unwrap().1.is_empty());
    }
}
