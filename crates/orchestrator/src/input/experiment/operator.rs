//! When a claim must hold. Each expectation has exactly one operator.

use std::time::Duration;

/// A temporal operator. Time 0 is the acknowledgement of the step's action; lower bounds count from its first sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operator {
    /// Becomes true at some time in [`not_before`, `within`] and stays true for `hold`, which may end later.
    Eventually {
        /// True any earlier is a failure; 0 where nothing is said.
        not_before: Duration,
        /// The latest time to become true.
        within: Duration,
        /// How long it must stay true; 0 where nothing is said.
        hold: Duration,
    },
    /// Is true all the time, to the step's end or for so long.
    Always {
        /// To the step's end where nothing is said.
        lasts: Option<Duration>,
    },
    /// Is false all the time, to the step's end or for so long.
    Never {
        /// To the step's end where nothing is said.
        lasts: Option<Duration>,
    },
    /// Is reported and decides nothing.
    Observe {
        /// To the step's end where nothing is said.
        lasts: Option<Duration>,
    },
}

impl Operator {
    /// As it is written.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Eventually { .. } => "eventually",
            Self::Always { .. } => "always",
            Self::Never { .. } => "never",
            Self::Observe { .. } => "observe",
        }
    }

    /// Whether it has an end of its own; a step needs one that has.
    pub fn ends(&self) -> bool {
        match self {
            Self::Eventually { .. } => true,
            Self::Always { lasts } | Self::Never { lasts } | Self::Observe { lasts } => {
                lasts.is_some()
            }
        }
    }
}
