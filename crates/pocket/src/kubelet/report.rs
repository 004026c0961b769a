//! The report of one attempt of a probe, whatever its handler.

use rules::probe::ProbeOutcome;

/// The report of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) outcome: ProbeOutcome,
    /// Whether the container had begun to answer; event texts tell errors apart by it.
    pub(super) answered: bool,
    /// The attempt's own text, for the event.
    pub(super) detail: String,
}

impl Report {
    pub(super) fn new(outcome: ProbeOutcome, detail: String) -> Self {
        Self {
            outcome,
            answered: true,
            detail,
        }
    }

    pub(super) fn failure(detail: String) -> Self {
        Self::new(ProbeOutcome::Failure, detail)
    }

    /// The container began to answer, and its response could not be read.
    pub(super) fn error(detail: String) -> Self {
        Self::new(ProbeOutcome::Error, detail)
    }

    /// The attempt could not be made.
    pub(super) fn unknown(detail: &str) -> Self {
        Self {
            answered: false,
            ..Self::error(detail.to_owned())
        }
    }
}
