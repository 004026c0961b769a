//! Operators over requests: what becomes of claims about traffic.
//!
//! Under `eventually` the claim is true at a time if every request sent in the `hold` from then on had the outcome, and
//! there were at least ten of each client. Times of requests are known give or take an error, so everything is asked twice:
//! is it surely so, and may it be so?

use std::time::Duration;

use super::observed_text::late_by;
use super::verdict::Answer;
use super::window::{Becoming, Lasting};
use crate::input::experiment::TrafficThat;
use crate::timeline::Micros;
use crate::timeline::view::{Client, Sent};

/// Fewer requests mean nothing.
const ENOUGH: usize = 10;

/// How long requests are waited for that should have become known.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// How far back requests are looked at for what was so before a step: one second, in microseconds.
const BEFORE: i64 = 1_000_000;

/// The clients of one claim and the outcome it wants.
#[derive(Debug)]
pub(super) struct Requests<'a> {
    clients: Vec<&'a Client>,
    that: &'a TrafficThat,
}

impl<'a> Requests<'a> {
    /// What these clients sent.
    pub(super) fn new(clients: Vec<&'a Client>, that: &'a TrafficThat) -> Self {
        Self { clients, that }
    }

    /// Whether all requests of a `hold` had the outcome, in time.
    pub(super) fn eventually(&self, window: &Becoming, now: Micros) -> Answer {
        let hold = micros(window.hold);
        let earliest = window.not_before.map(signed);
        let (from, to) = (signed(window.sent), signed(window.within));
        let error = self.error();
        let times = self.times(from - error, to + error);
        let early = |sure: Certainty| {
            let margin = if sure.ly() { error } else { -error };
            earliest.and_then(|earliest| {
                times
                    .iter()
                    .copied()
                    .find(|at| at + margin < earliest && self.holds(*at, hold, sure))
            })
        };
        if let (Some(at), Some(not_before)) = (early(Certainty::Yes), window.not_before) {
            return Answer::Fail(format!(
                "true {} before the earliest time allowed",
                late_by(not_before, unsigned(at))
            ));
        }
        let lower = earliest
            .unwrap_or(signed(window.zero))
            .max(signed(window.zero));
        let success = |sure: Certainty| {
            let margin = if sure.ly() { error } else { -error };
            let in_time = |at: &i64| lower + margin <= *at && *at <= to - margin;
            times
                .iter()
                .copied()
                .filter(in_time)
                .find(|at| self.holds(*at, hold, sure))
        };
        let known = self.frontier();
        match (success(Certainty::Yes), early(Certainty::Maybe)) {
            (Some(at), None) => Answer::Pass(Some(unsigned(at))),
            _ if known <= to + error => Self::wait(window.within, now),
            _ if success(Certainty::Maybe).is_none() => Answer::Fail("not true in time".into()),
            _ if known <= to + hold + error => Self::wait(window.within + window.hold, now),
            _ => Answer::Unknown(self.doubt(from, to + hold)),
        }
    }

    /// Whether every request of the time had the outcome, or none had.
    pub(super) fn lasting(&self, window: &Lasting, wanted: bool, now: Micros) -> Answer {
        if self.first_breach(window, wanted, Certainty::Yes).is_some() {
            let why = if wanted {
                "not so for every request"
            } else {
                "so for a request, and should never have been"
            };
            return Answer::Fail(why.into());
        }
        let Some(to) = window.to else {
            return Answer::Open(None);
        };
        let (from, end, error) = (signed(window.from), signed(to), self.error());
        if self.frontier() < end + error {
            return Self::wait(to, now);
        }
        if self
            .clients
            .iter()
            .any(|client| client.lost_between(from - error, end + error))
        {
            return Answer::Unknown(self.doubt(from, end));
        }
        if self
            .first_breach(window, wanted, Certainty::Maybe)
            .is_some()
        {
            return Answer::Unknown(self.doubt(from, end));
        }
        match self
            .clients
            .iter()
            .map(|client| client.count(from, end))
            .min()
        {
            Some(sent) if sent >= ENOUGH => Answer::Pass(None),
            sent => Answer::Unknown(format!(
                "only {} requests were sent, of at least 10",
                sent.unwrap_or(0)
            )),
        }
    }

    /// When a request first had another outcome than wanted.
    pub(super) fn first_breach(
        &self,
        window: &Lasting,
        wanted: bool,
        sure: Certainty,
    ) -> Option<Micros> {
        let end = window.to.map_or(i64::MAX / 4, signed);
        let breaches = self.clients.iter().filter_map(|client| {
            let margin = margin(client, sure);
            let mut sent = client.between(signed(window.from) + margin, end - margin);
            sent.find(|sent| self.that.allows(sent.outcome) != wanted)
                .map(|sent| unsigned(sent.at))
        });
        breaches.min()
    }

