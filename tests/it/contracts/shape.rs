//! Helper: the shape of JSON, that is the paths and types of its fields without values.

use std::{collections::BTreeSet, fmt};

use serde_json::Value;

/// Paths of fields with their types, such as `ports[].number: number`.
#[derive(Debug, Default)]
pub(super) struct Shape(BTreeSet<String>);

impl Shape {
    /// The shape of one value.
    pub(super) fn of(value: &Value) -> Self {
        let mut shape = Self::default();
        shape.add(value);
        shape
    }

    /// Adds the fields of another value.
    pub(super) fn add(&mut self, value: &Value) {
        self.walk("", value);
    }

    fn walk(&mut self, path: &str, value: &Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    // Field names that are data (ports and paths) are not part of the shape.
                    let data = name.starts_with('/') || name.parse::<u64>().is_ok();
                    let name = if data { "*" } else { name };
                    let dot = if path.is_empty() { "" } else { "." };
                    self.walk(&format!("{path}{dot}{name}"), value);
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.walk(&format!("{path}[]"), item);
                }
            }
            Value::String(_) => self.note(path, "string"),
            Value::Number(_) => self.note(path, "number"),
            Value::Bool(_) => self.note(path, "boolean"),
            Value::Null => self.note(path, "null"),
        }
    }

    fn note(&mut self, path: &str, kind: &str) {
        self.0.insert(format!("{path}: {kind}"));
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
