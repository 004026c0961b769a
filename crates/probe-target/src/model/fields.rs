//! Parses the fields of a JSON object by hand, with errors that name the field's path.
//! Serde's derived implementations tell neither the path nor the other possible fields.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::model::duration;
use crate::model::field::{Field, FieldType};
use crate::model::json;
use crate::model::parse_error::{ParseError, Reason, called, join};
use crate::model::route_path::RoutePath;

/// A JSON object being parsed. Fields that are left when it is [finished](Self::finish) are
/// unknown.
#[derive(Debug)]
pub(crate) struct Fields {
    path: String,
    /// The names of fields that are written beside the object, not in it.
    beside: Vec<String>,
    object: Map<String, Value>,
    known: Vec<&'static str>,
}

impl Fields {
    /// Starts parsing `value`; `path` is its path in the input, for errors.
    pub(crate) fn read(value: Value, path: &str) -> Result<Self, ParseError> {
        match value {
            Value::Object(object) => Ok(Self::merged(object, path, Map::new())),
            value => Err(invalid(path.to_owned(), FieldType::Object, &value)),
        }
    }

    /// Starts parsing the object at `path` together with the fields beside it.
    pub(crate) fn merged(
        mut object: Map<String, Value>,
        path: &str,
        beside: Map<String, Value>,
    ) -> Self {
        let names = beside.keys().cloned().collect();
        object.extend(beside);
        Self {
            path: path.to_owned(),
            beside: names,
            object,
            known: Vec::new(),
        }
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
        if self.beside.iter().any(|beside| beside == name) {
            return name.to_owned();
        }
        join(&self.path, name)
    }

    /// The error with the path of its field, which is a field of this object.
    pub(crate) fn located(&self, error: ParseError) -> ParseError {
        ParseError {
            field: self.path(&error.field),
            ..error
        }
    }

    /// Whether a field is given and not `null`.
    pub(crate) fn has(&self, field: &Field) -> bool {
        let value = self.object.get(field.name);
        value.is_some_and(|value| !value.is_null())
    }

    /// A field of any type. `null` is equivalent to an absent field.
    pub(crate) fn value(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.object.remove(name).filter(|value| !value.is_null())
    }

    /// A string.
    pub(crate) fn text(&mut self, field: &Field) -> Result<Option<String>, ParseError> {
        self.typed(field, |value| match (value, field.takes) {
            (Value::String(text), FieldType::ShortText(most)) if text.len() > most => None,
            (Value::String(text), _) => Some(text),
            _ => None,
        })
    }

    /// A name; `named` finds what it stands for.
    pub(crate) fn name<T>(
        &mut self,
        field: &Field,
        named: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ParseError> {
        let Some(found) = self.text(&Field::new(field.name, FieldType::Text))? else {
            return Ok(None);
        };
        match (named(&found), field.takes) {
            (Some(value), _) => Ok(Some(value)),
            (None, FieldType::Name(known)) => Err(ParseError::of(
                self.path(field.name),
                Reason::NotOneOf {
                    what: field.name,
                    found,
                    known: known.to_vec(),
                },
            )),
            (None, expected) => Err(invalid(self.path(field.name), expected, &found.into())),
        }
    }

    /// The path of a route.
    pub(crate) fn route(&mut self, field: &Field) -> Result<Option<RoutePath>, ParseError> {
        let route = self.text(field)?.map(|text| text.parse());
        let route = route.transpose();
        route.map_err(|reason: String| ParseError::new(self.path(field.name), reason))
    }

    /// `true` or `false`; absent is false.
    pub(crate) fn flag(&mut self, field: &Field) -> Result<bool, ParseError> {
        let flag = self.typed(field, |value| value.as_bool());
        flag.map(Option::unwrap_or_default)
    }

    /// A whole number or a size within the field's range.
    pub(crate) fn number(&mut self, field: &Field) -> Result<Option<u64>, ParseError> {
        self.typed(field, |value| {
            let number = match (&value, field.takes) {
                (Value::String(text), FieldType::Size { .. }) => quantity(text),
                (value, _) => value.as_u64(),
            };
            number.filter(|number| field.takes.contains(*number))
        })
    }

    /// A number from 0 to 1, converted to millionths.
    pub(crate) fn share(&mut self, field: &Field) -> Result<Option<u32>, ParseError> {
        self.typed(field, |value| {
            let share = value.as_f64().filter(|share| (0.0..=1.0).contains(share))?;
            // Seconds to microseconds is the same conversion, and the standard library rounds it.
            let millionths = Duration::try_from_secs_f64(share).ok()?.as_micros();
            u32::try_from(millionths).ok()
        })
    }

    /// A duration such as `"1m30s"`, above zero.
    pub(crate) fn duration(&mut self, field: &Field) -> Result<Option<Duration>, ParseError> {
        self.typed(field, |value| {
            let duration = value.as_str().and_then(duration::parse);
            duration.filter(|duration| !duration.is_zero())
        })
    }

    /// A list of any length, or of at least two items for a sequence.
    pub(crate) fn items(&mut self, field: &Field) -> Result<Option<Vec<Value>>, ParseError> {
        self.typed(field, |value| match value {
            Value::Array(items) if items.len() < 2 && field.takes == FieldType::Sequence => None,
            Value::Array(items) => Some(items),
            _ => None,
        })
    }

    /// An object whose values are strings.
    pub(crate) fn texts(&mut self, field: &Field) -> Result<BTreeMap<String, String>, ParseError> {
        let mut texts = BTreeMap::new();
        for (key, value) in self.entries(field)? {
            let Value::String(text) = value else {
                let path = join(&self.path(field.name), &key);
                return Err(invalid(path, FieldType::Text, &value));
            };
            texts.insert(key, text);
        }
        Ok(texts)
    }

    /// An object with arbitrary keys, sorted; empty if absent.
    pub(crate) fn entries(&mut self, field: &Field) -> Result<Map<String, Value>, ParseError> {
        let entries = self.typed(field, |value| match value {
            Value::Object(object) => Some(object),
            _ => None,
        });
        entries.map(Option::unwrap_or_default)
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
        let path = self.path(called(unknown));
        let known = self.known;
        Err(ParseError::of(path, Reason::UnknownField { known }))
    }

    fn typed<T>(
        &mut self,
        field: &Field,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Result<Option<T>, ParseError> {
        let Some(value) = self.value(field.name) else {
            return Ok(None);
        };
        match read(value.clone()) {
            Some(read) => Ok(Some(read)),
            None => Err(invalid(self.path(field.name), field.takes, &value)),
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

pub(crate) fn invalid(path: String, expected: FieldType, value: &Value) -> ParseError {
    let found = match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(items) => match (items.len(), expected) {
            (count, FieldType::Sequence) => format!("of {count}"),
            _ => "a list".to_owned(),
        },
        Value::String(text) if matches!(expected, FieldType::ShortText(_)) => {
            format!("one of {}", text.len())
        }
        value => value.to_string(),
    };
    ParseError::of(path, Reason::Invalid { expected, found })
}
