//! What a JSON Schema says of words that have a form of their own. Never values, only stand-ins for `schemars(with)`.

use std::borrow::Cow;

use probe_target::behaviour::Fault;
use probe_target::word::Word;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// Exactly one of these fields is required.
pub(crate) fn exactly_one(fields: &[&str]) -> Value {
    fields
        .iter()
        .map(|field| json!({ "required": [field] }))
        .collect()
}

macro_rules! stand_ins {
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

/// What a probe gets. Its words and the names of faults and port states are probe-target's.
pub(crate) struct Behaviour;

impl JsonSchema for Behaviour {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Behaviour".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<_> = Word::names().collect();
        let faults: Vec<_> = Fault::all().map(Fault::name).collect();
        let status = json!({ "type": "integer", "minimum": 200, "maximum": 999 });
        json_schema!({ "oneOf": [status, { "enum": words }, {
            "type": "object",
            "additionalProperties": false,
            "minProperties": 1,
            "properties": {
                "status": { "type": "integer", "minimum": 200, "maximum": 999, "description": "The reply's status." },
                "headers": { "type": "object", "additionalProperties": { "type": "string" }, "description": "The reply's headers." },
                "body": { "type": "string", "description": "The reply's body." },
                "fault": { "enum": faults, "description": "What comes in place of a reply." },
                "bytes": { "type": "integer", "minimum": 0, "description": "How many bytes of the body a fault sends." },
                "pace": { "type": "string", "description": "The time between two bytes of a slow fault: `1s`." },
                "hops": { "type": "integer", "minimum": 1, "maximum": 100, "description": "How many redirects a chain has." },
                "sequence": {
                    "type": "array",
                    "minItems": 2,
                    "items": { "oneOf": [status, { "enum": words }] },
                    "description": "Statuses and faults, one request after another.",
                },
                "delay": { "type": "string", "description": "How long each answer is held back: `1s`." },
                "state": { "enum": ["open", "closed", "blackhole", "stop-accepting", "reset"], "description": "How the whole port treats connections." },
                "protocol": { "type": "string", "description": "What is spoken on the port." },
            },
        }] })
    }
}

stand_ins! {
    ApiVersion: { "const": "probeflip.dev/v1alpha1" },
    Kind: { "const": "Experiment" },
    Label: { "type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63 },
    Name: { "type": "string", "pattern": "^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$", "maxLength": 253 },
    ObjectRef: { "type": "string", "pattern": "^([A-Za-z]+/)?[a-z0-9]([-.a-z0-9]*[a-z0-9])?$" },
    Port: { "type": "integer", "minimum": 1, "maximum": 65535 },
    Path: { "type": "string", "pattern": "^/" },
    Rate: { "type": "string", "pattern": "^[1-9][0-9]*/s$", "examples": ["10/s"] },
    Duration: { "type": "string", "pattern": "^([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$", "minLength": 2, "examples": ["10s"] },
    Share: { "type": "number", "minimum": 0, "maximum": 1 },
    Ready: { "oneOf": [
        { "type": "boolean" },
        { "type": "integer", "minimum": 0 },
        { "type": "string", "pattern": "^[0-9]+/[0-9]+$" },
    ] },
    Unchanged: { "const": "unchanged" },
    ConditionStatus: { "oneOf": [{ "type": "boolean" }, { "enum": ["True", "False", "Unknown"] }] },
    Addresses: { "oneOf": [{ "const": "unchanged" }, { "type": "integer", "minimum": 0 }] },
}
