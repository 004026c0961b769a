//! Any text as Markdown.

use crate::printable::one_line;

/// Text on one line in which nothing is Markdown or HTML, in tables too.
pub(crate) fn markdown_text(text: &str) -> String {
    let mut escaped = String::new();
    for character in one_line(text).chars() {
        match character {
            '|' => escaped.push_str("&#124;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '~' | '$' | '#' | '&' => {
                escaped.extend(['\\', character]);
            }
            _ => escaped.push(character),
        }
    }
    escaped
}
