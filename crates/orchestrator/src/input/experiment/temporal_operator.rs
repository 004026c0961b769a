//! Temporal operators (`eventually`, `always`, `never`, `observe`): when a condition must hold.

use std::time::Duration;

/// The temporal operator of an expectation. Time 0 is the acknowledgement of the step's action.
/// Lower bounds count from the first time the action was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operator {
    /// The condition becomes true at some time in [`not_before`, `within`] and stays true for
    /// `hold`, which may end later than `within`.
    Eventually {
        /// The earliest time to become true; earlier is a failure. 0 by default.
        not_before: Duration,
        /// The latest time to become true.
        within: Duration,
        /// How long it must stay true; 0 by default.
        hold: Duration,
    },
    /// The condition is true all the time, for `lasts` or to the step's end.
    Always {
        /// `for`; to the step's end by default.
        lasts: Option<Duration>,
    },
    /// The condition is false all the time, for `lasts` or to the step's end.
    Never {
        /// `for`; to the step's end by default.
        lasts: Option<Duration>,
    },
    /// The condition is reported and does not affect the verdict.
    Observe {
        /// `for`; to the step's end by default.
        lasts: Option<Duration>,
    },
}

impl Operator {
    /// The keyword in an experiment.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Eventually { .. } => "eventually",
            Self::Always { .. } => "always",
            Self::Never { .. } => "never",
            Self::Observe { .. } => "observe",
        }
    }

    /// Whether the operator has an end of its own. Each step needs at least one such operator.
    pub fn ends(&self) -> bool {
        match self {
            Self::Eventually { .. } => true,
            Self::Always { lasts } | Self::Never { lasts } | Self::Observe { lasts } => {
                lasts.is_some()
            }
        }
    }
}
