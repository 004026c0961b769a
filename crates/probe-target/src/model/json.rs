//! A JSON parser that rejects duplicate keys. `serde_json` alone silently keeps the last one.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::model::parse_error::{ParseError, join};

/// Parses one JSON value.
pub(crate) fn parse(text: &[u8]) -> Result<Value, ParseError> {
    let mut twice = None;
    let mut reader = serde_json::Deserializer::from_slice(text);
    let reading = Once {
        path: "",
        twice: &mut twice,
    };
    let read = reading.deserialize(&mut reader);
    let read = read.and_then(|value| reader.end().map(|()| value));
    read.map_err(|error| match twice {
        Some(path) => ParseError::new(path, "is given twice"),
        None => ParseError::new("", format!("not valid JSON: {error}")),
    })
}

/// Deserialises the value at a path and stores the path of a duplicate key.
struct Once<'a> {
    path: &'a str,
    twice: &'a mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Once<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let path = join(self.path, &list.len().to_string());
            let item = Once {
                path: &path,
                twice: self.twice,
            };
            match items.next_element_seed(item)? {
                Some(item) => list.push(item),
                None => return Ok(list.into()),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let path = join(self.path, &name);
            let field = Once {
                path: &path,
                twice: self.twice,
            };
            let value = fields.next_value_seed(field)?;
            if object.insert(name, value).is_some() {
                *self.twice = Some(path);
                return Err(A::Error::custom("twice"));
            }
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(text: &str, field: &str, message: &str) {
        let wrong = parse(text.as_bytes()).unwrap_err();
        assert_eq!(
            (wrong.field.as_str(), wrong.reason.to_string().as_str()),
            (field, message)
        );
    }

    #[test]
    fn what_is_given_once_is_read_as_it_is() {
        let value = json!({"a": [null, true, 1, -1, 0.5, "x"], "b": {"a": {}}});
        assert_eq!(parse(value.to_string().as_bytes()), Ok(value));
    }

    #[test]
    fn what_is_given_twice_is_refused_by_its_path() {
        check(r#"{"a":1,"a":1}"#, "a", "is given twice");
        check(
            r#"{"a":[0,{"b":{"c":1,"c":null}}]}"#,
            "a.1.b.c",
            "is given twice",
        );
    }

    #[test]
    fn what_is_no_json_is_refused() {
        check(
            "{} {}",
            "",
            "not valid JSON: trailing characters at line 1 column 4",
        );
        check(
            "[",
            "",
            "not valid JSON: EOF while parsing a list at line 1 column 1",
        );
    }
}
