//! Time windows of expectations: a step's times, and the operators' durations applied to them.

use std::time::Duration;

use crate::input::experiment::Operator;
use crate::timeline::Micros;
use crate::timeline::snapshot::StepTimes;

/// The window of an `eventually`, in times of the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Becoming {
    /// Start of the search for the condition to become true.
    pub(super) sent: Micros,
    pub(super) zero: Micros,
    /// If the condition is true before this, the expectation fails; none if any time is allowed.
    pub(super) not_before: Option<Micros>,
    pub(super) within: Micros,
    pub(super) hold: Duration,
}

/// The window of an `always`, `never` or `observe`, in times of the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lasting {
    pub(super) from: Micros,
    /// None while the step runs and the operator has no `for`.
    pub(super) to: Option<Micros>,
}

/// The window of any operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Window {
    Becoming(Becoming),
    Lasting(Lasting),
}

/// The window of an operator; none before the acknowledgement.
pub(super) fn window(times: &StepTimes, operator: &Operator) -> Option<Window> {
    let (sent, zero) = (times.sent.or(times.acknowledged)?, times.acknowledged?);
    Some(match *operator {
        Operator::Eventually {
            not_before,
            within,
            hold,
        } => Window::Becoming(Becoming {
            sent,
            zero,
            not_before: (not_before > Duration::ZERO).then(|| sent + not_before),
            within: zero + within,
            hold,
        }),
        Operator::Always { lasts } | Operator::Never { lasts } | Operator::Observe { lasts } => {
            let to = lasts.map(|lasts| zero + lasts).or(times.ended);
            Window::Lasting(Lasting { from: sent, to })
        }
    })
}
