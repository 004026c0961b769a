//! An unparsed scalar of a file.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, Visitor};
use serde_json::{Number, Value};

/// A scalar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scalar {
    /// `true` or `false`
    Bool(bool),
    /// A number, with or without sign and fraction.
    Number(String),
    /// Anything else, or anything in quotes.
    Text(String),
}

impl Scalar {
    /// Its text.
    pub(crate) fn word(&self) -> Cow<'_, str> {
        match self {
            Self::Bool(true) => "true".into(),
            Self::Bool(false) => "false".into(),
            Self::Number(word) | Self::Text(word) => word.into(),
        }
    }

    /// The value as JSON.
    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Bool(value) => (*value).into(),
            // Never null: numbers that JSON does not have are refused when they are read.
            Self::Number(word) => word.parse::<Number>().map_or(Value::Null, Value::Number),
            Self::Text(word) => word.as_str().into(),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScalarVisitor;

        impl Visitor<'_> for ScalarVisitor {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a word or a number")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar::Bool(value))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
                Ok(Scalar::Number(number.to_string()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar::Number(number.to_string()))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Scalar, E> {
                if number.is_finite() {
                    Ok(Scalar::Number(number.to_string()))
                } else {
                    Err(E::custom(
                        "this number is not finite; quote it to make it text",
                    ))
                }
            }

            fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(text.into()))
            }
        }

        deserializer.deserialize_any(ScalarVisitor)
    }
}

/// Implements these visits of a visitor: each reads a [`Scalar`] and converts it. The visitor lists
/// them, so that scalars of other types stay errors.
macro_rules! visit_scalar {
    ($into:expr => $($visit:ident($value:ty)),+) => {$(
        fn $visit<E: serde::de::Error>(self, value: $value) -> Result<Self::Value, E> {
            let value = serde::de::IntoDeserializer::into_deserializer(value);
            Scalar::deserialize(value).map($into)
        }
    )+};
}
pub(super) use visit_scalar;

/// A Kubernetes object or a part of one, in the dialect of [`crate::input::kubernetes_yaml`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kubernetes;

impl<'de> Deserialize<'de> for Kubernetes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// A field that a later version will support. Its span serves to reject it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Later;

impl<'de> Deserialize<'de> for Later {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl JsonSchema for Later {
    fn schema_name() -> Cow<'static, str> {
        "Later".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        false.into()
    }
}
