//! A run that ended, and where it printed.

use crate::{exit::Failure, report::printer::Printer, run::RunResult};

/// A run that ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) result: Result<RunResult, Failure>,
    /// Where it printed, unless that was the terminal.
    pub(super) printer: Option<Printer>,
}

/// Where runs print what they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Messages {
    /// To the terminal, as it happens. One run at a time.
    Live,
    /// To the terminal, each run's messages together before its result.
    Held,
    /// Nowhere but for errors.
    Errors,
}
