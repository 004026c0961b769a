//! One word, or a list of alternative words.

use std::fmt;

use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, Error, IntoDeserializer, SeqAccess, Visitor};

use super::Scalar;
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

            fn visit_bool<E: Error>(self, value: bool) -> Result<AnyOf, E> {
                Scalar::deserialize(value.into_deserializer()).map(AnyOf::One)
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<AnyOf, E> {
                Scalar::deserialize(number.into_deserializer()).map(AnyOf::One)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<AnyOf, E> {
                Scalar::deserialize(text.into_deserializer()).map(AnyOf::One)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<AnyOf, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(AnyOf::Several)
            }
        }

        deserializer.deserialize_any(AnyOfVisitor)
    }
}
