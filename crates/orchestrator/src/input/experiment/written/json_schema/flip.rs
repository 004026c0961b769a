//! The JSON Schema of a flip, from probe-target's table of fields.

use std::borrow::Cow;

use probe_target::model::field::{
    BYTES, DELAY, FIELDS, Field, FieldType, MEMORY, PROCESS, PROTOCOL, Part, SIGNAL, STATUS,
};
use probe_target::model::shorthand::Shorthand;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::Duration;

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
        json_schema!({ "oneOf": [schema(&STATUS), words(), {
            "type": "object",
            "additionalProperties": false,
            "minProperties": 1,
            "properties": properties(Part::To),
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
        json_schema!({ "oneOf": [schema(&PROCESS), {
            "type": "object",
            "additionalProperties": false,
            "required": [PROCESS.name],
            "properties": properties(Part::Process),
        }] })
    }
}

/// Adds the fields beside `to` and `process`, which may be null.
pub(crate) fn beside(flip: &mut Schema) {
    let properties = flip.get_mut("properties").and_then(Value::as_object_mut);
    let properties = properties.expect("a flip must have properties");
    for field in FIELDS.iter().filter(|field| field.part == Part::Beside) {
        let mut value = described(field);
        value["type"] = json!([value["type"], "null"]);
        properties.insert(field.name.to_owned(), value);
    }
}

fn properties(part: Part) -> Map<String, Value> {
    let fields = FIELDS.iter().filter(|field| field.part == part);
    let fields = fields.chain([&DELAY]);
    fields
        .map(|field| (field.name.to_owned(), described(field)))
        .collect()
}

fn described(field: &Field) -> Value {
    let mut value = schema(field);
    value["description"] = format!("{}.", field.help).into();
    value
}

/// The schema of a field's value. It is wider than the parser for names and sizes that older
/// versions of the schema left open.
fn schema(field: &Field) -> Value {
    match field.takes {
        _ if *field == PROTOCOL => json!({ "type": "string" }),
        _ if *field == SIGNAL || *field == MEMORY => json!({ "type": ["string", "integer"] }),
        _ if *field == BYTES => json!({ "type": "integer", "minimum": 0 }),
        FieldType::Number {
            least,
            most: u64::MAX,
        } => json!({ "type": "integer", "format": "uint64", "minimum": least }),
        FieldType::Number { least, most }
        | FieldType::Status { least, most }
        | FieldType::Size { least, most } => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        FieldType::Share => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        FieldType::Duration => Duration::json_schema(&mut SchemaGenerator::default()).into(),
        FieldType::Flag => json!({ "type": "boolean" }),
        FieldType::Name(names) => json!({ "enum": names }),
        FieldType::Headers => {
            json!({ "type": "object", "additionalProperties": { "type": "string" } })
        }
        FieldType::Sequence => json!({
            "type": "array",
            "minItems": 2,
            "items": { "oneOf": [schema(&STATUS), words()] },
        }),
        FieldType::Locations => json!({ "type": "array", "items": { "type": "string" } }),
        FieldType::Text | FieldType::ShortText(_) | FieldType::Route => json!({ "type": "string" }),
        FieldType::Object | FieldType::List => unreachable!("no field of a flip"),
    }
}

fn words() -> Value {
    let words: Vec<_> = Shorthand::names().collect();
    json!({ "enum": words })
}
