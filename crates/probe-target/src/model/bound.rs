//! The bounds of a behaviour: when it is in force, given its start, the time and a request count.
//! `after` delays the first window, `for` or a count closes it, `every` opens the next. Pure.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::model::duration;
use crate::model::field::{AFTER, COUNT, EVERY, FOR};
use crate::model::fields::Fields;
use crate::model::moment::{Moment, micros};
use crate::model::parse_error::ParseError;
use crate::model::probability::Probability;

/// The bounds of a behaviour, port spec or process fault. They are never renewed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Bounds {
    /// `for`: the length of a window; unlimited by default.
    pub length: Option<Duration>,
    /// `count`: the number of requests that are given the behaviour in a window.
    pub count: Option<u64>,
    /// `after`: the time from the acknowledgement to the first window; none by default.
    pub after: Option<Duration>,
    /// `every`: the time from the start of one window to the start of the next; one window by
    /// default.
    pub every: Option<Duration>,
    /// `probability`: the share of requests in a window that are given the behaviour; all by
    /// default.
    pub probability: Option<Probability>,
}

/// The number of requests that were given the behaviour, in the latest window (see `every`) with at
/// least one such request.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Used {
    /// The window's number, from 0.
    pub window: u64,
    /// The number of requests that were given the behaviour in that window.
    pub given: u64,
}

/// Whether a behaviour is in force.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// In force now.
    Open {
        /// When time ends the window; `None` if only a count or a change can.
        until: Option<Moment>,
    },
    /// Not in force until the next window.
    Closed {
        /// When the next window opens.
        until: Moment,
    },
    /// Ended for good.
    Over,
}

impl Bounds {
    /// One window of this length, from the start on.
    pub(crate) fn lasting(length: Duration) -> Self {
        Self {
            length: Some(length),
            ..Self::default()
        }
    }

    /// The phase at `now` of a behaviour with these bounds that was set at `since`.
    pub fn phase(&self, since: Moment, used: Used, now: Moment) -> Phase {
        let first = since + self.after.unwrap_or_default();
        if now < first {
            return Phase::Closed { until: first };
        }
        let opened = self.opened(since, now);
        let until = self.length.map(|length| opened + length);
        let timed_out = until.is_some_and(|until| until <= now);
        if !timed_out && self.left(since, used, now) != Some(0) {
            return Phase::Open { until };
        }
        match self.every {
            Some(every) => Phase::Closed {
                until: opened + every,
            },
            None => Phase::Over,
        }
    }

    /// Whether neither time nor requests ever change the phase.
    pub(crate) fn is_endless(&self) -> bool {
        self.length.is_none() && self.count.is_none() && self.after.is_none()
    }

    /// Whether no request is ever given it.
    pub fn is_never(&self) -> bool {
        self.probability
            .is_some_and(|chance| chance.millionths == 0)
    }

    /// The number of requests left of the count in this window; `None` without a count.
    pub fn left(&self, since: Moment, used: Used, now: Moment) -> Option<u64> {
        let given = self.given(since, used, now);
        self.count.map(|count| count.saturating_sub(given))
    }

    /// The number of requests that were given the behaviour in this window.
    pub(crate) fn given(&self, since: Moment, used: Used, now: Moment) -> u64 {
        let same = used.window == self.window(since, now);
        if same { used.given } else { 0 }
    }

    /// Counts one more request that is given the behaviour.
    pub fn give(&self, since: Moment, used: &mut Used, now: Moment) {
        let window = self.window(since, now);
        if used.window != window {
            *used = Used { window, given: 0 };
        }
        used.given += 1;
    }

    /// What is left of these bounds at `now`, as bounds for a new start. With `every`, a window
    /// that is open starts anew.
    #[must_use]
    pub fn remaining(&self, since: Moment, used: Used, now: Moment) -> Self {
        let mut left = self.clone();
        left.after = None;
        match self.phase(since, used, now) {
            Phase::Closed { until } => left.after = Some(whole(until - now)),
            Phase::Open { until: Some(until) } if self.every.is_none() => {
                left.length = Some(until - now);
            }
            Phase::Open { .. } | Phase::Over => {}
        }
        if self.every.is_none() {
            left.count = self.left(since, used, now);
        }
        left
    }

    /// Adds an end after `within` from a new start, unless they end earlier. Recurring windows are
    /// left without an end, as their bounds cannot express one.
    pub(crate) fn end(&mut self, within: Duration) {
        let left = whole(within.saturating_sub(self.after.unwrap_or_default()));
        if self.every.is_none() {
            self.length = Some(self.length.map_or(left, |length| length.min(left)));
        }
    }

