//! Anything that can be written, with its places: what it means is somebody else's question.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::Scalar;
use crate::input::experiment::{Span, Spanned};

/// A word, a list or a mapping.
#[derive(Debug)]
pub(crate) enum Tree {
    /// Nothing: a key without a value.
    Null,
    /// A word or a number.
    Scalar(Scalar),
    /// A list.
    List(Vec<Spanned<Self>>),
    /// A mapping, in the order it was written.
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl Tree {
    /// The same as JSON.
    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Scalar(scalar) => scalar.json(),
            Self::List(items) => items.iter().map(|item| item.json()).collect(),
            Self::Map(fields) => fields
                .iter()
                .map(|(name, value)| (name.value.clone(), value.json()))
                .collect(),
        }
    }

    /// Where the value of the field with that path stands; the innermost that there is.
    pub(crate) fn place(&self, path: &str) -> Option<Span> {
        let Self::Map(fields) = self else {
            return None;
        };
        fields.iter().find_map(|(name, value)| {
            let rest = path.strip_prefix(name.as_str())?;
            let inner = match rest.strip_prefix('.') {
                None if !rest.is_empty() => return None,
                None => None,
                Some(rest) => value.place(rest),
            };
            Some(inner.unwrap_or(value.span))
        })
    }
}

// By hand and not `untagged`: serde buffers untagged values, and the places get lost.
impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TreeVisitor;

        impl<'de> Visitor<'de> for TreeVisitor {
            type Value = Tree;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a word, a number, a list or a mapping")
            }

            fn visit_unit<E: Error>(self) -> Result<Tree, E> {
                Ok(Tree::Null)
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Tree, E> {
                Scalar::deserialize(value.into_deserializer()).map(Tree::Scalar)
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Tree, E> {
                Scalar::deserialize(number.into_deserializer()).map(Tree::Scalar)
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Tree, E> {
                Scalar::deserialize(number.into_deserializer()).map(Tree::Scalar)
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Tree, E> {
                Scalar::deserialize(number.into_deserializer()).map(Tree::Scalar)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Tree, E> {
                Scalar::deserialize(text.into_deserializer()).map(Tree::Scalar)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Tree::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Tree::Map(fields))
            }
        }

        deserializer.deserialize_any(TreeVisitor)
    }
}
