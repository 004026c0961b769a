//! The known requests of one traffic client, and up to when they are complete.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use super::clock::Offset;
use crate::input::experiment::{Rate, TrafficClient};
use crate::timeline::{JournalRead, Micros, RequestOutcome, Sample, StateCall};

/// A traffic client, as known from its journal.
#[derive(Debug)]
pub(crate) struct Client {
    /// Requests a second.
    rate: u32,
    /// Maximum duration of a request, in microseconds.
    timeout: i64,
    instance: Option<String>,
    offset: Option<Offset>,
    /// Requests in the order of sending, with times of the client's clock.
    sent: Vec<Sent>,
    /// All requests due before this time of the client's clock are known; none before the first
    /// record.
    frontier: Option<i64>,
    /// Number of entries of `sent`, from the first on, that follow one another without a gap.
    row: usize,
    /// The journal has been read up to this time of the client's clock.
    through: i64,
    /// Periods of the client's clock whose records were lost.
    lost: Vec<(i64, i64)>,
    /// Requests after this time of the timeline are ignored. `None` if every request counts.
    end: Option<i64>,
    revision: u64,
}

/// One request of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent {
    /// When it was due, in microseconds: of the client's clock in [`Client`], of the timeline where
    /// [`Client::between`] returns it.
    pub(crate) at: i64,
    /// Its outcome.
    pub(crate) outcome: RequestOutcome,
    /// Its status, if it had one.
    pub(crate) status: Option<u16>,
}

/// `ok`, `refused`, `status 503`
impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.outcome, self.status) {
            (RequestOutcome::Status, Some(status)) => write!(f, "status {status}"),
            (outcome, _) => write!(f, "{outcome}"),
        }
    }
}

impl Client {
    pub(crate) fn new(client: &TrafficClient) -> Self {
        Self::sending(client.rate, client.timeout)
    }

    /// A client that sends so many requests, and waits so long for each.
    pub(crate) fn sending(rate: Rate, timeout: Duration) -> Self {
        Self {
            rate: rate.per_second(),
            timeout: Micros::from(timeout).signed(),
            instance: None,
            offset: None,
            sent: Vec::new(),
            frontier: None,
            row: 0,
            through: 0,
            lost: Vec::new(),
            end: None,
            revision: 0,
        }
    }

    /// Keeps the state call with the smallest round trip.
    pub(crate) fn take_state(&mut self, call: &StateCall, received: Micros) {
        if !self.is_same(&call.target.instance) {
            return;
        }
        let offset = Offset::of(call, received);
        if self.offset.is_none_or(|known| offset.error < known.error) {
            self.offset = Some(offset);
            self.revision += 1;
        }
    }

    pub(crate) fn take_sample(&mut self, sample: &Sample) {
        if !self.is_same(&sample.instance) {
            return;
        }
        let sent = Sent {
            at: sample.sent.signed(),
            outcome: sample.outcome,
            status: sample.status,
        };
        // Nearly always the end of the list: only a request that timed out becomes known late.
        let place = self.sent.partition_point(|known| known.at < sent.at);
        // No two requests are due at the same time, so this sample was read twice.
        if self
            .sent
            .get(place)
            .is_some_and(|known| known.at == sent.at)
        {
            return;
        }
        self.sent.insert(place, sent);
        self.row = self.row.min(place);
        self.advance();
    }

    pub(crate) fn take_journal(&mut self, read: &JournalRead) {
        if !self.is_same(&read.target.instance) {
            return;
        }
        let through = read.through.signed().max(self.through);
        if read.lost > 0 {
            self.lost.push((self.through - self.timeout, through));
        }
        self.through = through;
        self.advance();
    }

    /// Ignores requests sent from now on. The known frontier stays.
    pub(crate) fn end(&mut self, at: Micros) {
        let known = self.frontier.map(|frontier| frontier + self.zero());
        let end = known.map_or(at.signed(), |known| known.max(at.signed()));
        self.end = Some(self.end.map_or(end, |earlier| earlier.min(end)));
        self.revision += 1;
    }

