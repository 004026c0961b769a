//! When kube-proxy syncs its rules after a change.
//!
//! The backends are in [`crate::endpoints::backends`].

use std::time::Duration;

use crate::moment::Moment;

/// `minSyncPeriod`: minimum time between the end of a sync and the start of the next.
pub const APART: Duration = Duration::from_secs(1);

/// The pace of kube-proxy's syncs. A change at least a second after the last sync is applied at
/// once; an earlier one waits until the second has passed.
///
/// Rule: `pkg/proxy/runner/bounded_frequency_runner.go`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    ended: Option<Moment>,
}

impl Pace {
    /// The moment of the sync for a change at `now`.
    pub fn next(&self, now: Moment) -> Moment {
        self.ended.map_or(now, |ended| now.max(ended + APART))
    }

    /// Records the end of a sync.
    pub fn ended(&mut self, now: Moment) {
        self.ended = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syncs_are_a_second_apart() {
        let mut pace = Pace::default();
        let check = |pace: &Pace, now, expected| {
            assert_eq!(
                pace.next(Moment::from_millis(now)),
                Moment::from_millis(expected)
            );
        };
        check(&pace, 300, 300);
        pace.ended(Moment::from_millis(310));
        check(&pace, 320, 1_310);
        check(&pace, 1_310, 1_310);
        check(&pace, 5_000, 5_000);
    }
}
