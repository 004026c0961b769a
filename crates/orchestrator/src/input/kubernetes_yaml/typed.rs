//! A serde deserializer from a [`Node`] to Kubernetes types, with the source span of type errors.
//!
//! Null gives the zero value of a type, as in Go: an empty text, list or mapping, 0 or false.

use std::fmt::{self, Display};

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::Value;

use super::{Content, Node};
use crate::input::problem::ProblemText;
use crate::input::source::{Span, Spanned};

impl Node {
    /// Deserializes it into a Kubernetes type. An error has the span of the value that does not
    /// fit, and names its path.
    pub(crate) fn typed<T: DeserializeOwned>(&self) -> Result<T, (Span, String)> {
        T::deserialize(Typed(self)).map_err(|error| {
            let dot = if error.path.is_empty() { "" } else { " " };
            let text = format!("{}{dot}{}", error.path, error.message);
            (error.span.unwrap_or(self.span), text)
        })
    }
}

/// A deserialization error with the span of the innermost node around it, and its path.
#[derive(Debug)]
struct Unfit {
    message: String,
    span: Option<Span>,
    path: String,
}

impl Unfit {
    fn inside(self, span: Span) -> Self {
        Self {
            span: self.span.or(Some(span)),
            ..self
        }
    }

    /// The same error of a field, or of an item such as `[0]`, of the value around it.
    fn under(self, name: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') {
            ""
        } else {
            "."
        };
        Self {
            path: format!("{name}{dot}{}", self.path),
            ..self
        }
    }
}

impl Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Unfit {}

impl serde::de::Error for Unfit {
    fn custom<T: Display>(message: T) -> Self {
        Self {
            message: message.to_string(),
            span: None,
            path: String::new(),
        }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let name = expected.to_string();
        let (found, expected) = (found_text(found), expected_text(&name));
        Self::custom(format!("is {found}; expected {expected}"))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }
}

fn found_text(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(number) => format!("the number {number}"),
        Unexpected::Signed(number) => format!("the number {number}"),
        Unexpected::Float(number) => format!("the number {number}"),
        Unexpected::Str(text) => format!("the text `{text}`"),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a mapping".to_owned(),
        other => other.to_string(),
    }
}

/// What serde and Kubernetes' types call their values, in the words of YAML.
fn expected_text(name: &str) -> &str {
    match name {
        "i32" => "a whole number of at most 2147483647",
        "i64" => "a whole number",
        "f64" => "a number",
        "a string" => "text",
        "a boolean" => "`true` or `false`",
        "a sequence" => "a list",
        // The types of objects begin with a capital letter.
        name if name == "a map" || name.starts_with(|first: char| first.is_ascii_uppercase()) => {
            "a mapping"
        }
        name => name,
    }
}

impl From<ProblemText> for Unfit {
    fn from(fault: ProblemText) -> Self {
        serde::de::Error::custom(fault)
    }
}

impl Node {
    fn visit<'de, V: Visitor<'de>>(&'de self, visitor: V) -> Result<V::Value, Unfit> {
        match &self.content {
            Content::List(items) => visitor.visit_seq(Items(items.iter().enumerate())),
            Content::Map(fields) => visitor.visit_map(Fields {
                fields: fields.iter(),
                value: None,
            }),
            Content::Scalar(scalar) => {
                // The caller adds this node's span to an error.
                match scalar.json()? {
                    Value::Bool(value) => visitor.visit_bool(value),
                    Value::String(text) => visitor.visit_string(text),
                    Value::Number(number) => {
                        if let Some(number) = number.as_u64() {
                            visitor.visit_u64(number)
                        } else if let Some(number) = number.as_i64() {
                            visitor.visit_i64(number)
                        } else {
                            visitor.visit_f64(number.as_f64().unwrap_or_default())
                        }
                    }
                    Value::Null | Value::Array(_) | Value::Object(_) => visitor.visit_unit(),
                }
            }
        }
    }
}

/// The deserializer of a node.
#[derive(Clone, Copy)]
struct Typed<'de>(&'de Node);

impl<'de> Deserializer<'de> for Typed<'de> {
    type Error = Unfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        self.0
            .visit(visitor)
            .map_err(|unfit| unfit.inside(self.0.span))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        if self.0.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        visitor
            .visit_newtype_struct(self)
            .map_err(|unfit| unfit.inside(self.0.span))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_unit()
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        self.visit_or(visitor, |visitor| visitor.visit_bool(false))
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        self.visit_or(visitor, |visitor| visitor.visit_i32(0))
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        self.visit_or(visitor, |visitor| visitor.visit_i64(0))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        self.visit_or(visitor, |visitor| visitor.visit_str(""))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        self.visit_or(visitor, |visitor| {
            visitor.visit_seq(Items([].iter().enumerate()))
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        let none = Fields {
            fields: [].iter(),
            value: None,
        };
        self.visit_or(visitor, |visitor| visitor.visit_map(none))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        self.deserialize_map(visitor)
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf
        unit unit_struct tuple tuple_struct enum identifier
    }
}

impl<'de> Typed<'de> {
    /// Null as `zero`, anything else as it is.
    fn visit_or<V: Visitor<'de>>(
        self,
        visitor: V,
        zero: impl FnOnce(V) -> Result<V::Value, Unfit>,
    ) -> Result<V::Value, Unfit> {
        if self.0.is_null() {
            zero(visitor)
        } else {
            self.deserialize_any(visitor)
        }
    }
}

struct Items<'de>(std::iter::Enumerate<std::slice::Iter<'de, Node>>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Unfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Unfit> {
        let Some((at, item)) = self.0.next() else {
            return Ok(None);
        };
        let item = seed.deserialize(Typed(item));
        item.map(Some)
            .map_err(|unfit| unfit.under(&format!("[{at}]")))
    }
}

struct Fields<'de> {
    fields: std::slice::Iter<'de, (Spanned<String>, Node)>,
    /// The value of the field whose key was asked for, with its name.
    value: Option<(&'de str, &'de Node)>,
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = Unfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Unfit> {
        let Some((name, value)) = self.fields.next() else {
            return Ok(None);
        };
        self.value = Some((&name.value, value));
        let key: StrDeserializer<'_, Unfit> = name.value.as_str().into_deserializer();
        seed.deserialize(key)
            .map(Some)
            .map_err(|unfit| unfit.inside(name.span))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unfit> {
        let (name, value) = self.value.take().expect("a key must be asked for first");
        let value = seed.deserialize(Typed(value));
        value.map_err(|unfit| unfit.under(name))
    }
}
