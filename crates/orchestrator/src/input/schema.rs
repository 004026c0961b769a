//! The JSON Schema of an experiment file, generated from the types that parse it.

use schemars::{Schema, schema_for};
use serde_json::Value;

use crate::input::experiment::written::Experiment;

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
    use probe_target::{
        ParseError,
        model::{behaviour::Behaviour, port_spec::PortSpec, process_fault::ProcessFault},
    };
    use serde_json::{Value, json};

    use super::*;
    use crate::input::experiment::BESIDE;

    #[test]
    fn fields_are_described_and_later_ones_left_out() {
        let schema = serde_json::to_value(experiment()).unwrap();
        let eventually = &schema["$defs"]["Becoming"];
        assert_eq!(eventually["required"], serde_json::json!(["within"]));
        assert_eq!(
            eventually["properties"]["hold"]["description"],
            "How long it must stay true, which may end after `within`; 0s if absent."
        );
        assert_eq!(eventually["properties"]["after"], serde_json::Value::Null);
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

    /// Both ways: a field the target does not know is no field, and one that the schema does not
    /// know is none.
    #[test]
    fn a_behaviour_s_fields_are_those_that_a_target_takes() {
        let schema = serde_json::to_value(experiment()).unwrap();
        let flip = &schema["$defs"]["Flip"]["properties"];
        let said = |object: &Value| {
            object
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
        };
        let mut known = said(&flip["to"]["anyOf"][0]["oneOf"][2]["properties"]);
        known.extend(
            said(flip)
                .into_iter()
                .filter(|name| BESIDE.contains(&name.as_str())),
        );
        let known = alike(known);
        let of = |refused: ParseError| {
            let (_, names) = refused.message.split_once("expected one of ").unwrap();
            names.split(", ").map(str::to_owned).collect::<Vec<_>>()
        };
        let mut taken = of(Behaviour::read(json!({ "status": 200, "?": 0 }), "").unwrap_err());
        taken.extend(of(PortSpec::read(json!({ "?": 0 }), "").unwrap_err()));
        assert_eq!(known, alike(taken));
        let mut known = said(&flip["process"]["anyOf"][0]["oneOf"][1]["properties"]);
        known.extend(["for", "after", "every"].map(str::to_owned));
        let faults = [
            json!({ "fault": "exit", "?": 0 }),
            json!({ "fault": "signal", "signal": "SIGKILL", "?": 0 }),
            json!({ "fault": "sigterm", "ignore": true, "?": 0 }),
            json!({ "fault": "memory", "bytes": 1, "?": 0 }),
        ];
        let refused = faults.map(|fault| of(ProcessFault::read(fault, "").unwrap_err()));
        assert_eq!(alike(known), alike(refused.concat()));
    }

    fn alike(mut names: Vec<String>) -> Vec<String> {
        // Said by probeflip itself.
        names.retain(|name| name != "leased" && name != "route");
        names.sort_unstable();
        names.dedup();
        names
    }
}