    /// Forgets the requests that were sent before this time.
    pub(crate) fn forget(&mut self, before: i64) {
        let zero = self.zero();
        let over = self.sent.partition_point(|sent| sent.at + zero < before);
        self.sent.drain(..over);
        self.row = self.row.saturating_sub(over);
        self.lost.retain(|(_, end)| end + zero >= before);
    }

    // Requests are sent at an even rate, so a missing request shows as a gap at once. After the
    // timeout the gap no longer counts: no record can follow.
    fn advance(&mut self) {
        let period = self.period();
        let step = period + period / 2;
        while let Some(next) = self.sent.get(self.row) {
            let before = self.row.checked_sub(1).map(|before| self.sent[before].at);
            if before.is_some_and(|before| {
                next.at - before > step && next.at > self.through - self.timeout
            }) {
                break;
            }
            self.frontier = self.frontier.max(Some(next.at + period - 1));
            self.row += 1;
        }
        self.frontier = self.frontier.max(Some(self.through - self.timeout));
        self.revision += 1;
    }

    // Only the first process counts: a restarted client has lost the records that were not read.
    fn is_same(&mut self, instance: &str) -> bool {
        self.instance.get_or_insert_with(|| instance.to_owned()) == instance
    }

    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Maximum error of the clock offset, in microseconds; none before the first `state` call.
    pub(crate) fn error(&self) -> Option<i64> {
        self.offset.map(|offset| offset.error)
    }

    /// All requests due before this time of the timeline are known, within the error; none if no
    /// request is known, or the client's clock is not. None is before every time.
    pub(crate) fn frontier(&self) -> Option<i64> {
        let frontier = self.frontier? + self.offset?.zero;
        Some(self.end.map_or(frontier, |end| end.min(frontier)))
    }

    /// Whether all requests due before this time of the timeline are certainly known.
    pub(crate) fn is_known_until(&self, at: i64) -> bool {
        self.frontier() >= Some(at + self.error().unwrap_or(0))
    }

    /// All known requests.
    pub(crate) fn all(&self) -> impl DoubleEndedIterator<Item = Sent> {
        self.between(i64::MIN, None)
    }

    /// Requests sent in [`from`, `to`] of the timeline, ignoring the error; without `to`, all from
    /// `from` on.
    pub(crate) fn between(
        &self,
        from: i64,
        to: impl Into<Option<i64>>,
    ) -> impl DoubleEndedIterator<Item = Sent> {
        let zero = self.zero();
        let sent = &self.sent[self.range(from, to.into())];
        sent.iter().map(move |sent| Sent {
            at: sent.at + zero,
            ..*sent
        })
    }

    /// Number of requests sent in [`from`, `to`].
    pub(crate) fn count(&self, from: i64, to: i64) -> u64 {
        self.range(from, Some(to)).len() as u64
    }

    /// Number of requests that are due in a time of this length, in microseconds.
    pub(crate) fn due(&self, length: i64) -> u64 {
        u64::try_from(length / self.period()).unwrap_or(0)
    }

    /// From one request to the next, in microseconds.
    fn period(&self) -> i64 {
        1_000_000 / i64::from(self.rate)
    }

    /// Requests a second that the client is to send.
    pub(crate) fn rate(&self) -> u32 {
        self.rate
    }

    fn range(&self, from: i64, to: Option<i64>) -> Range<usize> {
        let zero = self.zero();
        let last = to.into_iter().chain(self.end).min();
        let start = self.sent.partition_point(|sent| sent.at + zero < from);
        let end = self
            .sent
            .partition_point(|sent| last.is_none_or(|last| sent.at + zero <= last));
        start..end.max(start)
    }

    fn zero(&self) -> i64 {
        self.offset.map_or(0, |offset| offset.zero)
    }

    /// Whether records of requests sent in [`from`, `to`] were lost, ignoring the error.
    pub(crate) fn lost_between(&self, from: i64, to: i64) -> bool {
        let zero = self.zero();
        self.lost
            .iter()
            .any(|(start, end)| start + zero <= to && from <= end + zero)
    }

    /// Whether records of requests that may have been sent in [`from`, `to`] were lost.
    pub(crate) fn may_have_lost(&self, from: i64, to: i64) -> bool {
        let error = self.error().unwrap_or(0);
        self.lost_between(from - error, to + error)
    }
}
