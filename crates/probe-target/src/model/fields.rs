//! Parses the fields of a JSON object by hand, with errors that name the field's path.
//! Serde's derived implementations tell neither the path nor the other possible fields.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::model::duration;
use crate::model::json;
use crate::model::parse_error::{ParseError, called, join};

/// A JSON object being parsed. Fields that are left when it is [finished](Self::finish) are
/// unknown.
#[derive(Debug)]
pub(crate) struct Fields {
    path: String,
    object: Map<String, Value>,
    known: Vec<&'static str>,
}

impl Fields {
    /// Starts parsing `value`; `path` is its path in the input, for errors.
    pub(crate) fn read(value: Value, path: &str) -> Result<Self, ParseError> {
        let Value::Object(object) = value else {
            return Err(ParseError::new(
                path,
                format!("must be an object, not {}", kind(&value)),
            ));
        };
        Ok(Self {
            path: path.to_owned(),
            object,
            known: Vec::new(),
        })
    }

    /// Parses the text of a JSON object.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, ParseError> {
        Self::read(json::parse(text)?, "")
    }

    /// Parses the text of a JSON object; an empty text is equivalent to `{}`.
    pub(crate) fn parse_or_empty(text: &[u8]) -> Result<Self, ParseError> {
        Self::parse(if text.is_empty() { b"{}" } else { text })
    }

    /// The path of a field of this object.
    pub(crate) fn path(&self, name: &str) -> String {
        join(&self.path, name)
    }

    /// A field of any type. `null` is equivalent to an absent field.
    pub(crate) fn value(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.object.remove(name).filter(|value| !value.is_null())
    }

    /// A string.
    pub(crate) fn text(&mut self, name: &'static str) -> Result<Option<String>, ParseError> {
        self.typed(name, "a string", |value| match value {
            Value::String(text) => Some(text),
            _ => None,
        })
    }

    /// `true` or `false`; absent is false.
    pub(crate) fn flag(&mut self, name: &'static str) -> Result<bool, ParseError> {
        self.typed(name, "true or false", |value| value.as_bool())
            .map(Option::unwrap_or_default)
    }

    /// A whole number within `range`.
    pub(crate) fn number(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, ParseError> {
        let expected = match (range.start(), range.end()) {
            (least, &u64::MAX) => format!("a whole number, at least {least}"),
            (least, most) => format!("a whole number from {least} to {most}"),
        };
        self.typed(name, &expected, |value| {
            value.as_u64().filter(|number| range.contains(number))
        })
    }

    /// A number of bytes: a whole number, or text such as `64Mi`.
    pub(crate) fn bytes(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, ParseError> {
        let (least, most) = (range.start(), range.end());
        let expected = format!("a whole number from {least} to {most}, or one with Ki, Mi or Gi");
        self.typed(name, &expected, |value| {
            let bytes = match &value {
                Value::String(text) => quantity(text),
                value => value.as_u64(),
            };
            bytes.filter(|bytes| range.contains(bytes))
        })
    }

    /// A number from 0 to 1, converted to millionths.
    pub(crate) fn share(&mut self, name: &'static str) -> Result<Option<u32>, ParseError> {
        self.typed(name, "a number from 0 to 1", |value| {
            let share = value.as_f64().filter(|share| (0.0..=1.0).contains(share))?;
            // Seconds to microseconds is the same conversion, and the standard library rounds it.
            let millionths = Duration::try_from_secs_f64(share).ok()?.as_micros();
            u32::try_from(millionths).ok()
        })
    }

    /// A duration such as `"1m30s"`, above zero.
    pub(crate) fn duration(&mut self, name: &'static str) -> Result<Option<Duration>, ParseError> {
        let expected = "a duration above zero such as \"30s\" or \"1m30s\", in whole milliseconds, 8760h at most";
        self.typed(name, expected, |value| {
            value
                .as_str()
                .and_then(duration::parse)
                .filter(|duration| !duration.is_zero())
        })
    }

    /// A list of at least two items.
    pub(crate) fn list(&mut self, name: &'static str) -> Result<Option<Vec<Value>>, ParseError> {
        let expected = "a list of at least two";
        let items = self.typed(name, expected, |value| match value {
            Value::Array(items) => Some(items),
            _ => None,
        })?;
        match items {
            Some(items) if items.len() < 2 => {
                let message = format!("must be {expected}, not of {}", items.len());
                Err(ParseError::new(self.path(name), message))
            }
            items => Ok(items),
        }
    }

    /// A list of any length; empty if absent.
    pub(crate) fn items(&mut self, name: &'static str) -> Result<Vec<Value>, ParseError> {
        let items = self.typed(name, "a list", |value| match value {
            Value::Array(items) => Some(items),
            _ => None,
        });
        items.map(Option::unwrap_or_default)
    }

    /// An object whose values are strings.
    pub(crate) fn texts(
        &mut self,
        name: &'static str,
    ) -> Result<BTreeMap<String, String>, ParseError> {
        let mut texts = BTreeMap::new();
        for (key, value) in self.entries(name)? {
            let Value::String(text) = value else {
                let path = join(&self.path(name), &key);
                return Err(must_be(path, "a string", &value));
            };
            texts.insert(key, text);
        }
        Ok(texts)
    }

    /// An object with arbitrary keys, sorted; empty if absent.
    pub(crate) fn entries(&mut self, name: &'static str) -> Result<Map<String, Value>, ParseError> {
        self.typed(name, "an object", |value| match value {
            Value::Object(object) => Some(object),
            _ => None,
        })
        .map(Option::unwrap_or_default)
    }

    /// All fields of an object with arbitrary keys.
    pub(crate) fn all(self) -> Map<String, Value> {
        self.object
    }

    /// Rejects the fields that were not read.
    pub(crate) fn finish(self) -> Result<(), ParseError> {
        let Some(unknown) = self.object.keys().next() else {
            return Ok(());
        };
        Err(ParseError::misplaced(
            self.path(called(unknown)),
            format!("unknown field, expected one of {}", self.known.join(", ")),
        ))
    }

    fn typed<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Result<Option<T>, ParseError> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        match read(value.clone()) {
            Some(read) => Ok(Some(read)),
            None => Err(must_be(self.path(name), expected, &value)),
        }
    }
}

/// Parses a Kubernetes quantity such as `64Mi`, with the suffixes Ki, Mi and Gi only.
fn quantity(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let unit: u64 = match unit {
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

fn must_be(path: String, expected: &str, value: &Value) -> ParseError {
    let seen = match value {
        Value::Object(_) | Value::Array(_) => kind(value).to_owned(),
        value => value.to_string(),
    };
    ParseError::new(path, format!("must be {expected}, not {seen}"))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
