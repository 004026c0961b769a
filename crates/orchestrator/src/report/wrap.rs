//! Text in lines of a given width.

use std::iter;

/// The words of a text in lines of at most `width` columns, if no word is longer.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The same below each other behind a start, which is blank from the second line on.
pub(crate) fn hanging(start: &str, text: &str, width: usize) -> Vec<String> {
    let own = start.chars().count();
    let starts = iter::once(start.to_owned()).chain(iter::repeat(" ".repeat(own)));
    let lines = starts.zip(wrapped(text, width.saturating_sub(own)));
    lines.map(|(start, line)| start + &line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_at_words() {
        let check = |width, expected: &[&str]| {
            assert_eq!(wrapped("one two three", width), expected, "{width}");
        };
        check(100, &["one two three"]);
        check(7, &["one two", "three"]);
        check(3, &["one", "two", "three"]);
    }

    #[test]
    fn text_hangs_behind_its_start() {
        let lines = ["1. one two", "   three"];
        assert_eq!(hanging("1. ", "one two three", 10), lines);
    }
}
