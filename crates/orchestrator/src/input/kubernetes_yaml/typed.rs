//! A serde deserializer from a [`Node`] to Kubernetes types, with the source span of type errors.
//!
//! Null gives the zero value of a type, as in Go: an empty text, list or mapping, 0 or false.

use std::fmt::{self, Display};

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::Value;

use super::{Content, Node};
use crate::input::problem::ProblemText;
use crate::input::source::{Span, Spanned};

impl Node {
    /// Deserializes it into a Kubernetes type. An error has the span of the value that does not
    /// fit.
    pub(crate) fn typed<T: DeserializeOwned>(&self) -> Result<T, (Span, String)> {
        T::deserialize(Typed(self))
            .map_err(|error| (error.span.unwrap_or(self.span), error.message))
    }
}

/// A deserialization error with the span of the innermost node around it.
#[derive(Debug)]
struct Unfit {
    message: String,
    span: Option<Span>,
}

impl Unfit {
    fn inside(self, span: Span) -> Self {
        Self {
            span: self.span.or(Some(span)),
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
        }
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
            Content::List(items) => visitor.visit_seq(Items(items.iter())),
            Content::Map(fields) => visitor.visit_map(Fields {
                fields: fields.iter(),
                value: None,
            }),
            Content::Scalar(scalar) => {
                // serde_json's deserializer, whose errors have no span: the caller adds this
                // node's.
                let value: Value = scalar.json()?;
                value
                    .deserialize_any(visitor)
                    .map_err(serde::de::Error::custom)
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
        self.visit_or(visitor, |visitor| visitor.visit_seq(Items([].iter())))
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

struct Items<'de>(std::slice::Iter<'de, Node>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Unfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Unfit> {
        self.0
            .next()
            .map(|item| seed.deserialize(Typed(item)))
            .transpose()
    }
}

struct Fields<'de> {
    fields: std::slice::Iter<'de, (Spanned<String>, Node)>,
    value: Option<&'de Node>,
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
        self.value = Some(value);
        let key: StrDeserializer<'_, Unfit> = name.value.as_str().into_deserializer();
        seed.deserialize(key)
            .map(Some)
            .map_err(|unfit| unfit.inside(name.span))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unfit> {
        let value = self.value.take().expect("a key must be asked for first");
        seed.deserialize(Typed(value))
    }
}
