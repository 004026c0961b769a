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
        let (line, column) = self.position(at);
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
