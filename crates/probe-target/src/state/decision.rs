//! What to do with one request, decided when it begins.

use std::time::Duration;

use crate::model::behaviour::Effect;

/// What to do with a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Decision {
    pub(crate) effect: Effect,
    pub(crate) delay: Duration,
    /// Whether counting this request may change the effect of the next one.
    pub(crate) changes_next: bool,
    /// Whether the effect comes from a flip.
    pub(crate) flipped: bool,
}

impl Decision {
    /// An effect without delay.
    pub(crate) fn at_once(effect: Effect, flipped: bool) -> Self {
        Self {
            effect,
            delay: Duration::ZERO,
            changes_next: false,
            flipped,
        }
    }
}
