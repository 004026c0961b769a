//! What is wrong with an input, and where. The same for JSON, the command line and the environment.

use std::error::Error;
use std::fmt;

/// An input that was refused: the path of the field and what it must be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ParseError {
    /// Where: `status`, `ports.8080.routes./x.fault`, `--port`; empty for the input as a whole.
    pub field: String,
    /// What was expected there, in one sentence without full stop.
    pub message: String,
    /// Whether the field itself does not belong there, whatever its value is.
    pub misplaced: bool,
}

impl ParseError {
    /// `message` about `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
            misplaced: false,
        }
    }

    /// `message` about a `field` that does not belong there, whatever its value is.
    pub fn misplaced(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            misplaced: true,
            ..Self::new(field, message)
        }
    }

    /// The same about a field inside `parent`.
    #[must_use]
    pub fn within(self, parent: &str) -> Self {
        Self {
            field: join(parent, &self.field),
            ..self
        }
    }
}

/// The path of a field inside another.
pub(crate) fn join(parent: &str, child: &str) -> String {
    match (parent, child) {
        ("", only) | (only, "") => only.to_owned(),
        (parent, child) => format!("{parent}.{child}"),
    }
}

/// What the sender called something; what has no name is told by its quotes.
pub(crate) fn called(name: &str) -> &str {
    if name.is_empty() { "\"\"" } else { name }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => f.write_str(&self.message),
            field => write!(f, "`{field}`: {}", self.message),
        }
    }
}

impl Error for ParseError {}
