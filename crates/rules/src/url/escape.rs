//! Percent-encoding as in Go, with different rules for each part of a URL.
//!
//! Rule: Go's `net/url/url.go`, `escape`, `unescape` and `validEncoded`;
//! `net/url/encoding_table.go`.

use std::fmt::Write;

use super::problem::Problem;

/// A part of a URL, with its own escaping rules.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    User,
    Host,
    Zone,
    Path,
    Fragment,
}

impl Part {
    /// Whether Go writes this byte unescaped in this part.
    fn keeps(self, byte: u8) -> bool {
        let marks: &[u8] = match self {
            Self::User => b"$&+,-.;=_~",
            Self::Host | Self::Zone => b"!\"$&'()*+,-.:;<=>[]_~",
            Self::Path => b"$&+,-./:;=@_~",
            Self::Fragment => b"!$&()*+,-./:;=?@_~",
        };
        byte.is_ascii_alphanumeric() || marks.contains(&byte)
    }
}

/// Escapes the bytes that must be escaped in this part.
pub(super) fn escape(bytes: &[u8], part: Part) -> String {
    let mut escaped = String::with_capacity(bytes.len());
    for byte in bytes {
        if part.keeps(*byte) {
            escaped.push(char::from(*byte));
        } else {
            write!(escaped, "%{byte:02X}").expect("a string must take what is written to it");
        }
    }
    escaped
}

/// Decodes every escape once. Fails on a byte or escape that is invalid in this part.
pub(super) fn unescape(text: &[u8], part: Part) -> Result<Vec<u8>, Problem> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        if *byte != b'%' {
            let in_host = matches!(part, Part::Host | Part::Zone);
            if in_host && byte.is_ascii() && !part.keeps(*byte) {
                return Err(Problem::HostCharacter(*byte));
            }
            decoded.push(*byte);
            rest = after;
            continue;
        }
        let escape = &rest[..rest.len().min(3)];
        let value = value(escape).filter(|value| may_escape(part, escape, *value));
        decoded.push(value.ok_or_else(|| Problem::Escape(escape.to_vec()))?);
        rest = &rest[3..];
    }
    Ok(decoded)
}

/// The byte that `%XX` encodes.
fn value(escape: &[u8]) -> Option<u8> {
    let [_, high, low] = escape else { return None };
    let digit = |digit: &u8| char::from(*digit).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

/// A host may escape bytes outside ASCII (RFC 3986). Its zone may also escape a space and bytes
/// that could be unescaped there.
fn may_escape(part: Part, escape: &[u8], value: u8) -> bool {
    match part {
        Part::Host => value >= 0x80 || escape == b"%25",
        Part::Zone => escape == b"%25" || value == b' ' || Part::Host.keeps(value),
        Part::User | Part::Path | Part::Fragment => true,
    }
}

/// A path or fragment in the form in which Go prints it: unchanged if it is validly escaped,
/// otherwise escaped anew.
///
/// Rule: `EscapedPath` and `EscapedFragment`.
pub(super) fn normalize(text: &str, part: Part) -> Result<String, Problem> {
    let decoded = unescape(text.as_bytes(), part)?;
    // `validEncoded` leaves the sub-delimiters of RFC 3986 and brackets alone, even those that
    // `escape` encodes.
    let is_valid = |byte: u8| b"!$&'()*+,;=:@[]%".contains(&byte) || part.keeps(byte);
    if text.bytes().all(is_valid) {
        Ok(text.to_owned())
    } else {
        Ok(escape(&decoded, part))
    }
}
