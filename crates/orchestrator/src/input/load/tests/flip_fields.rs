//! The parser of flips and their JSON Schema, held against each other for generated values.

use std::sync::LazyLock;

use probe_target::model::field::{
    AFTER, BYTES, CODE, COUNT, DELAY, EVERY, FAIL, FAULT, FIELDS, FOR, Field, FieldType, HOPS,
    IGNORE, MEMORY, MESSAGE, PACE, PROCESS, PROTOCOL, Part, SEED, SEQUENCE, SIGNAL, STATE, STATUS,
};
use probe_target::model::shorthand::Shorthand;
use proptest::prelude::*;
use proptest::sample::select;
use regex::Regex;
use serde_json::{Map, Value, json};

use super::{VALID, source};
use crate::input::load::load;
use crate::input::schema;

/// Fields for which the schema allows more than the parser.
const WIDER: [Field; 7] = [BYTES, SEQUENCE, PROTOCOL, SIGNAL, MEMORY, MESSAGE, FAIL];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_schema_allows_what_the_parser_accepts((field, value) in fields()) {
        for flip in flips(&field, &value) {
            let (accepted, allowed) = (accepts(&flip), allows(&flip));
            let exact = !WIDER.contains(&field);
            prop_assert!(allowed || !accepted, "the parser alone accepts {flip}");
            prop_assert!(accepted || !(allowed && exact), "the schema alone allows {flip}");
        }
    }

    #[test]
    fn the_schema_allows_the_words_that_the_parser_accepts(to in words()) {
        let flip = with(json!({ "probe": "readiness", "to": to }));
        prop_assert_eq!(accepts(&flip), allows(&flip), "{}", flip);
    }
}

#[test]
fn every_field_of_the_table_is_a_field_of_the_schema() {
    let fields = schema::fields_at("spec.steps[].flip");
    for field in FIELDS.iter().filter(|field| field.part == Part::Beside) {
        assert!(
            fields.iter().any(|name| name == field.name),
            "{}",
            field.name
        );
    }
    assert_eq!(
        fields.len(),
        7 + FIELDS
            .iter()
            .filter(|field| field.part == Part::Beside)
            .count()
    );
}

fn accepts(flip: &Value) -> bool {
    let written = "{ pod: deploy/web, container: b, probe: readiness, to: 404 }";
    assert!(VALID.contains(written));
    load(&source(&VALID.replacen(written, &flip.to_string(), 1))).is_ok()
}

fn allows(flip: &Value) -> bool {
    static ROOT: LazyLock<Value> = LazyLock::new(|| schema::experiment().to_value());
    is_valid(&ROOT, &ROOT["$defs"]["Flip"], flip)
}

/// Any field of a flip that a file may contain, with a value that is valid or nearly so.
fn fields() -> impl Strategy<Value = (Field, Value)> {
    let fields = FIELDS.iter().filter(|field| field.part != Part::Own);
    let fields: Vec<Field> = fields.copied().collect();
    select(fields).prop_flat_map(|field| {
        let values = prop_oneof![4 => values(field), 1 => other_types()];
        values.prop_map(move |value| (field, value))
    })
}

fn values(field: Field) -> BoxedStrategy<Value> {
    match field.takes {
        FieldType::Number { least, most }
        | FieldType::Status { least, most }
        | FieldType::Size { least, most } => {
            let near = |edge: u64| edge.saturating_sub(2)..=edge.saturating_add(2);
            let number = prop_oneof![near(least), near(most), any::<u64>()];
            number.prop_map(Value::from).boxed()
        }
        // No request is given a probability of 0, which a schema of numbers does not say.
        FieldType::Share => (-100..200_i32)
            .prop_filter("not zero", |share| *share != 0)
            .prop_map(|share| (f64::from(share) / 100.0).into())
            .boxed(),
        FieldType::Duration => durations(),
        FieldType::Flag => any::<bool>().prop_map(Value::from).boxed(),
        FieldType::Name(names) => prop_oneof![select(names).prop_map(Value::from), texts()].boxed(),
        FieldType::Headers => prop::collection::btree_map("x-[a-z]{1,4}", texts(), 0..3)
            .prop_map(|headers| headers.into_iter().collect::<Map<_, _>>().into())
            .boxed(),
        FieldType::Sequence => prop::collection::vec(words(), 0..4)
            .prop_map(Value::from)
            .boxed(),
        FieldType::Locations => prop::collection::vec("([0-9]{1,5})?(/[a-z%]{0,3})?", 0..3)
            .prop_map(Value::from)
            .boxed(),
        FieldType::Text
        | FieldType::ShortText(_)
        | FieldType::Route
        | FieldType::Object
        | FieldType::List => texts(),
    }
}

/// Durations of whole milliseconds up to a day, and texts that are none.
fn durations() -> BoxedStrategy<Value> {
    let whole = (1..86_400_000_u64).prop_map(|millis| format!("{millis}ms"));
    let mixed = (0..24_u32, 0..60_u32, 1..60_000_u32).prop_map(|(hours, minutes, millis)| {
        format!("{hours}h{minutes}m{}.{:03}s", millis / 1000, millis % 1000)
    });
    let none = select(vec![
        "", "10", "1d", "-1s", "1 s", "s", "1..5s", ".s", "1s5", "+1s", "1e3s",
    ]);
    prop_oneof![2 => whole, 2 => mixed, 1 => none.prop_map(str::to_owned)]
        .prop_map(Value::from)
        .boxed()
}

fn texts() -> BoxedStrategy<Value> {
    "[a-z][a-z -]{0,8}".prop_map(Value::from).boxed()
}

