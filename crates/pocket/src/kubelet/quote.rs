//! Quotes bytes as Go's `%q` does, for the error texts of its HTTP client.

use std::fmt::Write;

/// `bytes` in double quotes, with escapes where Go puts them.
pub(super) fn quote(bytes: &[u8]) -> String {
    let mut quoted = String::from('"');
    for chunk in bytes.utf8_chunks() {
        chunk
            .valid()
            .chars()
            .for_each(|letter| escape(letter, &mut quoted));
        for byte in chunk.invalid() {
            write_byte(*byte, &mut quoted);
        }
    }
    quoted.push('"');
    quoted
}

fn escape(letter: char, quoted: &mut String) {
    let short = match letter {
        '"' => '"',
        '\\' => '\\',
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        '\x07' => 'a',
        '\x08' => 'b',
        '\x0b' => 'v',
        '\x0c' => 'f',
        '\0'..' ' | '\x7f' => return write_byte(letter as u8, quoted),
        _ => return quoted.push(letter),
    };
    quoted.extend(['\\', short]);
}

fn write_byte(byte: u8, quoted: &mut String) {
    write!(quoted, "\\x{byte:02x}").expect("a string must take what is written to it");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unprintable_bytes_are_escaped() {
        let check = |bytes: &[u8], quoted| assert_eq!(quote(bytes), quoted);
        check(b"a b", r#""a b""#);
        check(b"\x15\x03\x01\n\"\\", r#""\x15\x03\x01\n\"\\""#);
        check("é".as_bytes(), "\"é\"");
        check(b"\xff", r#""\xff""#);
    }
}
