//! One word, or a list of alternative words.

use std::fmt;

use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::Scalar;
use super::scalar::visit_scalar;
use crate::input::experiment::Spanned;

/// The words, one or more; an empty list is possible.
#[derive(Debug, Clone)]
pub(crate) enum AnyOf {
    /// One word.
    One(Scalar),
    /// A list.
    Several(Vec<Spanned<Scalar>>),
}

// By hand and not `untagged`: serde buffers untagged values, which loses their spans.
impl<'de> Deserialize<'de> for AnyOf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyOfVisitor;

        impl<'de> Visitor<'de> for AnyOfVisitor {
            type Value = AnyOf;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a word or a list of words")
            }

            visit_scalar! { AnyOf::One => visit_bool(bool), visit_u64(u64), visit_str(&str) }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<AnyOf, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(AnyOf::Several)
            }
        }

        deserializer.deserialize_any(AnyOfVisitor)
    }
}
