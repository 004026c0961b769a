//! A value that may be a number: a scalar, or a range of numbers.

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::Scalar;
use super::scalar::visit_scalar;
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

            visit_scalar! {
                Number::Scalar =>
                visit_bool(bool), visit_u64(u64), visit_i64(i64), visit_f64(f64), visit_str(&str)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Number, A::Error> {
                Range::deserialize(MapAccessDeserializer::new(map))
                    .map(|range| Number::Range(Box::new(range)))
            }
        }

        deserializer.deserialize_any(NumberVisitor)
    }
}
