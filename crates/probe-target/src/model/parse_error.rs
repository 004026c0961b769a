//! The error of a rejected input: the field's path and the reason, as typed parts.
//! Used for JSON, arguments and the environment. Callers render or locate it from the parts.

use std::error::Error;
use std::fmt;

use crate::model::field::FieldType;

/// A rejected input: the path of the field and what is wrong there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ParseError {
    /// The field's path: `status`, `ports.8080.routes./x.fault`, `--port`; empty for the whole
    /// input.
    pub field: String,
    /// What is wrong there.
    pub reason: Reason,
}

/// The reason why an input is rejected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reason {
    /// The field does not exist there.
    UnknownField {
        /// The fields that exist there.
        known: Vec<&'static str>,
    },
    /// The field exists, but is not allowed beside the others; in one sentence without full stop.
    Misplaced(String),
    /// The name does not exist.
    NotOneOf {
        /// The kind of name, such as `fault`.
        what: &'static str,
        /// The name that was given.
        found: String,
        /// The names that exist.
        known: Vec<&'static str>,
    },
    /// The value has the wrong type or is out of range.
    Invalid {
        /// The values that are allowed.
        expected: FieldType,
        /// The value that was given.
        found: String,
    },
    /// A required field is absent.
    Missing(FieldType),
    /// Anything else, in one sentence without full stop.
    Other(String),
}

impl ParseError {
    /// An error about `field` with a reason in words.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::of(field, Reason::Other(reason.into()))
    }

    /// An error about a `field` that is not allowed together with other fields that were given.
    pub(crate) fn misplaced(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::of(field, Reason::Misplaced(reason.into()))
    }

    /// An error about `field`.
    pub(crate) fn of(field: impl Into<String>, reason: Reason) -> Self {
        Self {
            field: field.into(),
            reason,
        }
    }

    /// The same error with `parent` before the field's path.
    #[must_use]
    pub(crate) fn within(self, parent: &str) -> Self {
        Self {
            field: join(parent, &self.field),
            ..self
        }
    }
}

impl Reason {
    /// Whether it is about the field itself, whatever its value.
    pub fn is_of_field(&self) -> bool {
        matches!(self, Self::UnknownField { .. } | Self::Misplaced(_))
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
            "" => self.reason.fmt(f),
            field => write!(f, "`{field}`: {}", self.reason),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownField { known } => {
                write!(f, "unknown field, expected one of {}", known.join(", "))
            }
            Self::NotOneOf { what, found, known } => {
                let known = known.join(", ");
                write!(f, "no {what} `{found}`, expected one of {known}")
            }
            Self::Invalid { expected, found } => write!(f, "must be {expected}, not {found}"),
            Self::Missing(expected) => write!(f, "must be given: {expected}"),
            Self::Misplaced(reason) | Self::Other(reason) => f.write_str(reason),
        }
    }
}

impl Error for ParseError {}
