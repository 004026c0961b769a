//! What a JSON Schema says of what a flip gives. Words and names are probe-target's; that the fields are so too is a test of [`crate::input::schema`].

use std::borrow::Cow;

use probe_target::model::behaviour::Fault;
use probe_target::model::process_fault::ProcessFault;
use probe_target::model::shorthand::Shorthand;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;

/// What a probe gets.
pub(crate) struct Behaviour;

impl JsonSchema for Behaviour {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Behaviour".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<_> = Shorthand::names().collect();
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

/// What is done to a process.
pub(crate) struct Process;

impl JsonSchema for Process {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Process".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = ProcessFault::NAMES;
        json_schema!({ "oneOf": [{ "enum": names }, {
            "type": "object",
            "additionalProperties": false,
            "required": ["fault"],
            "properties": {
                "fault": { "enum": names, "description": "What is done." },
                "code": { "type": "integer", "minimum": 0, "maximum": 255, "description": "exit: the code; 1 if absent." },
                "message": { "type": "string", "description": "exit and signal: the termination message." },
                "signal": { "type": ["string", "integer"], "description": "signal: which one, such as `SIGKILL`." },
                "ignore": { "type": "boolean", "description": "sigterm: it is lost." },
                "delay": { "type": "string", "description": "sigterm: it is followed so much later." },
                "fail": {
                    "type": "array",
                    "items": { "type": "string" },
                    "description": "sigterm: what fails from then on, as `8080/readyz`, `/readyz` or `7000`.",
                },
                "bytes": { "type": ["string", "integer"], "description": "memory: how much in all, such as `64Mi`." },
            },
        }] })
    }
}
