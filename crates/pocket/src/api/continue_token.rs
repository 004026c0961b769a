//! The token by which a list in parts goes on: a version, and the first key that is left.
//!
//! Clients send it back as it is.
//!
//! Rule: `staging/src/k8s.io/apiserver/pkg/storage/continue.go`.

use serde_json::{Value, json};

use crate::store::{StoredObject, Version};

const API_VERSION: &str = "meta.k8s.io/v1";
/// The letters of base64 in URLs.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

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
        base64(format!(r#"{{"v":"{API_VERSION}","rv":{version},"start":{start}}}"#).as_bytes())
    }

    /// An error is what is wrong with the token.
    pub(super) fn decode(text: &str) -> Result<Self, String> {
        let bytes = from_base64(text)
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

/// Base64 for URLs, without padding.
fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |place: usize| u32::from(chunk.get(place).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..=chunk.len() {
            let letter = bits >> (18 - 6 * place) & 63;
            text.push(LETTERS[letter as usize].into());
        }
    }
    text
}

/// An error is the place of the first letter that is none.
fn from_base64(text: &str) -> Result<Vec<u8>, usize> {
    let mut bytes = Vec::new();
    for (number, chunk) in text.as_bytes().chunks(4).enumerate() {
        let mut bits = 0;
        for (place, letter) in chunk.iter().enumerate() {
            let value = LETTERS.iter().position(|it| it == letter);
            let value = value.and_then(|value| u32::try_from(value).ok());
            bits |= value.ok_or(4 * number + place)? << (18 - 6 * place);
        }
        // One letter alone holds no byte.
        if chunk.len() == 1 {
            return Err(4 * number);
        }
        let whole = bits.to_be_bytes();
        bytes.extend_from_slice(&whole[1..chunk.len()]);
    }
    Ok(bytes)
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
    fn every_length_comes_back() {
        for length in 0..9_u8 {
            let bytes: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(97)).collect();
            assert_eq!(from_base64(&base64(&bytes)), Ok(bytes));
        }
        assert_eq!(from_base64("ab+c"), Err(2));
    }
}
