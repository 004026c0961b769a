//! The token by which a list in parts goes on: a version, and the first key that is left.
//!
//! Clients send it back as it is.
//!
//! Rule: `staging/src/k8s.io/apiserver/pkg/storage/continue.go`.

use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use base64::{DecodeError, Engine as _, alphabet};
use serde_json::{Value, json};

use crate::store::{StoredObject, Version};

const API_VERSION: &str = "meta.k8s.io/v1";

/// Base64 for URLs, without padding. As Go's, it does not look at the bits that are left over.
const LETTERS: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    NO_PAD.with_decode_allow_trailing_bits(true),
);

/// Where a list goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ContinueToken {
    /// The version of the whole list; `None` for the latest one.
    pub(super) version: Option<Version>,
    /// The first key that is left.
    start: String,
}

/// What is left of a list after one of its parts.
#[derive(Clone, Debug, Default)]
pub(super) struct Rest {
    /// The token by which the list goes on.
    pub(super) token: Option<String>,
    /// How many objects are left, if nothing is selected.
    pub(super) count: Option<usize>,
}

impl ContinueToken {
    /// The token of a list that goes on after `last`. `within` is whether the list is of one
    /// namespace.
    pub(super) fn after(last: &StoredObject, within: bool, version: Option<Version>) -> Self {
        Self {
            version,
            start: format!("{}\0", key(last, within)),
        }
    }

    /// As a token of the same list at the latest version.
    pub(super) fn at_latest(self) -> Self {
        Self {
            version: None,
            ..self
        }
    }

    /// Whether an object is left.
    pub(super) fn is_left(&self, object: &StoredObject, within: bool) -> bool {
        // As upstream, which sorts the objects by their keys too.
        key(object, within) >= self.start
    }

    pub(super) fn encode(&self) -> String {
        let version = self.version.map_or(json!(-1), |version| {
            let number: Result<u64, _> = version.to_string().parse();
            json!(number.unwrap_or_default())
        });
        let version = version.to_string();
        let start = json!(self.start);
        LETTERS.encode(format!(
            r#"{{"v":"{API_VERSION}","rv":{version},"start":{start}}}"#
        ))
    }

    /// An error is what is wrong with the token.
    pub(super) fn decode(text: &str) -> Result<Self, String> {
        let bytes = decode_base64(text)
            .map_err(|place| refused(&format!(": illegal base64 data at input byte {place}")))?;
        let token: Value =
            serde_json::from_slice(&bytes).map_err(|error| refused(&format!(": {error}")))?;
        let version = token["v"].as_str().unwrap_or_default();
        if version != API_VERSION {
            let why = format!(": server does not recognize this encoded version {version}");
            return Err(refused(&why));
        }
        let number = token["rv"].as_i64().unwrap_or_default();
        if number == 0 {
            let why = format!(": incorrect encoded start resourceVersion (version {API_VERSION})");
            return Err(refused(&why));
        }
        let start = token["start"].as_str().unwrap_or_default();
        if start.is_empty() {
            return Err(refused(&format!(
                ": encoded start key empty (version {API_VERSION})"
            )));
        }
        // Upstream adds a slash in front for some lists.
        let key = start.strip_prefix('/').unwrap_or(start);
        if key.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(refused(&format!(": {start}")));
        }
        Ok(Self {
            version: (number > 0)
                .then(|| number.to_string().parse().ok())
                .flatten(),
            start: key.to_owned(),
        })
    }
}

fn refused(why: &str) -> String {
    format!("continue key is not valid{why}")
}

/// The key of an object within its list.
fn key(object: &StoredObject, within: bool) -> String {
    if within || object.namespace().is_empty() {
        object.name().to_owned()
    } else {
        format!("{}/{}", object.namespace(), object.name())
    }
}

/// The bytes; an error is the place of the first letter that is none.
fn decode_base64(text: &str) -> Result<Vec<u8>, usize> {
    LETTERS.decode(text).map_err(|error| match error {
        DecodeError::InvalidByte(place, _)
        | DecodeError::InvalidLastSymbol { offset: place, .. } => place,
        // One letter alone holds no byte.
        DecodeError::InvalidLength(_) | DecodeError::InvalidPadding => text.len() / 4 * 4,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded on a node.
    const TOKEN: &str = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NTU4LCJzdGFydCI6ImNtMlx1MDAwMCJ9";

    fn object(namespace: &str, name: &str) -> StoredObject {
        StoredObject::new(&json!({"metadata": {"name": name, "namespace": namespace}}))
    }

    #[test]
    fn a_token_is_that_of_a_node() {
        let version = "558".parse().ok();
        let token = ContinueToken::after(&object("a", "cm2"), true, version);
        assert_eq!(token.encode(), TOKEN);
        assert_eq!(ContinueToken::decode(TOKEN), Ok(token.clone()));
        assert!(!token.is_left(&object("a", "cm2"), true));
        assert!(token.is_left(&object("a", "cm20"), true));
        let everywhere = ContinueToken::after(&object("a", "z"), false, None);
        assert!(everywhere.is_left(&object("b", "a"), false));
        assert_eq!(ContinueToken::decode(&everywhere.encode()), Ok(everywhere));
    }

    #[test]
    fn what_is_no_base64_is_named_by_its_place() {
        assert_eq!(decode_base64("ab+c"), Err(2));
        assert_eq!(decode_base64("abcde"), Err(4));
        // The last two bits are left over.
        assert_eq!(decode_base64("ab"), Ok(vec![0x69]));
    }
}
