//! Operators (`eventually`, `always`, `never`) applied to conditions about traffic.
//!
//! Under `eventually` the condition is true at a time if every request sent in the `hold` from then
//! on had the outcome, and each client sent at least ten. The times of requests have an error, so
//! each question is asked twice: is it certain, and is it possible?

use std::time::Duration;

use super::observed_text::late_by;
use super::request_counts::RequestCounts;
use super::shortfall::Shortfall;
use super::traffic_budget::Spending;
use super::verdict::Answer;
use super::window::{Becoming, Lasting};
use crate::input::experiment::{Budget, Spanned, TrafficThat};
use crate::timeline::Micros;
use crate::timeline::snapshot::{Client, Sent, Snapshot};

/// How long the judge waits for records of requests that should have arrived.
pub(super) const RECORDS_TIMEOUT: Duration = Duration::from_secs(10);

/// How far before a step requests are examined, in microseconds: one second.
const LOOKBACK: i64 = 1_000_000;

/// The clients of a condition, and the outcomes it allows.
#[derive(Debug)]
pub(super) struct Requests<'a> {
    clients: Vec<&'a Client>,
    names: Vec<&'a str>,
    that: &'a TrafficThat,
}

impl<'a> Requests<'a> {
    /// The requests of the clients with these names.
    pub(super) fn new(
        names: &'a [Spanned<String>],
        that: &'a TrafficThat,
        snapshot: &'a Snapshot,
    ) -> Self {
        let known = names
            .iter()
            .filter_map(|name| Some((name.value.as_str(), snapshot.client(name)?)));
        let (names, clients) = known.unzip();
        Self {
            clients,
            names,
            that,
        }
    }

    /// How many requests of each client were sent in the window, and how many failed.
    pub(super) fn counts(&self, window: &Lasting) -> Vec<RequestCounts> {
        let (from, to) = (window.from.signed(), window.to.map(Micros::signed));
        let each = self.names.iter().zip(&self.clients);
        each.map(|(name, client)| RequestCounts::of(name, client, self.that, from, to))
            .collect()
    }

    /// Whether all requests of a `hold` within the window had the outcome.
    pub(super) fn eventually(&self, window: &Becoming, now: Micros) -> Answer {
        let answer = self.becomes(window, now);
        let last = match answer {
            Answer::Pass(Some(at)) => at,
            _ => window.within,
        };
        self.unless_short(answer, window.sent, last + window.hold)
    }

    /// Whether every request of the window had the outcome or, if not `wanted`, none had.
    pub(super) fn lasting(&self, window: &Lasting, wanted: bool, now: Micros) -> Answer {
        let answer = self.lasts(window, wanted, now);
        self.unless_short(answer, window.from, window.to.unwrap_or(Micros::MAX))
    }

    /// The answer, or none that is certain if a client did not hold its rate in this time.
    fn unless_short(&self, answer: Answer, from: Micros, to: Micros) -> Answer {
        if !matches!(answer, Answer::Pass(_) | Answer::Fail(_)) {
            return answer;
        }
        let mut each = self.names.iter().zip(&self.clients);
        let shortfall =
            each.find_map(|(name, client)| Shortfall::of(name, client, from.signed(), to.signed()));
        shortfall.map_or(answer, |shortfall| Answer::Unknown(shortfall.to_string()))
    }

