//! From JSON to Kubernetes' types as Go decodes it: null gives the zero value of a type.
//!
//! Rule: `encoding/json`, `Unmarshal`: null has no effect on a type that is no pointer. In a list
//! of texts it gives `""`.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value};

pub(super) fn decode<T: DeserializeOwned>(object: Value) -> Result<T, Error> {
    T::deserialize(Json(object))
}

/// A value whose nulls are zero values.
struct Json(Value);

impl Json {
    /// Null as `zero`, anything else as it is.
    fn visit_or<'de, V: Visitor<'de>>(self, visitor: V, zero: Value) -> Result<V::Value, Error> {
        let value = if self.0.is_null() { zero } else { self.0 };
        Self(value).deserialize_any(visitor)
    }
}

impl IntoDeserializer<'_, Error> for Json {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Json {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) => {
                visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(Self)))
            }
            Value::Object(fields) => {
                let fields = fields.into_iter().map(|(name, value)| (name, Self(value)));
                visitor.visit_map(MapDeserializer::new(fields))
            }
            scalar => scalar.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
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
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit_or(visitor, false.into())
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit_or(visitor, 0.into())
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit_or(visitor, 0.into())
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit_or(visitor, "".into())
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit_or(visitor, "".into())
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit_or(visitor, Value::Array(Vec::new()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit_or(visitor, Value::Object(serde_json::Map::new()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf
        unit unit_struct tuple tuple_struct enum identifier
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::json;

    use super::*;

    /// Recorded from an API server 1.36.3, which was sent such a Pod.
    #[test]
    fn null_gives_the_zero_value() {
        let container = json!({
            "name": null, "args": [null, "x"], "stdin": null, "ports": null, "env": [null],
        });
        let pod: Pod = decode(json!({
            "metadata": {"annotations": {"c": null, "d": "e"}},
            "spec": {"containers": [container], "nodeName": null, "volumes": null},
        }))
        .unwrap();
        let shown = serde_json::to_value(pod).unwrap();
        assert_eq!(shown["metadata"]["annotations"], json!({"c": "", "d": "e"}));
        let container = json!({"name": "", "args": ["", "x"], "env": [{"name": ""}]});
        assert_eq!(shown["spec"], json!({ "containers": [container] }));
    }

    #[test]
    fn a_value_of_another_type_is_an_error() {
        let pod = json!({"spec": {"containers": [{"name": "a", "args": [1]}]}});
        assert_eq!(
            decode::<Pod>(pod).unwrap_err().to_string(),
            "invalid type: integer `1`, expected a string"
        );
    }
}
