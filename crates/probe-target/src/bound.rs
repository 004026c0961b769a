//! What ends a behaviour: pure arithmetic over a start, a time and a count. It knows no behaviour and no clock.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::duration;
use crate::fields::Fields;
use crate::invalid::Invalid;
use crate::moment::Moment;

/// The bounds a behaviour was given. They are never renewed: whichever is reached first ends it for good.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Bounds {
    /// `for`: how long it holds from its acknowledgement.
    pub length: Option<Duration>,
    /// `count`: how many requests are given it.
    pub count: Option<u64>,
}

/// Where a behaviour stands in its bounds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// In force, by time alone until the moment given.
    Open {
        /// The first moment at which it no longer holds.
        until: Option<Moment>,
    },
    /// Ended, and never to come back.
    Over,
}

impl Bounds {
    /// Where something with these bounds stands at `now`, in force since `since` and given to `given` requests.
    pub fn phase(&self, since: Moment, given: u64, now: Moment) -> Phase {
        let until = self.length.map(|length| since + length);
        let timed_out = until.is_some_and(|until| until <= now);
        if timed_out || self.left(given) == Some(0) {
            return Phase::Over;
        }
        Phase::Open { until }
    }

    /// How many requests are still to be given it; `None` without a count.
    pub fn left(&self, given: u64) -> Option<u64> {
        self.count.map(|count| count.saturating_sub(given))
    }

    /// What is left of these bounds at `now`, as bounds for a new start.
    #[must_use]
    pub fn remaining(&self, since: Moment, given: u64, now: Moment) -> Self {
        Self {
            length: self.length.map(|length| since + length - now),
            count: self.left(given),
        }
    }

    pub(crate) fn read(fields: &mut Fields) -> Result<Self, Invalid> {
        Ok(Self {
            length: fields.duration("for")?,
            count: fields.number("count", 1..=u64::MAX)?,
        })
    }

    pub(crate) fn write(&self, object: &mut Map<String, Value>) {
        if let Some(length) = self.length {
            object.insert("for".to_owned(), duration::format(length).into());
        }
        if let Some(count) = self.count {
            object.insert("count".to_owned(), count.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINCE: Moment = Moment::from_micros(500);

    /// `for` in seconds, `count`, requests given, microseconds since the start; whether it is still in force.
    #[track_caller]
    fn check(length: Option<u64>, count: Option<u64>, given: u64, after: u64, open: bool) {
        let bounds = Bounds {
            length: length.map(Duration::from_secs),
            count,
        };
        let now = SINCE + Duration::from_micros(after);
        let phase = bounds.phase(SINCE, given, now);
        assert_eq!(phase != Phase::Over, open, "{phase:?}");
    }

    #[test]
    fn whichever_bound_is_reached_first_ends_it() {
        check(None, None, 1_000_000, 1 << 40, true);
        check(Some(1), None, 9, 0, true);
        check(Some(1), None, 9, 999_999, true);
        check(Some(1), None, 9, 1_000_000, false);
        check(None, Some(2), 1, 1 << 40, true);
        check(None, Some(2), 2, 0, false);
        check(Some(1), Some(2), 1, 999_999, true);
        check(Some(1), Some(2), 2, 0, false);
        check(Some(1), Some(2), 0, 1_000_000, false);
    }

    #[test]
    fn what_is_left_starts_anew() {
        let bounds = Bounds {
            length: Some(Duration::from_secs(10)),
            count: Some(5),
        };
        let now = SINCE + Duration::from_secs(4);
        let expected = Bounds {
            length: Some(Duration::from_secs(6)),
            count: Some(3),
        };
        assert_eq!(bounds.remaining(SINCE, 2, now), expected);
    }
}
