//! Splits a YAML file into its documents at the `---` and `...` lines, without parsing them.

use crate::input::experiment::Span;

/// The spans of the documents, including empty ones.
pub(super) fn split(text: &str) -> Vec<Span> {
    let mut documents = Vec::new();
    let mut start = 0;
    let mut line_start = 0;
    for line in text.split_inclusive('\n') {
        // YAML 1.2 › 9.1.2 Document Markers: three characters at the line's start, then white space
        // or the line's end.
        let marker = |marker: &str| {
            line.strip_prefix(marker)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
        };
        if marker("---") || marker("...") {
            documents.push(Span {
                start,
                end: line_start,
            });
            // The rest of the marker's line belongs to the next document: `--- {a: 1}`.
            start = line_start + 3;
        }
        line_start += line.len();
    }
    documents.push(Span {
        start,
        end: text.len(),
    });
    documents
}

/// One document with all text before it replaced by white space, so that spans in the result are
/// spans in the file.
pub(super) fn alone(text: &str, document: Span) -> String {
    let before = text[..document.start].bytes();
    let mut alone: String = before
        .map(|byte| if byte == b'\n' { '\n' } else { ' ' })
        .collect();
    alone.push_str(&text[document.range()]);
    alone
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<&str> = split(text)
            .into_iter()
            .map(|span| &text[span.range()])
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_marker_is_a_line_of_its_own() {
        check("a: 1\n---\nb: 2\n", &["a: 1\n", "\nb: 2\n"]);
        check("--- {a: 1}\n...\n", &["", " {a: 1}\n", "\n"]);
        check("a: |\n  ---\n---b: 2", &["a: |\n  ---\n---b: 2"]);
        check("", &[""]);
    }

    #[test]
    fn a_document_alone_keeps_its_place() {
        let text = "é: 1\n---\nb: 2\n";
        let alone = alone(text, split(text)[1]);
        assert_eq!(alone.find('b'), text.find('b'));
        assert_eq!(alone.trim(), "b: 2");
    }
}
