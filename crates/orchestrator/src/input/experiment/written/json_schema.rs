//! The JSON Schema of values with a form of their own: types for `schemars(with)`, never values.

mod flip;

use std::borrow::Cow;

use probe_target::model::duration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

pub(crate) use flip::{Behaviour, Process, beside};

/// A range of numbers.
fn range() -> Value {
    let number =
        |description: &str| json!({ "type": "integer", "minimum": 0, "description": description });
    json!({
        "type": "object",
        "properties": {
            "atLeast": number("The smallest number that satisfies it."),
            "atMost": number("The largest number that satisfies it."),
        },
        "additionalProperties": false,
        "minProperties": 1,
    })
}

/// Exactly one of these fields is required.
pub(crate) fn exactly_one(fields: &[&str]) -> Value {
    fields
        .iter()
        .map(|field| json!({ "required": [field] }))
        .collect()
}

/// One action; only a step that waits needs no expectation.
pub(crate) fn actions() -> Value {
    json!([
        { "required": ["flip", "expect"] },
        { "required": ["patch", "expect"] },
        { "required": ["delete", "expect"] },
        { "required": ["wait"] },
    ])
}

/// Conditions are required of every subject but an Event.
pub(crate) fn that_or_event() -> Value {
    json!([{ "required": ["that"] }, { "required": ["event"] }])
}

/// Either a probe and what it gets, or something done to the process.
pub(crate) fn probe_or_process() -> Value {
    json!([{ "required": ["probe", "to"] }, { "required": ["process"] }])
}

macro_rules! schemas {
    ($($name:ident: $schema:tt,)*) => {$(
        pub(crate) struct $name;

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

schemas! {
    ApiVersion: { "const": "probeflip.dev/v1alpha1" },
    Kind: { "const": "Experiment" },
    Label: { "type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63 },
    Name: { "type": "string", "pattern": "^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$", "maxLength": 253 },
    ObjectRef: { "type": "string", "pattern": "^([A-Za-z]+/)?[a-z0-9]([-.a-z0-9]*[a-z0-9])?$" },
    Port: { "type": "integer", "minimum": 1, "maximum": 65535 },
    Path: { "type": "string", "pattern": "^/" },
    Rate: { "type": "string", "pattern": "^[1-9][0-9]*/s$", "examples": ["10/s"] },
    Duration: { "type": "string", "pattern": duration::PATTERN, "examples": ["10s"] },
    Bound: { "oneOf": [
        { "type": "string", "pattern": duration::PATTERN, "examples": ["10s"] },
        { "const": "predicted" },
    ] },
    Ready: { "oneOf": [
        { "type": "boolean" },
        { "type": "integer", "minimum": 0 },
        { "type": "string", "pattern": "^[0-9]+/[0-9]+$" },
        range(),
    ] },
    Count: { "type": "integer", "minimum": 1 },
    Number: { "oneOf": [{ "type": "integer", "minimum": 0 }, range()] },
    Unchanged: { "const": "unchanged" },
    ConditionStatus: { "oneOf": [{ "type": "boolean" }, { "enum": ["True", "False", "Unknown"] }] },
    FailureLimit: { "oneOf": [
        { "type": "integer", "minimum": 0 },
        { "type": "string", "pattern": "^(100(\\.0{1,4})?|[0-9]{1,2}(\\.[0-9]{1,4})?)%$", "examples": ["1%"] },
    ] },
    Addresses: { "oneOf": [{ "const": "unchanged" }, { "type": "integer", "minimum": 0 }, range()] },
}
