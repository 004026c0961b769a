//! Steady state: all requirements hold at once and have held for the required time.

use super::expectation_state::ExpectationState;
use super::traffic_operators::RECORDS_TIMEOUT;
use crate::input::experiment;
use crate::timeline::Micros;
use crate::timeline::snapshot::Snapshot;

/// Progress towards the steady state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SteadyState {
    /// All requirements have held for long enough.
    Reached {
        /// Since when all requirements hold.
        since: Micros,
    },
    /// The steady state can still be reached in time.
    Waiting {
        /// When to ask again, if nothing is recorded before.
        look_again_at: Option<Micros>,
    },
    /// The steady state was not reached in time.
    Missed {
        /// Each requirement that does not hold, and what was observed instead.
        missing: Vec<String>,
    },
}

pub(super) fn steady_state(
    wanted: &experiment::SteadyState,
    requirements: &[ExpectationState],
    snapshot: &Snapshot,
    applied: Micros,
    now: Micros,
) -> SteadyState {
    let waiting = |until: Micros| SteadyState::Waiting {
        look_again_at: Some(until),
    };
    let missed = || SteadyState::Missed {
        missing: missing(requirements, snapshot),
    };
    let deadline = applied + wanted.within;
    let since: Option<Vec<Micros>> = requirements
        .iter()
        .map(|state| state.since(snapshot, applied))
        .collect();
    let since = since.map(|since| since.into_iter().fold(applied, Micros::max));
    let Some(since) = since.filter(|since| *since <= deadline) else {
        return if now <= deadline {
            waiting(Micros(deadline.0 + 1))
        } else {
            missed()
        };
    };
    let held = since + wanted.hold;
    if now < held {
        return waiting(held);
    }
    let mut requirements = requirements.iter();
    if requirements.all(|state| state.surely_holds(since, wanted.hold, snapshot)) {
        return SteadyState::Reached { since };
    }
    // Records of requests may still arrive that make the requirements certain.
    let records_deadline = deadline + wanted.hold + RECORDS_TIMEOUT;
    if now < records_deadline {
        return waiting(records_deadline);
    }
    missed()
}

/// The requirements that do not hold now. All of them, if each holds now but they did not hold
/// together in time.
pub(super) fn missing(requirements: &[ExpectationState], snapshot: &Snapshot) -> Vec<String> {
    let lacking = requirements
        .iter()
        .filter(|state| state.since(snapshot, Micros::ZERO).is_none());
    let lacking: Vec<String> = lacking.map(|state| state.missing(snapshot)).collect();
    if lacking.is_empty() {
        requirements
            .iter()
            .map(|state| state.missing(snapshot))
            .collect()
    } else {
        lacking
    }
}
