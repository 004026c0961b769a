//! The cluster's clock: Tokio's clock with a date.
//!
//! This is the only file of the crate that makes timestamps. It never reads the operating system's
//! time: a timestamp is the epoch it was given plus the time elapsed on Tokio's clock. On a paused
//! clock an hour is thus a date an hour later.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};
use k8s_openapi::jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use rules::moment::Moment;
use tokio::time::Instant;

/// Converts the time to moments for the rules and timestamps for objects. Clones share one time.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    /// The date of [`Moment::ZERO`], a whole second.
    origin: Timestamp,
    started: Instant,
    /// Time from the origin to the cluster's start: less than a second.
    ahead: Duration,
}

impl Clock {
    /// A clock that shows `epoch` now.
    pub(crate) fn new(epoch: Timestamp) -> Self {
        // Moments count from a whole second, so rounding one down rounds its date down too.
        let origin = whole_second(epoch);
        let ahead = epoch.duration_since(origin).unsigned_abs();
        Self {
            origin,
            started: Instant::now(),
            ahead,
        }
    }

    /// The current moment, for the rules.
    pub(crate) fn now(&self) -> Moment {
        Moment::from_start(self.ahead + self.started.elapsed())
    }

    /// Waits until `moment`; returns at once if it has passed. Tokio's timers round up to whole
    /// milliseconds.
    pub(crate) async fn until(&self, moment: Moment) {
        let now = self.now();
        if now < moment {
            tokio::time::sleep(moment - now).await;
        }
    }

    /// The current time as objects show it, in whole seconds.
    pub(crate) fn time(&self) -> Time {
        Time(whole_second(self.timestamp(self.now())))
    }

    /// The current time in full, as only few fields of objects show it.
    pub(crate) fn exact_time(&self) -> MicroTime {
        MicroTime(self.timestamp(self.now()))
    }

    /// The timestamp of `moment`, in whole seconds.
    pub(crate) fn time_of(&self, moment: Moment) -> Time {
        Time(whole_second(self.timestamp(moment)))
    }

    /// The moment of a timestamp; [`Moment::ZERO`] for one before the origin.
    pub(crate) fn moment_of(&self, time: &Time) -> Moment {
        let since = time.0.duration_since(self.origin);
        Moment::from_start(Duration::try_from(since).unwrap_or_default())
    }

    fn timestamp(&self, moment: Moment) -> Timestamp {
        let since = SignedDuration::try_from(moment.since_start()).unwrap_or(SignedDuration::MAX);
        self.origin.saturating_add(since).unwrap_or(Timestamp::MAX)
    }
}

/// A number of seconds from an object. A negative one, which validation excludes, counts as zero.
pub(crate) fn seconds(count: impl TryInto<u64>) -> Duration {
    Duration::from_secs(count.try_into().unwrap_or_default())
}

fn whole_second(timestamp: Timestamp) -> Timestamp {
    let down = TimestampRound::new()
        .smallest(Unit::Second)
        .mode(RoundMode::Floor);
    timestamp
        .round(down)
        .expect("whole seconds must divide a minute")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> Clock {
        Clock::new("2026-01-02T03:04:05.250Z".parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn moments_count_from_the_whole_second_of_the_epoch() {
        let clock = clock();
        assert_eq!(clock.now(), Moment::from_millis(250));
        clock.until(Moment::from_secs(3)).await;
        assert_eq!(clock.now(), Moment::from_secs(3));
        clock.until(Moment::from_secs(1)).await;
        assert_eq!(clock.now(), Moment::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn dates_follow_tokio_s_clock() {
        let clock = clock();
        assert_eq!(clock.time().0.to_string(), "2026-01-02T03:04:05Z");
        tokio::time::advance(Duration::from_millis(3_600_749)).await;
        assert_eq!(clock.time().0.to_string(), "2026-01-02T04:04:05Z");
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(clock.time().0.to_string(), "2026-01-02T04:04:06Z");
    }

    #[tokio::test(start_paused = true)]
    async fn a_timestamp_is_its_moment_in_whole_seconds() {
        let clock = clock();
        let check = |milliseconds, seconds| {
            let time = clock.time_of(Moment::from_millis(milliseconds));
            assert_eq!(clock.moment_of(&time), Moment::from_secs(seconds));
        };
        check(0, 0);
        check(1_999, 1);
        check(2_000, 2);
        let before = Time("2020-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(clock.moment_of(&before), Moment::ZERO);
    }
}
