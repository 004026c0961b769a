//! A value that may be a number: a scalar, or a range of numbers.

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IntoDeserializer, MapAccess, Visitor};

use super::Scalar;
use crate::input::experiment::Spanned;

/// A scalar, or `{ atLeast: 2, atMost: 3 }`.
#[derive(Debug)]
pub(crate) enum Number {
    /// A scalar, which need not be a number.
    Scalar(Scalar),
    /// A range of numbers.
    Range(Box<Range>),
}

/// All numbers from a least to a greatest; at least one of the two.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Range {
    pub(crate) at_least: Option<Spanned<Scalar>>,
    pub(crate) at_most: Option<Spanned<Scalar>>,
}

// By hand and not `untagged`: serde buffers untagged values, which loses their spans.
impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;

        impl<'de> Visitor<'de> for NumberVisitor {
            type Value = Number;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a word, a number or a mapping")
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Number, E> {
                Scalar::deserialize(value.into_deserializer()).map(Number::Scalar)
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Number, E> {
                Scalar::deserialize(number.into_deserializer()).map(Number::Scalar)
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Number, E> {
                Scalar::deserialize(number.into_deserializer()).map(Number::Scalar)
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Number, E> {
                Scalar::deserialize(number.into_deserializer()).map(Number::Scalar)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
                Scalar::deserialize(text.into_deserializer()).map(Number::Scalar)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Number, A::Error> {
                Range::deserialize(MapAccessDeserializer::new(map))
                    .map(|range| Number::Range(Box::new(range)))
            }
        }

        deserializer.deserialize_any(NumberVisitor)
    }
}
