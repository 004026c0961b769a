//! Why an invocation ended badly, and its exit code.

use crate::invalid::Invalid;

/// Why an invocation ended badly.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was not understood: exit 2.
    Usage(Invalid),
    /// It was told to end with this code.
    Told(u8),
    /// It was understood and did not work: exit 1.
    Failed(String),
}

impl Failure {
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Told(code) => *code,
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
        }
    }
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self::Usage(invalid)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Usage(invalid) => write!(f, "{invalid}"),
            Self::Told(code) => write!(f, "told to exit with {code}"),
            Self::Failed(message) => f.write_str(message),
        }
    }
}