    /// Whether all requests sent at that time, and up to a second before the step's action was sent, had the outcome.
    pub(super) fn were_good_before(&self, sent: Micros, at: Micros) -> bool {
        let (sent, at) = (signed(sent), signed(at));
        self.clients.iter().all(|client| {
            let error = client.error().unwrap_or_default();
            let mut before = client.between(sent - BEFORE, sent - error).peekable();
            before.peek().is_some()
                && !before
                    .chain(client.between(sent - error, at))
                    .any(|sent| self.is_bad(&sent))
        })
    }

    /// Since when all requests surely have had the outcome; none if the last of a client had not, or nothing is known.
    pub(super) fn good_since(&self, from: Micros) -> Option<Micros> {
        let since = self.clients.iter().map(|client| {
            let error = client.error()?;
            let mut good = None;
            for sent in client.between(signed(from), i64::MAX / 4).rev() {
                if self.is_bad(&sent) {
                    break;
                }
                good = Some(sent.at + error);
            }
            good
        });
        since
            .collect::<Option<Vec<i64>>>()?
            .into_iter()
            .max()
            .map(unsigned)
    }

    /// Whether the claim surely holds at this time.
    pub(super) fn surely_holds(&self, at: Micros, hold: Duration) -> bool {
        self.holds(signed(at), micros(hold), Certainty::Yes)
    }

    // True at a time: no request of the hold is bad, and there are enough.
    fn holds(&self, at: i64, hold: i64, sure: Certainty) -> bool {
        self.clients.iter().all(|client| {
            let margin = margin(client, sure);
            let (from, to) = (at - margin.abs(), at + hold + margin.abs());
            let (inner_from, inner_to) = (at + margin.abs(), at + hold - margin.abs());
            let open = client.frontier() < to || client.lost_between(from, to);
            if sure.ly() {
                !open
                    && !client.between(from, to).any(|sent| self.is_bad(&sent))
                    // Its own clock tells how many there were: to lie a little off ours makes them no fewer.
                    && client.count(at, at + hold) >= ENOUGH
            } else {
                !client
                    .between(inner_from, inner_to)
                    .any(|sent| self.is_bad(&sent))
                    && (open || client.count(from, to) >= ENOUGH)
            }
        })
    }

    fn is_bad(&self, sent: &Sent) -> bool {
        !self.that.allows(sent.outcome)
    }

    // Times at which it can become true: when a good request was sent.
    fn times(&self, from: i64, to: i64) -> Vec<i64> {
        let mut times: Vec<i64> = self
            .clients
            .iter()
            .flat_map(|client| client.between(from, to))
            .filter(|sent| !self.is_bad(sent))
            .map(|sent| sent.at)
            .collect();
        times.sort_unstable();
        times.dedup();
        times
    }

    fn frontier(&self) -> i64 {
        self.clients
            .iter()
            .map(|client| client.frontier())
            .min()
            .unwrap_or(i64::MIN / 4)
    }

    fn error(&self) -> i64 {
        self.clients
            .iter()
            .filter_map(|client| client.error())
            .max()
            .unwrap_or(0)
    }

    fn wait(until: Micros, now: Micros) -> Answer {
        let patience = until + PATIENCE;
        if now < patience {
            return Answer::Open(Some(patience));
        }
        Answer::Unknown("not all requests became known".into())
    }

    fn doubt(&self, from: i64, to: i64) -> String {
        if self
            .clients
            .iter()
            .any(|client| client.lost_between(from, to))
        {
            return "records of requests were lost".into();
        }
        format!(
            "the times of requests are known to {} ms only",
            (self.error() + 500) / 1000
        )
    }
}

/// Which of the two questions is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Certainty {
    /// Is it surely so?
    Yes,
    /// May it be so?
    Maybe,
}

impl Certainty {
    fn ly(self) -> bool {
        self == Self::Yes
    }
}

// How much a window shrinks so that what is in it surely is, or grows so that what may be in it is.
fn margin(client: &Client, sure: Certainty) -> i64 {
    let error = client.error().unwrap_or(0);
    if sure.ly() { error } else { -error }
}

fn micros(duration: Duration) -> i64 {
    signed(duration.into())
}

fn signed(at: Micros) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX / 4)
}

fn unsigned(at: i64) -> Micros {
    Micros(u64::try_from(at).unwrap_or_default())
}
