//! From a message's bytes to JSON.

use k8s_openapi::ByteString;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::DecodeError;
use super::messages::{Message, MessageField, Shape, ValueType, messages};
use super::wire::{Field, fields};

/// Digits after the seconds of a `MicroTime`.
const MICROSECONDS: usize = 6;

/// The message in `bytes` as a JSON object. It ends, as no message of the table holds itself.
pub(super) fn message(message: &Message, bytes: &[u8]) -> Result<Value, DecodeError> {
    let mut object = Map::new();
    for field in fields(bytes) {
        let field = field?;
        // Fields of later versions are left out, as Go does.
        if let Some(known) = message.get(&field.number) {
            add(&mut object, known, field)?;
        }
    }
    Ok(Value::Object(object))
}

fn add(
    object: &mut Map<String, Value>,
    known: &MessageField,
    field: Field<'_>,
) -> Result<(), DecodeError> {
    let Some(name) = known.name else {
        if let Value::Object(fields) = value(known.value, field)? {
            object.extend(fields);
        }
        return Ok(());
    };
    match known.shape {
        Shape::One => {
            let value = value(known.value, field)?;
            if !is_zero(&value) {
                object.insert(name.to_owned(), value);
            }
        }
        Shape::Optional => {
            object.insert(name.to_owned(), value(known.value, field)?);
        }
        Shape::Many => {
            let list = object.entry(name).or_insert_with(|| json!([]));
            let items = match known.value {
                ValueType::Integer => field.integers()?.into_iter().map(Value::from).collect(),
                other => vec![value(other, field)?],
            };
            list.as_array_mut()
                .expect("a field of many must be a list")
                .extend(items);
        }
        Shape::Map => {
            let (key, value) = entry(known.value, field)?;
            let map = object.entry(name).or_insert_with(|| json!({}));
            map[key] = value;
        }
    }
    Ok(())
}

/// An entry of a map: a message of key and value.
fn entry(value_type: ValueType, field: Field<'_>) -> Result<(String, Value), DecodeError> {
    let (mut key, mut found) = (String::new(), None);
    for part in fields(field.bytes()?) {
        let part = part?;
        match part.number {
            1 => part.text()?.clone_into(&mut key),
            2 => found = Some(value(value_type, part)?),
            _ => {}
        }
    }
    Ok((key, found.unwrap_or_else(|| empty(value_type))))
}

fn empty(value_type: ValueType) -> Value {
    match value_type {
        ValueType::Text | ValueType::Bytes => json!(""),
        ValueType::Integer | ValueType::Double => json!(0),
        ValueType::Bool => json!(false),
        ValueType::Message(_) => json!({}),
    }
}

/// What Go leaves out of JSON for a field that is no pointer. An empty struct stays.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(_) | Value::Object(_) => false,
    }
}

fn value(value_type: ValueType, field: Field<'_>) -> Result<Value, DecodeError> {
    Ok(match value_type {
        ValueType::Text => field.text()?.into(),
        ValueType::Integer => field.integer()?.into(),
        ValueType::Bool => (field.integer()? != 0).into(),
        ValueType::Double => field.double()?.into(),
        ValueType::Bytes => json!(ByteString(field.bytes()?.to_vec())),
        ValueType::Message(name) => special(name, field)?,
    })
}

/// The messages whose JSON has a form of its own, and all others.
fn special(name: &str, field: Field<'_>) -> Result<Value, DecodeError> {
    let bytes = field.bytes()?;
    let first = |number: u64| {
        let mut found = fields(bytes).filter(|it| it.as_ref().is_ok_and(|it| it.number == number));
        found.next().and_then(Result::ok)
    };
    let integer = |number| first(number).map_or(Ok(0), Field::integer);
    match name {
        "resource.Quantity" => Ok(first(1).map_or(Ok(""), Field::text)?.into()),
        "intstr.IntOrString" => match integer(1)? {
            0 => Ok(integer(2)?.into()),
            _ => Ok(first(3).map_or(Ok(""), Field::text)?.into()),
        },
        "meta.Time" => time(integer(1)?, 0, 0),
        "meta.MicroTime" => time(integer(1)?, integer(2)?, MICROSECONDS),
        "meta.FieldsV1" | "runtime.RawExtension" => {
            let raw = first(1).map_or(Ok(&[][..]), Field::bytes)?;
            if raw.is_empty() {
                return Ok(Value::Null);
            }
            serde_json::from_slice(raw).map_err(|_error| DecodeError::NotJson(field.number))
        }
        name => message(messages().get(name), bytes),
    }
}

/// A time with so many digits after its seconds; `null` if it is Go's zero, which is written as
/// nothing.
fn time(seconds: i64, nanoseconds: i64, digits: usize) -> Result<Value, DecodeError> {
    if (seconds, nanoseconds) == (0, 0) {
        return Ok(Value::Null);
    }
    let nanoseconds = i32::try_from(nanoseconds).map_err(|_error| DecodeError::OutOfRange)?;
    let time = Timestamp::new(seconds, nanoseconds).map_err(|_error| DecodeError::OutOfRange)?;
    Ok(format!("{time:.digits$}").into())
}
