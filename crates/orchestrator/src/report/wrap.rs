//! Text in lines of a given width.

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
}
