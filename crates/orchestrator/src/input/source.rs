//! The text of an input file, and positions in it.

mod span;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::printable::one_line;
pub use span::{Span, Spanned};

/// A file's path and text, which error messages quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The path as the user wrote it.
    pub path: PathBuf,
    /// The whole text of the file, even if it contains several documents.
    pub text: Arc<str>,
}

impl Source {
    /// The directory that the workload's relative paths start from.
    pub fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// The position of a span as printed in messages: `FILE:LINE:COLUMN`.
    pub fn place(&self, at: Span) -> String {
        self.place_of(self.position(at))
    }

    /// A position as printed in messages.
    pub(crate) fn place_of(&self, (line, column): (usize, usize)) -> String {
        let path = self.path.to_string_lossy();
        format!("{}:{line}:{column}", one_line(&path))
    }

    /// The line and column of a span's start, both from 1; the column counts characters.
    pub fn position(&self, at: Span) -> (usize, usize) {
        let start = at.start.min(self.text.len());
        let before = &self.text[..self.text.floor_char_boundary(start)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (
            before.matches('\n').count() + 1,
            before[line_start..].chars().count() + 1,
        )
    }
}

/// Where the lines of a text begin. It finds many positions without reading the text for each.
#[derive(Debug)]
pub(crate) struct Lines(Vec<usize>);

impl Lines {
    /// The lines of a source.
    pub(crate) fn of(source: &Source) -> Self {
        let newlines = source.text.match_indices('\n');
        let after = newlines.map(|(newline, _)| newline + 1);
        Self([0].into_iter().chain(after).collect())
    }

    /// The same as [`Source::position`].
    pub(crate) fn position(&self, source: &Source, at: Span) -> (usize, usize) {
        let start = at.start.min(source.text.len());
        let start = source.text.floor_char_boundary(start);
        let line = self.0.partition_point(|begin| *begin <= start).max(1);
        let column = source.text[self.0[line - 1]..start].chars().count() + 1;
        (line, column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_the_same_with_and_without_known_lines() {
        let source = Source {
            path: "a".into(),
            text: "a: é\n\n  b: 1\n".into(),
        };
        let lines = Lines::of(&source);
        for start in 0..=source.text.len() + 2 {
            let at = Span { start, end: start };
            assert_eq!(lines.position(&source, at), source.position(at), "{start}");
        }
    }
}
