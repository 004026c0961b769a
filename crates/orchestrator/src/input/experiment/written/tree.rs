//! Untyped YAML with source spans.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::Scalar;
use super::scalar::visit_scalar;
use crate::input::experiment::{Span, Spanned};

/// A scalar, a list or a mapping.
#[derive(Debug)]
pub(crate) enum Tree {
    /// A key without a value.
    Null,
    /// A scalar.
    Scalar(Scalar),
    /// A list.
    List(Vec<Spanned<Self>>),
    /// A mapping, in the order of the file.
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl Tree {
    /// The value as JSON.
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

    /// The span of the value at this path of fields, or of the innermost part that exists.
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

// By hand and not `untagged`: serde buffers untagged values, which loses their spans.
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

            visit_scalar! {
                Tree::Scalar =>
                visit_bool(bool), visit_u64(u64), visit_i64(i64), visit_f64(f64), visit_str(&str)
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
