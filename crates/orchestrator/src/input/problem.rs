//! Problems in input files: position, description, what was expected, and a suggestion.
//!
//! Problems are values; the caller prints them.

mod suggest;

use std::fmt;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use probe_target::model::parse_error::Reason;

use crate::exit::{Exit, HasExitCode};
use crate::input::source::{Source, Span};
use crate::printable::one_line;
pub(crate) use suggest::{choices, closest};

/// One problem in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub source: Source,
    /// The position in the file.
    pub span: Span,
    /// The description.
    pub fault: Box<ProblemText>,
}

/// An invalid input file is a usage error.
impl HasExitCode for Problems {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// The description of a problem, without its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProblemText {
    what: String,
    expected: Option<String>,
    suggestion: Option<String>,
}

impl ProblemText {
    /// Creates a description from a phrase without a full stop.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            expected: None,
            suggestion: None,
        }
    }

    /// Adds the expected value.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Adds the valid names, and suggests the one closest to `word` if it is close.
    #[must_use]
    pub fn one_of<'a>(mut self, word: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut names: Vec<&str> = names.into_iter().collect();
        names.dedup();
        self.suggestion = closest(word, names.iter().copied()).map(Into::into);
        if names.is_empty() {
            self
        } else {
            self.expected(choices(&names))
        }
    }

    /// Words probe-target's reason why it rejects `what`: a field or an option.
    pub fn rejected(what: &str, reason: &Reason) -> Self {
        match reason {
            Reason::NotOneOf { what, found, known } => {
                Self::new(format!("no {what} `{found}`")).one_of(found, known.iter().copied())
            }
            reason => Self::new(format!("{what}: {reason}")),
        }
    }

    /// Adds the position.
    pub fn at(self, source: &Source, span: Span) -> Problem {
        Problem {
            source: source.clone(),
            span,
            fault: Box::new(self),
        }
    }
}

impl fmt::Display for ProblemText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(expected) = &self.expected {
            write!(f, "; expected {expected}")?;
        }
        if let Some(suggestion) = &self.suggestion {
            write!(f, "; did you mean `{suggestion}`?")?;
        }
        Ok(())
    }
}

impl Problem {
    /// The line and column of its start, both from 1; the column counts characters.
    pub fn position(&self) -> (usize, usize) {
        self.source.position(self.span)
    }

    /// The message with the marked source line.
    pub fn render(&self) -> String {
        let text = &*self.source.text;
        let start = floor(text, self.span.start);
        let line = text[start..]
            .split('\n')
            .next()
            .unwrap_or_default()
            .trim_end();
        // A span over several lines, such as a whole step, is marked on its first line only.
        let end = floor(text, self.span.end).clamp(start, start + line.len());
        let snippet = Snippet::source(text).annotation(AnnotationKind::Primary.span(start..end));
        let group = Group::with_level(Level::ERROR).element(snippet);
        let drawn = Renderer::plain()
            .decor_style(DecorStyle::Ascii)
            .render(&[group]);
        let lines: Vec<&str> = drawn
            .lines()
            // The lines of the snippet have a gutter; the others repeat the message.
            .filter(|line| line.contains('|'))
            .map(str::trim_end)
            .collect();
        format!("{self}\n{}", lines.join("\n"))
    }
}

/// `file:line:column: what; expected …; did you mean …?`
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.source.place(self.span);
        write!(f, "{place}: {}", one_line(&self.fault.to_string()))
    }
}

/// All problems found; at least one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Returns `value` if there are no problems; otherwise the problems, sorted by file and
    /// position.
    pub fn unless_any<T>(mut problems: Vec<Problem>, value: T) -> Result<T, Self> {
        problems.sort_by(|a, b| (&a.source.path, a.span).cmp(&(&b.source.path, b.span)));
        if problems.is_empty() {
            Ok(value)
        } else {
            Err(Self(problems))
        }
    }

    /// The problems as a slice.
    pub fn as_slice(&self) -> &[Problem] {
        &self.0
    }

    /// The problems as a vector.
    pub fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(Problem::render).collect();
        f.write_str(&all.join("\n\n"))
    }
}

fn floor(text: &str, byte: usize) -> usize {
    text.floor_char_boundary(byte.min(text.len()))
}
