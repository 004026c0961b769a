//! Temporal operators (`eventually`, `always`, `never`, `observe`): when a condition must hold.

use std::fmt;
use std::time::Duration;

use probe_target::model::duration;

use super::Span;

/// The temporal operator of an expectation. Time 0 is the acknowledgement of the step's action.
/// Lower bounds count from the first time the action was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operator {
    /// The condition becomes true at some time in [`not_before`, `within`] and stays true for
    /// `hold`, which may end later than `within`.
    Eventually {
        /// The earliest time to become true; earlier is a failure. 0 by default.
        not_before: Bound,
        /// The latest time to become true.
        within: Bound,
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

/// A bound of an `eventually`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The time. If it is predicted, zero until `check::predict_bounds` has set it.
    pub time: Duration,
    /// Where the file says `predicted` in place of a time.
    pub predicted: Option<Span>,
}

impl From<Duration> for Bound {
    fn from(time: Duration) -> Self {
        Self {
            time,
            predicted: None,
        }
    }
}

/// The time, and that it is predicted: `7.5s (predicted)`.
impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&duration::format(self.time))?;
        match self.predicted {
            Some(_) => f.write_str(" (predicted)"),
            None => Ok(()),
        }
    }
}

impl Operator {
    /// Where its bounds are `predicted`.
    pub(crate) fn predicted(&self) -> Vec<Span> {
        match self {
            Self::Eventually {
                not_before, within, ..
            } => [not_before, within]
                .into_iter()
                .filter_map(|bound| bound.predicted)
                .collect(),
            Self::Always { .. } | Self::Never { .. } | Self::Observe { .. } => Vec::new(),
        }
    }

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
