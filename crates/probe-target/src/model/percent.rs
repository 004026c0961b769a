//! Percent-encoding of paths and query values.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

/// RFC 3986, 2.3: the characters that need no escape anywhere, and slashes.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// RFC 3986, 3.3: the characters of a path (`pchar`, and slashes).
const PATH: &AsciiSet = &VALUE
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// Decodes once; `None` if an escape is invalid.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    // The library keeps an invalid escape as it is.
    let mut escapes = text.split('%').skip(1);
    let valid = escapes.all(|escape| {
        let digits = escape.as_bytes().first_chunk::<2>();
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    valid.then(|| percent_decode_str(text).collect())
}

/// Decodes once; `None` if an escape is invalid or the result is not UTF-8.
pub(crate) fn decode_text(text: &str) -> Option<String> {
    String::from_utf8(decode(text)?).ok()
}

/// Decodes once; a `%` that does not begin a valid escape is kept.
pub(crate) fn decode_lenient(text: &str) -> Cow<'_, [u8]> {
    percent_decode_str(text).into()
}

/// Encodes a query value; slashes stay.
pub(crate) fn encode(value: &str) -> String {
    percent_encode(value.as_bytes(), VALUE).to_string()
}

/// Encodes a decoded path.
pub(crate) fn encode_path(decoded: &[u8]) -> String {
    percent_encode(decoded, PATH).to_string()
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
