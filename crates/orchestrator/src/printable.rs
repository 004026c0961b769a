//! Escapes control characters in text so that it is safe to print on a terminal.
//!
//! Names and messages come from clusters and files and may contain terminal commands: `\x1b[2J`
//! clears the screen, an OSC sequence sets the title or the clipboard, U+202E reverses the text
//! direction. JSON reports and timelines keep the exact text.

use std::borrow::Cow;

/// Escapes control characters and line breaks.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, |character| !is_unsafe(character))
}

/// Escapes control characters except line feeds.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |character| character == '\n' || !is_unsafe(character))
}

fn escaped(text: &str, is_safe: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.chars().all(&is_safe) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() * 2);
    for character in text.chars() {
        if is_safe(character) {
            escaped.push(character);
        } else {
            // `\n`, `\t` and `\r` have names; the rest are numbers: `\u{1b}`.
            escaped.extend(character.escape_default());
        }
    }
    escaped.into()
}

/// Whether a terminal interprets a character instead of showing it, or shows nothing.
///
/// The zero-width joiner and non-joiner (U+200D, U+200C) spell emoji and Persian words, and neither
/// moves nor hides other text, so they stay.
fn is_unsafe(character: char) -> bool {
    // C0, DEL and C1; xterm takes U+009B for ESC [ and U+009D for ESC ].
    character.is_control()
        || matches!(character,
            // Unicode Standard Annex 9: marks, embeddings, overrides and isolates change the order.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Line and paragraph separators.
            | '\u{2028}' | '\u{2029}'
            // Invisible characters: two names that differ only in one look the same.
            | '\u{ad}' | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(one_line(text), expected);
        // Escaped text does not change when it is escaped again.
        assert_eq!(one_line(expected), expected);
    }

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        check("\x1b[2J", r"\u{1b}[2J");
        check(
            "\x1b]0;title\x07 \x1b]52;c;cm0=\x1b\\",
            r"\u{1b}]0;title\u{7} \u{1b}]52;c;cm0=\u{1b}\",
        );
        check("\u{9b}31m\u{9d}0;x\u{9c}", r"\u{9b}31m\u{9d}0;x\u{9c}");
        check("a\rb\tc\nd\x08\x7f\0", r"a\rb\tc\nd\u{8}\u{7f}\u{0}");
        check("\u{202e}gpj.exe\u{2066}", r"\u{202e}gpj.exe\u{2066}");
        check("we\u{200b}b\u{feff}", r"we\u{200b}b\u{feff}");
    }

    #[test]
    fn what_people_write_stays() {
        for text in [
            "web-1 ready 1/2 ✔",
            "é ü 日本語 العربية",
            "👩\u{200d}💻",
            "نمی\u{200c}خواهم",
            r"C:\new",
        ] {
            assert!(matches!(one_line(text), Cow::Borrowed(same) if same == text));
        }
        assert_eq!(lines("a\n\x1bb\n"), "a\n\\u{1b}b\n");
    }

    /// Checks every character: no control character but the line feed remains.
    #[test]
    fn nothing_that_is_sent_is_a_control_character() {
        for character in '\0'..=char::MAX {
            let shown = lines(&character.to_string()).into_owned();
            let safe = |character: char| character == '\n' || !character.is_control();
            assert!(shown.chars().all(safe), "{character:?}");
        }
    }
}
