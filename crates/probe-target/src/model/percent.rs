//! Percent-encoding of paths and query values. By hand, as nothing else of a URL library is needed.

use std::borrow::Cow;
use std::fmt::Write;

/// Decodes once; `None` if an escape is invalid.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let (decoded, whole) = bytes(text);
    whole.then_some(decoded)
}

/// Decodes once; `None` if an escape is invalid or the result is not UTF-8.
pub(crate) fn decode_text(text: &str) -> Option<String> {
    String::from_utf8(decode(text)?).ok()
}

/// Decodes once; a `%` that does not begin a valid escape is kept.
pub(crate) fn decode_lenient(text: &str) -> Cow<'_, [u8]> {
    if !text.contains('%') {
        return Cow::Borrowed(text.as_bytes());
    }
    Cow::Owned(bytes(text).0)
}

/// Encodes a query value; slashes stay.
pub(crate) fn encode(value: &str) -> String {
    encoded(value.as_bytes(), b"/-._~")
}

/// Encodes a decoded path: all but what RFC 3986 allows in a path (`pchar`, and slashes).
pub(crate) fn encode_path(decoded: &[u8]) -> String {
    encoded(decoded, b"/-._~!$&'()*+,;=:@")
}

/// Keeps letters, digits and the `plain` bytes, and escapes all others.
fn encoded(bytes: &[u8], plain: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || plain.contains(byte) {
            encoded.push(char::from(*byte));
        } else {
            // Writing to a string does not fail.
            _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// The decoded bytes, and whether every `%` began a valid escape.
fn bytes(text: &str) -> (Vec<u8>, bool) {
    let mut decoded = Vec::with_capacity(text.len());
    let (mut rest, mut whole) = (text.as_bytes(), true);
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            decoded.push(byte);
        } else if let Some(escaped) = escaped(rest) {
            decoded.push(escaped);
            rest = &rest[2..];
        } else {
            decoded.push(byte);
            whole = false;
        }
    }
    (decoded, whole)
}

fn escaped(after: &[u8]) -> Option<u8> {
    Some(hex(*after.first()?)? << 4 | hex(*after.get(1)?)?)
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
        assert_eq!(decode_text("/a%20b%2Fc").as_deref(), Some("/a b/c"));
        assert_eq!(decode_text("/%2520").as_deref(), Some("/%20"));
        assert_eq!(decode("/%ff").as_deref(), Some(&b"/\xff"[..]));
        for broken in ["%", "%2", "%zz", "%+1"] {
            assert_eq!(decode(broken), None, "{broken}");
        }
        assert_eq!(decode_text("%ff"), None, "no UTF-8");
    }

    #[test]
    fn a_broken_escape_stands_for_itself_where_it_must_be_taken() {
        let check = |text, expected: &[u8]| assert_eq!(&*decode_lenient(text), expected);
        check("/%zz", b"/%zz");
        check("/%20%", b"/ %");
        check("/%%41", b"/%A");
        check("/%ff", b"/\xff");
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let path = "/a b/ü?x=1#%&";
        assert_eq!(encode(path), "/a%20b/%C3%BC%3Fx%3D1%23%25%26");
        assert_eq!(encode_path(path.as_bytes()), "/a%20b/%C3%BC%3Fx=1%23%25&");
        assert_eq!(decode_text(&encode(path)).as_deref(), Some(path));
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(&encode_path(&bytes)), Some(bytes));
    }
}