/// Words and statuses, and those that are misspelled or out of range.
fn words() -> BoxedStrategy<Value> {
    let known: Vec<_> = Shorthand::names().collect();
    let known = select(known).prop_map(Value::from);
    let statuses = (190..1010_u32).prop_map(Value::from);
    prop_oneof![known, statuses, texts()].boxed()
}

fn other_types() -> BoxedStrategy<Value> {
    let values = vec![
        json!(true),
        json!(-1),
        json!(0.5),
        json!("7"),
        json!([]),
        json!({ "a": 1 }),
    ];
    select(values).boxed()
}

/// The flips that have the field with this value in each of its places, and else what it needs.
fn flips(field: &Field, value: &Value) -> Vec<Value> {
    let named = |mut object: Value| {
        object[field.name] = value.clone();
        object
    };
    let to = |object: Value| with(json!({ "probe": "readiness", "to": object }));
    let process = |object: Value| with(json!({ "process": object }));
    let beside = |mut fields: Value| {
        fields["probe"] = json!("liveness");
        fields["to"] = json!(503);
        with(fields)
    };
    let sigterm = json!({ "fault": "sigterm" });
    match *field {
        FOR | COUNT | AFTER => vec![beside(named(json!({})))],
        EVERY => vec![beside(named(json!({ "count": 1 })))],
        SEED => vec![beside(named(json!({ "probability": 0.5 })))],
        DELAY => vec![
            beside(named(json!({}))),
            to(named(json!({ "status": 503 }))),
            process(named(sigterm)),
        ],
        STATUS | FAULT | SEQUENCE | STATE | PROTOCOL => vec![to(named(json!({})))],
        BYTES => vec![to(named(json!({ "fault": "stall-body" })))],
        PACE => vec![to(named(json!({ "fault": "slow-head" })))],
        HOPS => vec![to(named(json!({ "fault": "redirect-chain" })))],
        // The other faults need a field of their own.
        PROCESS
            if ["signal", "memory", "sigterm"]
                .iter()
                .any(|name| value == name) =>
        {
            Vec::new()
        }
        PROCESS => vec![process(named(json!({})))],
        CODE | MESSAGE => vec![process(named(json!({ "fault": "exit" })))],
        SIGNAL => vec![process(named(json!({ "fault": "signal" })))],
        MEMORY => vec![process(named(json!({ "fault": "memory" })))],
        IGNORE if *value == false => {
            vec![process(named(json!({ "fault": "sigterm", "delay": "1s" })))]
        }
        IGNORE => vec![process(named(sigterm))],
        FAIL => vec![process(named(
            json!({ "fault": "sigterm", "ignore": true }),
        ))],
        _ if field.part == Part::To => vec![to(named(json!({ "status": 503 })))],
        _ => vec![beside(named(json!({})))],
    }
}

fn with(mut flip: Value) -> Value {
    flip["pod"] = json!("deploy/web");
    flip["container"] = json!("b");
    flip
}

/// Whether the schema allows the value; for the keywords that the schema of a flip uses.
fn is_valid(root: &Value, schema: &Value, value: &Value) -> bool {
    let keywords = schema.as_object().expect("a schema must be an object");
    keywords
        .iter()
        .all(|(keyword, rule)| match keyword.as_str() {
            "$ref" => {
                let path = rule.as_str().unwrap().trim_start_matches('#');
                is_valid(root, root.pointer(path).unwrap(), value)
            }
            "oneOf" => {
                let schemas = rule.as_array().unwrap().iter();
                schemas
                    .filter(|schema| is_valid(root, schema, value))
                    .count()
                    == 1
            }
            "anyOf" => {
                let mut schemas = rule.as_array().unwrap().iter();
                schemas.any(|schema| is_valid(root, schema, value))
            }
            "type" => match rule.as_array() {
                Some(types) => types.iter().any(|name| is_a(name, value)),
                None => is_a(rule, value),
            },
            "enum" => rule.as_array().unwrap().contains(value),
            "const" => rule == value,
            "minimum" => value
                .as_f64()
                .is_none_or(|number| number >= rule.as_f64().unwrap()),
            "maximum" => value
                .as_f64()
                .is_none_or(|number| number <= rule.as_f64().unwrap()),
            "pattern" => {
                let pattern = Regex::new(rule.as_str().unwrap()).unwrap();
                value.as_str().is_none_or(|text| pattern.is_match(text))
            }
            "maxLength" => value
                .as_str()
                .is_none_or(|text| text.len() as u64 <= rule.as_u64().unwrap()),
            "items" => {
                let mut items = value.as_array().into_iter().flatten();
                items.all(|item| is_valid(root, rule, item))
            }
            "minItems" => value
                .as_array()
                .is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
            "minProperties" => value.as_object().is_none_or(|fields| !fields.is_empty()),
            "required" => {
                let mut names = rule.as_array().unwrap().iter();
                value.as_object().is_none_or(|fields| {
                    names.all(|name| fields.contains_key(name.as_str().unwrap()))
                })
            }
            "properties" => {
                let mut fields = value.as_object().into_iter().flatten();
                fields.all(|(name, value)| {
                    rule.get(name)
                        .is_none_or(|schema| is_valid(root, schema, value))
                })
            }
            "additionalProperties" => {
                let known = &schema["properties"];
                let fields = value.as_object().into_iter().flatten();
                let mut others = fields.filter(|(name, _)| known.get(name).is_none());
                others.all(|(_, value)| {
                    rule.as_bool()
                        .unwrap_or_else(|| is_valid(root, rule, value))
                })
            }
            "description" | "examples" | "default" | "format" => true,
            keyword => panic!("`{keyword}` is not checked"),
        })
}

fn is_a(name: &Value, value: &Value) -> bool {
    match name.as_str().unwrap() {
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        name => panic!("`{name}` is not checked"),
    }
}
