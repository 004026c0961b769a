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
    busy: bool,
}

impl Pace {
    /// The pace of a proxy that syncs every second for changes of others, whatever changes here.
    pub fn busy() -> Self {
        Self {
            busy: true,
            ..Self::default()
        }
    }

    /// The moment of the sync for a change at `now`.
    pub fn next(&self, now: Moment) -> Moment {
        let Some(ended) = self.ended else {
            return now;
        };
        let earliest = ended + APART;
        if !self.busy || now <= earliest {
            return now.max(earliest);
        }
        let late = (now - earliest).as_nanos().div_ceil(APART.as_nanos());
        earliest + APART * u32::try_from(late).unwrap_or(u32::MAX)
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

    #[test]
    fn a_busy_proxy_syncs_every_second() {
        let mut pace = Pace::busy();
        let next = |pace: &Pace, now| pace.next(Moment::from_millis(now));
        assert_eq!(next(&pace, 300), Moment::from_millis(300));
        pace.ended(Moment::from_millis(310));
        for (now, expected) in [(320, 1_310), (1_310, 1_310), (1_311, 2_310), (5_000, 5_310)] {
            assert_eq!(next(&pace, now), Moment::from_millis(expected));
        }
    }
}
