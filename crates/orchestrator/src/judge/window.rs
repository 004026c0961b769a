//! When a step's expectations are to be seen: its times on the timeline.

use std::time::Duration;

use crate::input::experiment::Operator;
use crate::timeline::Micros;

/// A step's times so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) started: Option<Micros>,
    /// The first sending: lower bounds count from here.
    pub(super) sent: Option<Micros>,
    /// The last acknowledgement: time 0.
    pub(super) acknowledged: Option<Micros>,
    pub(super) ended: Option<Micros>,
}

/// An `eventually` in times of the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Becoming {
    /// Becoming true is looked for from here.
    pub(super) sent: Micros,
    pub(super) zero: Micros,
    /// True before this is a failure; none if any time will do.
    pub(super) not_before: Option<Micros>,
    pub(super) within: Micros,
    pub(super) hold: Duration,
}

/// An `always`, `never` or `observe` in times of the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lasting {
    pub(super) from: Micros,
    /// None as long as the step goes on and nothing else bounds it.
    pub(super) to: Option<Micros>,
}

/// Either kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Window {
    Becoming(Becoming),
    Lasting(Lasting),
}

impl Times {
    /// Where an operator looks; none before the acknowledgement.
    pub(super) fn window(&self, operator: &Operator) -> Option<Window> {
        let (sent, zero) = (self.sent.or(self.acknowledged)?, self.acknowledged?);
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
            Operator::Always { lasts }
            | Operator::Never { lasts }
            | Operator::Observe { lasts } => {
                let to = lasts.map(|lasts| zero + lasts).or(self.ended);
                Window::Lasting(Lasting { from: sent, to })
            }
        })
    }
}
