//! Time windows of expectations: a step's times, and the operators' durations applied to them.

use std::time::Duration;

use crate::input::experiment::Operator;
use crate::timeline::Micros;
use crate::timeline::snapshot::StepTimes;

/// The window of an `eventually`, in times of the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Becoming {
    /// Start of the search for the condition to become true.
    pub(crate) sent: Micros,
    /// Whether another expectation began the time, not the step's action.
    pub(crate) follows: bool,
    pub(crate) zero: Micros,
    /// If the condition is true before this, the expectation fails; none if any time is allowed.
    pub(crate) not_before: Option<Micros>,
    pub(crate) within: Micros,
    pub(crate) hold: Duration,
}

/// The window of an `always`, `never` or `observe`, in times of the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lasting {
    pub(crate) from: Micros,
    /// None while the step runs and the operator has no `for`.
    pub(crate) to: Option<Micros>,
}

/// The window of any operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Window {
    Becoming(Becoming),
    Lasting(Lasting),
}

/// When the time of an expectation begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Beginning {
    /// Lower bounds count from here.
    sent: Micros,
    /// Upper bounds count from here.
    zero: Micros,
    follows: bool,
}

impl Beginning {
    /// The step's action; none before the acknowledgement.
    pub(super) fn of_step(times: &StepTimes) -> Option<Self> {
        Some(Self {
            sent: times.sent.or(times.acknowledged)?,
            zero: times.acknowledged?,
            follows: false,
        })
    }

    /// The time at which another expectation became true.
    pub(super) fn following(at: Micros) -> Self {
        Self {
            sent: at,
            zero: at,
            follows: true,
        }
    }
}

/// The window of an operator in a step that ended at `ended`, if it did.
pub(super) fn window(beginning: Beginning, ended: Option<Micros>, operator: &Operator) -> Window {
    let Beginning {
        sent,
        zero,
        follows,
    } = beginning;
    match *operator {
        Operator::Eventually {
            not_before,
            within,
            hold,
        } => Window::Becoming(Becoming {
            sent,
            follows,
            zero,
            not_before: (!not_before.time.is_zero()).then(|| sent + not_before.time),
            within: zero + within.time,
            hold,
        }),
        Operator::Always { lasts } | Operator::Never { lasts } | Operator::Observe { lasts } => {
            let to = lasts.map(|lasts| zero + lasts).or(ended);
            Window::Lasting(Lasting { from: sent, to })
        }
    }
}
