//! The JSON Schema of an experiment file, for editors: generated from the types that read it, so the two cannot differ.

use schemars::{Schema, schema_for};

use crate::experiment::written::Experiment;

/// The schema of `kind: Experiment`.
pub fn experiment() -> Schema {
    schema_for!(Experiment)
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
        assert_eq!(eventually["properties"]["after"], serde_json::Value::Null);
        assert_eq!(
            schema["properties"]["apiVersion"]["const"],
            "probeflip.dev/v1alpha1"
        );
        assert_eq!(schema["additionalProperties"], false);
        for (name, definition) in schema["$defs"].as_object().unwrap() {
            assert!(
                definition["description"].is_string(),
                "{name} is not described"
            );
        }
    }
}
