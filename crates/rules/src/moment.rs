//! A point in time: the time elapsed since the start of the cluster.
//!
//! Callers pass moments in; no rule reads a clock. A moment is a type of its own, distinct from
//! [`Duration`]. It has no date: the owner of the clock converts it to a timestamp.

use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// The time since the whole wall-clock second in which the cluster started.
///
/// Counting from a *whole* second makes [`Moment::whole_second`] equal to rounding the wall clock
/// down, as Kubernetes does with every published time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Duration);

impl Moment {
    /// The origin.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// The moment `elapsed` after the origin.
    pub const fn from_start(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// The moment `milliseconds` after the origin.
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }

    /// The moment `seconds` after the origin.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// Time since the origin.
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// Time since `earlier`; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// This moment rounded down to whole seconds, as in published timestamps.
    ///
    /// Rule: `pkg/kubelet/status/status_manager.go`, `normalizeStatus`.
    #[must_use]
    pub const fn whole_second(self) -> Self {
        Self(Duration::from_secs(self.0.as_secs()))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

impl AddAssign<Duration> for Moment {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub for Moment {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_time_loses_its_fraction() {
        let check = |milliseconds, seconds| {
            assert_eq!(
                Moment::from_millis(milliseconds).whole_second(),
                Moment::from_secs(seconds)
            );
        };
        check(0, 0);
        check(999, 0);
        check(1_000, 1);
        check(7_999, 7);
    }

    #[test]
    fn differences_never_go_below_zero() {
        let (early, late) = (Moment::from_secs(1), Moment::from_secs(3));
        assert_eq!(late - early, Duration::from_secs(2));
        assert_eq!(early - late, Duration::ZERO);
        assert_eq!(early + Duration::from_secs(2), late);
    }
}
