//! Percent-encoding of paths and queries. By hand: it is the only thing of URLs that is needed here.

use std::borrow::Cow;
use std::fmt::Write;

/// Decodes once; `None` for a broken escape or what is not UTF-8 then.
pub(crate) fn decode(text: &str) -> Option<String> {
    String::from_utf8(bytes(text)?).ok()
}

/// Decodes once; what cannot be decoded stays as it is.
pub(crate) fn decode_lossy(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    decode(text).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Encodes a path for a request line; slashes stay.
pub(crate) fn encode(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            // A string takes everything.
            _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let (high, low) = (rest.first()?, rest.get(1)?);
        decoded.push(hex(*high)? << 4 | hex(*low)?);
        rest = &rest[2..];
    }
    Some(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_is_done_once() {
        assert_eq!(decode("/a%20b%2Fc").as_deref(), Some("/a b/c"));
        assert_eq!(decode("/%2520").as_deref(), Some("/%20"));
        for broken in ["%", "%2", "%zz", "%+1", "%ff"] {
            assert_eq!(decode(broken), None, "{broken}");
        }
        assert_eq!(decode_lossy("/%zz"), "/%zz");
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let path = "/a b/ü?x=1#%";
        assert_eq!(encode(path), "/a%20b/%C3%BC%3Fx%3D1%23%25");
        assert_eq!(decode(&encode(path)).as_deref(), Some(path));
    }
}
