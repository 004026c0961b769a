//! The error of a rejected input: the field's path and the reason.
//! Used for JSON, arguments and the environment.

use std::error::Error;
use std::fmt;

/// A rejected input: the path of the field and what is expected there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ParseError {
    /// The field's path: `status`, `ports.8080.routes./x.fault`, `--port`; empty for the whole
    /// input.
    pub field: String,
    /// The reason, in one sentence without full stop.
    pub message: String,
    /// Whether the field is not allowed there with any value.
    pub misplaced: bool,
}

impl ParseError {
    /// An error with `message` about `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
            misplaced: false,
        }
    }

    /// An error about a `field` that is not allowed there with any value.
    pub fn misplaced(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            misplaced: true,
            ..Self::new(field, message)
        }
    }

    /// The same error with `parent` before the field's path.
    #[must_use]
    pub fn within(self, parent: &str) -> Self {
        Self {
            field: join(parent, &self.field),
            ..self
        }
    }
}

/// The path of the field `child` inside `parent`.
pub(crate) fn join(parent: &str, child: &str) -> String {
    match (parent, child) {
        ("", only) | (only, "") => only.to_owned(),
        (parent, child) => format!("{parent}.{child}"),
    }
}

/// The name for messages: `""` if the name is empty.
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