    fn becomes(&self, window: &Becoming, now: Micros) -> Answer {
        let hold = micros(window.hold);
        let earliest = window.not_before.map(Micros::signed);
        let (from, to) = (window.sent.signed(), window.within.signed());
        let error = self.error();
        let times = self.times(from - error, to + error);
        let early = |certainty: Certainty| {
            let margin = certainty.margin(error);
            earliest.and_then(|earliest| {
                times
                    .iter()
                    .copied()
                    .find(|at| at + margin < earliest && self.holds(*at, hold, certainty))
            })
        };
        if let (Some(at), Some(not_before)) = (early(Certainty::Yes), window.not_before) {
            return Answer::Fail(format!(
                "true {} before the earliest time allowed",
                late_by(not_before, Micros::from_signed(at))
            ));
        }
        let lower = earliest
            .unwrap_or(window.zero.signed())
            .max(window.zero.signed());
        let success = |certainty: Certainty| {
            let margin = certainty.margin(error);
            let in_time = |at: &i64| lower + margin <= *at && *at <= to - margin;
            times
                .iter()
                .copied()
                .filter(in_time)
                .find(|at| self.holds(*at, hold, certainty))
        };
        let known = self.frontier();
        match (success(Certainty::Yes), early(Certainty::Maybe)) {
            (Some(at), None) => Answer::Pass(Some(Micros::from_signed(at))),
            _ if known <= Some(to + error) => Self::wait(window.within, now),
            _ if success(Certainty::Maybe).is_none() => Answer::Fail("not true in time".into()),
            _ if known <= Some(to + hold + error) => Self::wait(window.within + window.hold, now),
            _ => Answer::Unknown(self.doubt(from, to + hold)),
        }
    }

    fn lasts(&self, window: &Lasting, wanted: bool, now: Micros) -> Answer {
        let (from, error) = (window.from.signed(), self.error());
        let complete = window
            .to
            .is_some_and(|to| self.frontier() >= Some(to.signed() + error));
        let why = match &self.that.budget {
            Some(budget) => self.exceeds(budget, window, complete),
            None => self
                .first_breach(window, wanted, Certainty::Yes)
                .map(|_| breached(wanted).to_owned()),
        };
        if let Some(why) = why {
            return Answer::Fail(why);
        }
        let Some(to) = window.to else {
            return Answer::Open(None);
        };
        if !complete {
            return Self::wait(to, now);
        }
        let end = to.signed();
        let lost = |client: &&Client| client.lost_between(from - error, end + error);
        let may_fail = match &self.that.budget {
            Some(budget) => self.may_exceed(budget, window),
            None => self
                .first_breach(window, wanted, Certainty::Maybe)
                .is_some(),
        };
        if may_fail || self.clients.iter().any(lost) {
            return Answer::Unknown(self.doubt(from, end));
        }
        match self
            .clients
            .iter()
            .map(|client| client.count(from, end))
            .min()
        {
            Some(sent) if sent >= TrafficThat::MIN_REQUESTS => Answer::Pass(None),
            sent => Answer::Unknown(format!(
                "only {} requests were sent, of at least {}",
                sent.unwrap_or(0),
                TrafficThat::MIN_REQUESTS
            )),
        }
    }

    fn spending(&self, window: &Lasting) -> impl Iterator<Item = Spending> {
        let (from, to) = (window.from.signed(), window.to.map(Micros::signed));
        let each = self.names.iter().zip(&self.clients);
        each.map(move |(name, client)| Spending::of(name, client, self.that, from, to))
    }

    /// Describes how a client certainly exceeds the budget, if one does.
    fn exceeds(&self, budget: &Budget, window: &Lasting, complete: bool) -> Option<String> {
        let (from, error) = (window.from.signed(), self.error());
        let to = window.to.map_or(i64::MAX / 2, Micros::signed);
        let lost = self
            .clients
            .iter()
            .any(|client| client.lost_between(from - error, to + error));
        self.spending(window)
            .find_map(|spending| spending.exceeds(budget, complete, lost))
    }

    fn may_exceed(&self, budget: &Budget, window: &Lasting) -> bool {
        self.spending(window)
            .any(|spending| spending.may_exceed(budget))
    }

    /// When a request first violated the condition. Under a budget no single request does.
    pub(super) fn first_breach(
        &self,
        window: &Lasting,
        wanted: bool,
        certainty: Certainty,
    ) -> Option<Micros> {
        if self.that.budget.is_some() {
            return None;
        }
        let breaches = self.clients.iter().filter_map(|client| {
            let margin = margin(client, certainty);
            let end = window.to.map(|to| to.signed() - margin);
            let mut sent = client.between(window.from.signed() + margin, end);
            sent.find(|sent| self.that.allows(sent.outcome) != wanted)
                .map(|sent| Micros::from_signed(sent.at))
        });
        breaches.min()
    }

