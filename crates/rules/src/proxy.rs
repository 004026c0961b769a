//! When a service proxy looks at what changed. What it makes of it is in [`crate::endpoints::backends`].

use std::time::Duration;

use crate::moment::Moment;

/// `minSyncPeriod`: from the end of one sync to the beginning of the next.
const APART: Duration = Duration::from_secs(1);

/// The rhythm of kube-proxy: the first change after a second of quiet is taken at once, with whatever is known by
/// then; what comes later waits for its second.
///
/// Rule: `pkg/proxy/runner/bounded_frequency_runner.go`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    ended: Option<Moment>,
}

impl Pace {
    /// When to sync, given a change at `now`.
    pub fn next(&self, now: Moment) -> Moment {
        self.ended.map_or(now, |ended| now.max(ended + APART))
    }

    /// Notes that a sync has ended.
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
