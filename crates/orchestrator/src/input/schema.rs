//! The JSON Schema of an experiment file, generated from the types that parse it.

mod schema_field;

use schemars::{Schema, schema_for};
use serde_json::Value;

use crate::input::experiment::written::Experiment;
pub(crate) use schema_field::SchemaField;

/// The JSON Schema of `kind: Experiment`.
pub fn experiment() -> Schema {
    schema_for!(Experiment)
}

/// The names of the fields of the mapping at a path such as `spec.steps[].flip`; empty if there is
/// no such mapping.
pub(crate) fn fields_at(path: &str) -> Vec<String> {
    let root = experiment().to_value();
    let mut node = &root;
    for step in path.split('.').filter(|step| !step.is_empty()) {
        let name = step.trim_end_matches("[]");
        // Each `[]` after the name enters a list.
        let items = (step.len() - name.len()) / 2;
        let value = field(&root, node, name);
        let found = (0..items).fold(value, |list, _| item(&root, list?));
        let Some(found) = found else {
            return Vec::new();
        };
        node = found;
    }
    properties(&root, node)
}

/// The names of the fields that a schema allows in a mapping.
pub(crate) fn properties(root: &Value, node: &Value) -> Vec<String> {
    let all = alternatives(root, node).into_iter();
    let objects = all.filter_map(|schema| schema["properties"].as_object());
    objects.flat_map(|fields| fields.keys().cloned()).collect()
}

/// The schema of a field's value.
pub(crate) fn field<'s>(root: &'s Value, node: &'s Value, name: &str) -> Option<&'s Value> {
    let mut all = alternatives(root, node).into_iter();
    all.find_map(|schema| schema["properties"].get(name))
}

/// The schema of a list's items.
pub(crate) fn item<'s>(root: &'s Value, node: &'s Value) -> Option<&'s Value> {
    let mut all = alternatives(root, node).into_iter();
    all.find_map(|schema| schema.get("items"))
}

/// A schema and, recursively, all schemas that it refers to by `$ref`, `anyOf`, `oneOf` or `allOf`.
fn alternatives<'s>(root: &'s Value, node: &'s Value) -> Vec<&'s Value> {
    let referred = node["$ref"].as_str();
    let referred = referred.and_then(|path| root.pointer(path.strip_prefix('#')?));
    let offered = ["anyOf", "oneOf", "allOf"].into_iter();
    let offered = offered.flat_map(|word| node[word].as_array().into_iter().flatten());
    let inner = referred.into_iter().chain(offered);
    let inner = inner.flat_map(|inner| alternatives(root, inner));
    [node].into_iter().chain(inner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn fields_are_described_and_later_ones_left_out() {
        let schema = serde_json::to_value(experiment()).unwrap();
        let eventually = &schema["$defs"]["Becoming"];
        assert_eq!(eventually["required"], serde_json::json!(["within"]));
        assert_eq!(
            eventually["properties"]["hold"]["description"],
            "How long it must stay true, which may end after `within`; 0s if absent."
        );
        let that = &schema["$defs"]["That"]["properties"];
        assert!(that["ready"].is_object() && that["count"].is_null());
        assert_eq!(
            schema["properties"]["apiVersion"]["const"],
            "probeflip.dev/v1alpha1"
        );
        assert_eq!(schema["additionalProperties"], false);
        let to = &schema["$defs"]["Flip"]["properties"]["to"]["anyOf"][0]["oneOf"];
        assert!(
            to[1]["enum"]
                .as_array()
                .unwrap()
                .contains(&"stall-body".into())
        );
        for (name, definition) in schema["$defs"].as_object().unwrap() {
            assert!(
                definition["description"].is_string(),
                "{name} is not described"
            );
        }
    }
}
