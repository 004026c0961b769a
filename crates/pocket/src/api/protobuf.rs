//! Request bodies in Kubernetes' protobuf encoding, as Go clients send them.
//!
//! `messages.txt` holds the fields of every message, taken from upstream's Go types. With it a body
//! becomes the JSON that the same client would have sent. Answers are JSON, which those clients
//! accept too.
//!
//! Rule: `staging/src/k8s.io/apimachinery/pkg/runtime/serializer/protobuf/protobuf.go`;
//! developers.google.com/protocol-buffers/docs/encoding.

mod decode;
#[cfg(test)]
mod generate;
mod messages;
#[cfg(test)]
mod tests;
mod wire;

use serde_json::Value;

use decode::message;
use messages::messages;
use wire::{Field, fields};

/// The media type of the encoding.
pub(super) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// The first bytes of every object.
const MAGIC: &[u8] = b"k8s\0";

/// Why bytes are not an object.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum DecodeError {
    /// The bytes do not begin as every object does.
    #[error(
        "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
    )]
    NoMagic,
    /// The object is in a form of its own within the envelope.
    #[error("the content encoding {0:?} is not known")]
    Encoded(String),
    /// There is no such message.
    #[error("no kind {kind:?} is registered for version {api_version:?}")]
    UnknownKind { api_version: String, kind: String },
    /// The bytes end within a field.
    #[error("unexpected EOF")]
    Truncated,
    /// A number has more than 64 bits, or a field has number 0.
    #[error("proto: a number is out of range")]
    OutOfRange,
    /// A field is encoded in a way that its type does not have.
    #[error("proto: wrong wireType = {wire} for field {field}")]
    WrongType { field: u64, wire: u8 },
    /// A text is not UTF-8.
    #[error("proto: field {0} contains invalid UTF-8")]
    NotText(u64),
    /// Bytes that should be JSON are not.
    #[error("proto: field {0} contains invalid JSON")]
    NotJson(u64),
}

/// The object in `bytes` as JSON. `default` is its version and kind if the bytes name none.
pub(super) fn object(bytes: &[u8], default: (&str, &str)) -> Result<Value, DecodeError> {
    let envelope = Envelope::of(bytes.strip_prefix(MAGIC).ok_or(DecodeError::NoMagic)?)?;
    if !envelope.encoding.is_empty() {
        return Err(DecodeError::Encoded(envelope.encoding));
    }
    let or_default = |text: String, default: &str| {
        if text.is_empty() {
            default.to_owned()
        } else {
            text
        }
    };
    let api_version = or_default(envelope.api_version, default.0);
    let kind = or_default(envelope.kind, default.1);
    let Some(found) = messages().of_kind(&api_version, &kind) else {
        return Err(DecodeError::UnknownKind { api_version, kind });
    };
    let mut object = message(found, envelope.raw)?;
    object["apiVersion"] = api_version.into();
    object["kind"] = kind.into();
    Ok(object)
}

/// `runtime.Unknown`, which wraps every object.
#[derive(Default)]
struct Envelope<'a> {
    api_version: String,
    kind: String,
    encoding: String,
    raw: &'a [u8],
}

impl<'a> Envelope<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut envelope = Self::default();
        for field in fields(bytes) {
            let field: Field<'a> = field?;
            match field.number {
                1 => {
                    for part in fields(field.bytes()?) {
                        let part = part?;
                        match part.number {
                            1 => part.text()?.clone_into(&mut envelope.api_version),
                            2 => part.text()?.clone_into(&mut envelope.kind),
                            _ => {}
                        }
                    }
                }
                2 => envelope.raw = field.bytes()?,
                3 => field.text()?.clone_into(&mut envelope.encoding),
                _ => {}
            }
        }
        Ok(envelope)
    }
}