    /// Whether all requests from one second before the step's action was sent until `at` had the
    /// outcome.
    pub(super) fn were_good_before(&self, sent: Micros, at: Micros) -> bool {
        let (sent, at) = (sent.signed(), at.signed());
        self.clients.iter().all(|client| {
            let error = client.error().unwrap_or_default();
            let mut before = client.between(sent - LOOKBACK, sent - error).peekable();
            before.peek().is_some()
                && !before
                    .chain(client.between(sent - error, at))
                    .any(|sent| self.is_bad(&sent))
        })
    }

    /// Since when all requests certainly had the outcome. None if the last request of a client had
    /// not, or if a client has no known request.
    pub(super) fn good_since(&self, from: Micros) -> Option<Micros> {
        let since = self.clients.iter().map(|client| {
            let error = client.error()?;
            let mut good = None;
            for sent in client.between(from.signed(), None).rev() {
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
            .map(Micros::from_signed)
    }

    /// Whether the condition certainly holds at this time.
    pub(super) fn surely_holds(&self, at: Micros, hold: Duration) -> bool {
        self.holds(at.signed(), micros(hold), Certainty::Yes)
    }

    // The condition holds at a time if no request of the hold is bad and there are enough of them.
    fn holds(&self, at: i64, hold: i64, certainty: Certainty) -> bool {
        self.clients.iter().all(|client| {
            let margin = margin(client, certainty);
            let (from, to) = (at - margin.abs(), at + hold + margin.abs());
            let (inner_from, inner_to) = (at + margin.abs(), at + hold - margin.abs());
            let open = client.frontier() < Some(to) || client.lost_between(from, to);
            if certainty.is_certain() {
                !open
                    && !client.between(from, to).any(|sent| self.is_bad(&sent))
                    // The count is by the client's own clock: its offset from ours does not change
                    // the number of requests.
                    && client.count(at, at + hold) >= TrafficThat::MIN_REQUESTS
            } else {
                !client
                    .between(inner_from, inner_to)
                    .any(|sent| self.is_bad(&sent))
                    && (open || client.count(from, to) >= TrafficThat::MIN_REQUESTS)
            }
        })
    }

    fn is_bad(&self, sent: &Sent) -> bool {
        !self.that.allows(sent.outcome)
    }

    // The times at which the condition can become true: those at which a good request was sent.
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

    fn frontier(&self) -> Option<i64> {
        let frontiers = self.clients.iter().map(|client| client.frontier());
        frontiers.min().flatten()
    }

    fn error(&self) -> i64 {
        self.clients
            .iter()
            .filter_map(|client| client.error())
            .max()
            .unwrap_or(0)
    }

    fn wait(until: Micros, now: Micros) -> Answer {
        let deadline = until + RECORDS_TIMEOUT;
        if now < deadline {
            return Answer::Open(Some(deadline));
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

fn breached(wanted: bool) -> &'static str {
    if wanted {
        "not so for every request"
    } else {
        "so for a request, and should never have been"
    }
}

/// Whether a question is about certainty or possibility.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Certainty {
    /// It is certain.
    Yes,
    /// It is possible.
    Maybe,
}

impl Certainty {
    fn is_certain(self) -> bool {
        self == Self::Yes
    }

    /// The margin by which a window shrinks to contain only requests that certainly lie in it, or
    /// grows (negative) to contain all that possibly do.
    fn margin(self, error: i64) -> i64 {
        if self.is_certain() { error } else { -error }
    }
}

fn margin(client: &Client, certainty: Certainty) -> i64 {
    certainty.margin(client.error().unwrap_or(0))
}

fn micros(duration: Duration) -> i64 {
    Micros::from(duration).signed()
}