    pub(crate) fn read(fields: &mut Fields) -> Result<Self, ParseError> {
        let times = Self::times(fields)?;
        Ok(Self {
            count: fields.number(&COUNT)?,
            probability: Probability::read(fields)?,
            ..times
        })
    }

    /// Parses the bounds of a process fault, which has no requests: times only.
    pub(crate) fn read_times(fields: &mut Fields) -> Result<Self, ParseError> {
        let bounds = Self::times(fields)?;
        if bounds.every.is_some() && bounds.length.is_none() {
            let reason = "opens again what `for` has closed, which must be given";
            return Err(ParseError::misplaced(fields.path(EVERY.name), reason));
        }
        Ok(bounds)
    }

    fn times(fields: &mut Fields) -> Result<Self, ParseError> {
        let times = Self {
            length: fields.duration(&FOR)?,
            after: fields.duration(&AFTER)?,
            every: fields.duration(&EVERY)?,
            ..Self::default()
        };
        match (times.every, times.length) {
            (Some(every), Some(length)) if every <= length => Err(ParseError::new(
                fields.path(EVERY.name),
                "must be longer than `for`: it is measured from start to start",
            )),
            _ => Ok(times),
        }
    }

    /// Rejects an `every` without anything that closes a window.
    pub(crate) fn check_every(&self) -> Result<(), ParseError> {
        if self.every.is_some() && self.length.is_none() && self.count.is_none() {
            let reason = "opens again what `for`, `count` or `sequence` has closed; \
                          one of them must be given";
            return Err(ParseError::misplaced(EVERY.name, reason));
        }
        Ok(())
    }

    pub(crate) fn write(&self, object: &mut Map<String, Value>) {
        FOR.write(object, self.length.map(duration::format));
        AFTER.write(object, self.after.map(duration::format));
        EVERY.write(object, self.every.map(duration::format));
        COUNT.write(object, self.count);
        if let Some(chance) = self.probability {
            chance.write(object);
        }
    }

    /// The number of the window that opened last.
    fn window(&self, since: Moment, now: Moment) -> u64 {
        let open = micros(now - since).saturating_sub(micros(self.after.unwrap_or_default()));
        self.every.map_or(0, |every| open / micros(every))
    }

    /// When the current window opened.
    fn opened(&self, since: Moment, now: Moment) -> Moment {
        let before = micros(self.every.unwrap_or_default()) * self.window(since, now);
        since + self.after.unwrap_or_default() + Duration::from_micros(before)
    }
}

/// Rounds up to whole milliseconds, the precision of the text form, and to at least one, as `after`
/// must be above zero.
fn whole(time: Duration) -> Duration {
    Duration::from_millis(micros(time).div_ceil(1000).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINCE: Moment = Moment::from_micros(500);

    /// `for` in seconds, `count`, requests counted, microseconds since the start; whether it is
    /// still in force.
    #[track_caller]
    fn check(length: Option<u64>, count: Option<u64>, given: u64, after: u64, open: bool) {
        let bounds = Bounds {
            length: length.map(Duration::from_secs),
            count,
            ..Bounds::default()
        };
        let now = SINCE + Duration::from_micros(after);
        let phase = bounds.phase(SINCE, Used { window: 0, given }, now);
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
    fn windows_open_and_close_to_the_microsecond() {
        let bounds = Bounds {
            after: Some(Duration::from_micros(10)),
            length: Some(Duration::from_micros(3)),
            every: Some(Duration::from_micros(5)),
            ..Bounds::default()
        };
        let at = |micros: u64| Moment::from_micros(500 + micros);
        let open = |until| Phase::Open {
            until: Some(at(until)),
        };
        let closed = |until| Phase::Closed { until: at(until) };
        for (now, expected) in [
            (0, closed(10)),
            (9, closed(10)),
            (10, open(13)),
            (12, open(13)),
            (13, closed(15)),
            (15, open(18)),
            (1_000_000, open(1_000_003)),
        ] {
            let phase = bounds.phase(SINCE, Used::default(), at(now));
            assert_eq!(phase, expected, "{now}");
        }
    }

    #[test]
    fn what_is_left_starts_anew() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let used = Used {
            window: 0,
            given: 2,
        };
        let now = SINCE + Duration::from_secs(4);
        let bounds = Bounds {
            length: seconds(10),
            count: Some(5),
            ..Bounds::default()
        };
        let expected = Bounds {
            length: seconds(6),
            count: Some(3),
            ..Bounds::default()
        };
        assert_eq!(bounds.remaining(SINCE, used, now), expected);
        let waiting = Bounds {
            after: seconds(5),
            ..bounds.clone()
        };
        let expected = Bounds {
            after: seconds(1),
            length: seconds(10),
            count: Some(3),
            ..Bounds::default()
        };
        assert_eq!(waiting.remaining(SINCE, used, now), expected);
    }
}
