//! Exit codes, their precedence, and the trait that maps errors to them.
//!
//! Every error of this crate that can reach `main` has its code through `HasExitCode`. Scripts
//! depend on the codes.

use std::{io, process};

use serde::{Serialize, Serializer};

/// The exit code of the process, one per kind of outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All expectations held, or the command succeeded.
    Held = 0,
    /// An expectation failed, or `lint` found something at or above `--fail-on`.
    Failed = 1,
    /// The command line or a file is invalid; nothing was started.
    Usage = 2,
    /// The cluster, an image or a target was unavailable, so the run could not be judged.
    Infrastructure = 3,
    /// A guard refused, before the first write.
    Refused = 4,
    /// Something could not be undone; the command that finishes it was printed.
    RevertFailed = 5,
    /// The timeline does not decide whether the expectations held.
    Inconclusive = 6,
    /// SIGINT, after a successful revert.
    Interrupted = 130,
    /// SIGTERM or a closed terminal, after a successful revert.
    Terminated = 143,
}

impl Exit {
    /// The one of two outcomes that the process reports.
    ///
    /// A failed revert takes precedence over a signal, a signal over an error, and an error over a
    /// verdict.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        if other.rank() < self.rank() {
            other
        } else {
            self
        }
    }

    /// Whether a signal ended the run.
    pub(crate) fn is_signal(self) -> bool {
        matches!(self, Self::Interrupted | Self::Terminated)
    }

    fn rank(self) -> u8 {
        match self {
            Self::RevertFailed => 0,
            Self::Interrupted | Self::Terminated => 1,
            Self::Infrastructure => 2,
            Self::Refused => 3,
            // Most files are checked before anything runs; what only an API server refuses comes
            // later.
            Self::Usage => 4,
            Self::Failed => 5,
            Self::Inconclusive => 6,
            Self::Held => 7,
        }
    }
}

impl Serialize for Exit {
    /// The number.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(*self as u8)
    }
}

impl From<Exit> for process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error with an exit code.
pub(crate) trait HasExitCode: std::error::Error + Send + Sync + 'static {
    /// The code for this error.
    fn exit(&self) -> Exit;
}

/// Why a command failed: an error with its causes, an exit code, and a hint.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    /// Printed once, as `error: …`, with its chain.
    pub(crate) error: anyhow::Error,
    /// What would help, if it is known.
    pub(crate) hint: Option<String>,
}

/// The exit code of a command, or why it failed.
pub(crate) type CommandResult = Result<Exit, Failure>;

impl Failure {
    /// A failure with a message and no cause.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            error: anyhow::Error::msg(message.into()),
            hint: None,
        }
    }

    /// A failure from an error and, if known, a hint.
    pub(crate) fn hinted(error: impl HasExitCode, hint: Option<String>) -> Self {
        Self {
            hint,
            ..Self::from(error)
        }
    }
}

impl<E: HasExitCode> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            exit: error.exit(),
            error: error.into(),
            hint: None,
        }
    }
}

/// I/O errors that reach `main` concern the terminal, pipes, signals or threads.
impl HasExitCode for io::Error {
    fn exit(&self) -> Exit {
        Exit::Infrastructure
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    fn check(several: &[Exit], expected: Exit) {
        let forwards = several.iter().copied().fold(Exit::Held, Exit::and);
        let backwards = several.iter().rev().copied().fold(Exit::Held, Exit::and);
        assert_eq!((forwards, backwards), (expected, expected), "{several:?}");
    }

    #[test]
    fn the_first_in_5_130_3_4_2_1_6_wins() {
        let order = [
            Exit::RevertFailed,
            Exit::Interrupted,
            Exit::Infrastructure,
            Exit::Refused,
            Exit::Usage,
            Exit::Failed,
            Exit::Inconclusive,
            Exit::Held,
        ];
        for first in 0..order.len() {
            check(&order[first..], order[first]);
        }
        check(&[Exit::Infrastructure, Exit::Terminated], Exit::Terminated);
    }

    #[test]
    fn nothing_at_all_has_held() {
        check(&[], Exit::Held);
    }
}
