//! Text in lines of a given width.

use std::iter;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The narrowest terminal whose width is respected.
const NARROWEST: u16 = 20;

/// Comes before text whose start has lines of its own.
const INDENT: &str = "    ";

/// The columns of a terminal of this width; without a terminal, as many as it takes.
pub(crate) fn columns(width: Option<u16>) -> usize {
    width.map_or(usize::MAX, |width| width.max(NARROWEST).into())
}

/// The words of a text in lines of at most `width` columns. A longer word is broken.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut column = 0;
    for word in text.split(' ') {
        let own = word.width();
        match lines.last_mut() {
            Some(line) if column + 1 + own <= width => {
                line.push(' ');
                line.push_str(word);
                column += 1 + own;
            }
            _ => {
                lines.extend(broken(word, width));
                column = lines.last().map_or(0, |line| line.width());
            }
        }
    }
    for line in &mut lines {
        line.truncate(line.trim_end_matches(' ').len());
    }
    lines
}

/// The parts of a word that fit into `width` columns each.
fn broken(word: &str, width: usize) -> impl Iterator<Item = String> {
    let mut rest = Some(word);
    iter::from_fn(move || {
        let word = rest.take()?;
        let mut part = start(word, width);
        if part.is_empty() {
            // Not even one character fits.
            part = word;
        }
        rest = Some(&word[part.len()..]).filter(|rest| !rest.is_empty());
        Some(part.to_owned())
    })
}

/// As much of the start of a line as fits into `width` columns.
pub(crate) fn start(line: &str, width: usize) -> &str {
    let mut column = 0;
    let end = line.char_indices().find(|(_, character)| {
        column += character.width().unwrap_or(0);
        column > width
    });
    end.map_or(line, |(end, _)| &line[..end])
}

/// The same below each other behind a start, which is blank from the second line on. A start that
/// leaves less than half of the width has lines of its own.
pub(crate) fn hanging(start: &str, text: &str, width: usize) -> Vec<String> {
    let own = start.width();
    if own > INDENT.len() && own > width / 2 {
        let start = wrapped(start.trim_end(), width);
        return [start, hanging(INDENT, text, width)].concat();
    }
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
        check(usize::MAX, &["one two three"]);
        check(100, &["one two three"]);
        check(7, &["one two", "three"]);
        check(5, &["one", "two", "three"]);
        check(3, &["one", "two", "thr", "ee"]);
        check(0, &["one", "two", "three"]);
        assert_eq!(wrapped("日本語 é", 4), ["日本", "語 é"]);
        assert_eq!(wrapped("one  two", 5), ["one", "two"]);
    }

    #[test]
    fn text_hangs_behind_its_start() {
        let lines = ["1. one two", "   three"];
        assert_eq!(hanging("1. ", "one two three", 10), lines);
        let below = ["a start", "    one", "    two"];
        assert_eq!(hanging("a start  ", "one two", 10), below);
    }
}
