//! The error of an invocation, with its exit code and message.

use crate::model::parse_error::ParseError;
use crate::process::Ending;

/// Why an invocation fails.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Invalid usage: exit 2.
    Usage(ParseError),
    /// The process ends in this way, by a process fault or because its command line says so.
    Ended(Ending),
    /// A valid command failed: exit 1.
    Failed(String),
}

impl Failure {
    pub(crate) fn ending(&self) -> Ending {
        match self {
            Self::Ended(ending) => *ending,
            Self::Failed(_) => Ending::Code(1),
            Self::Usage(_) => Ending::Code(2),
        }
    }
}

impl From<ParseError> for Failure {
    fn from(invalid: ParseError) -> Self {
        Self::Usage(invalid)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Usage(invalid) => write!(f, "{invalid}"),
            Self::Ended(ending) => write!(f, "ended with {}", ending.code()),
            Self::Failed(message) => f.write_str(message),
        }
    }
}
