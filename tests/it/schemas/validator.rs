//! JSON Schema, as far as the schemas of outputs use it. A keyword that is not known is a panic.

use serde_json::{Map, Value};

/// Keywords that describe and do not decide.
const NOTES: [&str; 8] = [
    "$schema",
    "title",
    "description",
    "format",
    "examples",
    "default",
    "$defs",
    "properties",
];

/// A schema and its definitions.
pub(super) struct Validator {
    schema: Value,
}

impl Validator {
    pub(super) fn new(schema: Value) -> Self {
        Self { schema }
    }

    /// What does not fit, each with its place.
    pub(super) fn errors(&self, json: &Value) -> Vec<String> {
        self.of(&self.schema, json, "")
    }

    fn of(&self, schema: &Value, json: &Value, place: &str) -> Vec<String> {
        let Some(keywords) = schema.as_object() else {
            return match schema {
                Value::Bool(true) => Vec::new(),
                _ => vec![format!("{place}: nothing may be here")],
            };
        };
        let decided = keywords
            .iter()
            .filter(|(name, _)| !NOTES.contains(&name.as_str()));
        let mut errors: Vec<String> = decided
            .flat_map(|(name, value)| match name.as_str() {
                "anyOf" | "oneOf" => self.keyword(name, &completed(value, keywords), json, place),
                _ => self.keyword(name, value, json, place),
            })
            .collect();
        errors.extend(self.fields(keywords, json, place));
        errors
    }

    fn keyword(&self, name: &str, value: &Value, json: &Value, place: &str) -> Vec<String> {
        let holds = match name {
            "type" => is_of_types(value, json),
            "const" => value == json,
            "enum" => list(value).contains(json),
            "minimum" => json.as_f64().is_none_or(|it| it >= value.as_f64().unwrap()),
            "maximum" => json.as_f64().is_none_or(|it| it <= value.as_f64().unwrap()),
            "required" => json.as_object().is_none_or(|fields| {
                let mut names = list(value).iter();
                names.all(|name| fields.contains_key(name.as_str().unwrap()))
            }),
            "anyOf" => self.fitting(value, json) >= 1,
            "oneOf" => self.fitting(value, json) == 1,
            "$ref" => {
                let path = value.as_str().unwrap().trim_start_matches('#');
                return self.of(self.schema.pointer(path).unwrap(), json, place);
            }
            "items" => {
                let items = json.as_array().into_iter().flatten().enumerate();
                let errors =
                    items.map(|(index, it)| self.of(value, it, &format!("{place}/{index}")));
                return errors.flatten().collect();
            }
            // With the fields.
            "additionalProperties" => true,
            unknown => panic!("{place}: the keyword `{unknown}` is not known here"),
        };
        let error = || format!("{place}: {json} does not fit `{name}: {value}`");
        (!holds).then(error).into_iter().collect()
    }

    fn fitting(&self, schemas: &Value, json: &Value) -> usize {
        let fits = |schema: &&Value| self.of(schema, json, "").is_empty();
        list(schemas).iter().filter(fits).count()
    }

    /// Fields by their schemas. Others are errors, unless several places describe the object.
    fn fields(&self, keywords: &Map<String, Value>, json: &Value, place: &str) -> Vec<String> {
        let (Some(fields), Some(known)) = (json.as_object(), keywords.get("properties")) else {
            let others = keywords.get("additionalProperties");
            let fields = json.as_object().into_iter().flatten();
            let checked = others.into_iter().flat_map(|others| {
                let fields = fields.clone();
                fields.flat_map(|(name, it)| self.of(others, it, &format!("{place}/{name}")))
            });
            return checked.collect();
        };
        let composed = ["$ref", "anyOf", "oneOf"];
        let is_whole = !composed.iter().any(|name| keywords.contains_key(*name));
        let checked = fields.iter().flat_map(|(name, value)| {
            let place = format!("{place}/{name}");
            match known.get(name) {
                Some(schema) => self.of(schema, value, &place),
                None if is_whole => vec![format!("{place}: not described")],
                None => Vec::new(),
            }
        });
        checked.collect()
    }
}

/// Alternatives that describe some fields of an object, with the fields that all of them have.
fn completed(alternatives: &Value, keywords: &Map<String, Value>) -> Value {
    let mut alternatives = alternatives.clone();
    let shared = keywords.get("properties").and_then(Value::as_object);
    for alternative in alternatives.as_array_mut().into_iter().flatten() {
        let own = alternative.get_mut("properties");
        if let (Some(own), Some(shared)) = (own.and_then(Value::as_object_mut), shared) {
            own.extend(shared.clone());
        }
    }
    alternatives
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn is_of_types(types: &Value, json: &Value) -> bool {
    match types {
        Value::Array(types) => types.iter().any(|it| is_of_types(it, json)),
        it => match it.as_str().unwrap() {
            "null" => json.is_null(),
            "boolean" => json.is_boolean(),
            "integer" => json.is_i64() || json.is_u64(),
            "number" => json.is_number(),
            "string" => json.is_string(),
            "array" => json.is_array(),
            "object" => json.is_object(),
            unknown => panic!("no type `{unknown}`"),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(json: &Value, expected: &[&str]) {
        let schema = json!({
            "type": "object",
            "properties": {
                "at": { "type": ["integer", "null"], "minimum": 0 },
                "of": { "$ref": "#/$defs/of" },
            },
            "required": ["at"],
            "$defs": {
                "of": { "type": "array", "items": { "oneOf": [{ "const": 1 }, { "const": "a" }] } },
            },
        });
        let errors = Validator::new(schema).errors(json);
        let places = errors.iter().map(|error| error.split(':').next().unwrap());
        assert_eq!(places.collect::<Vec<_>>(), expected, "{errors:?}");
    }

    #[test]
    fn what_does_not_fit_is_found() {
        check(&json!({ "at": 1, "of": [1, "a"] }), &[]);
        check(&json!({ "at": null }), &[]);
        check(&json!({ "at": -1 }), &["/at"]);
        check(&json!({ "at": 1, "of": [2] }), &["/of/0"]);
        check(&json!({ "at": 1, "more": 1 }), &["/more"]);
        check(&json!({}), &[""]);
        check(&json!([]), &[""]);
    }
}
