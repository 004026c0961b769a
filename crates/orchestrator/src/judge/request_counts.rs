//! Counts of one client's requests in a window: how many were sent, how many failed, and how long
//! the longest run of failures lasted.

use crate::input::experiment::TrafficThat;
use crate::timeline::Micros;
use crate::timeline::snapshot::Client;

/// What became of one client's requests in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestCounts {
    /// The client's name.
    pub(crate) client: String,
    /// How many were sent.
    pub(crate) sent: u64,
    /// How many of them failed.
    pub(crate) failed: u64,
    /// The longest run of failures: from the sending of its first request to that of the next
    /// request that did not fail, or to the end of the window.
    pub(crate) longest_failure: Micros,
}

impl RequestCounts {
    /// Counts the requests sent in [`from`, `to`]; without `to`, and beyond what is known of the
    /// client, up to the last request before which all are known.
    ///
    /// Later requests are left out: successes are known sooner than timeouts, so the share of
    /// failures would be too small.
    pub(super) fn of(
        name: &str,
        client: &Client,
        that: &TrafficThat,
        from: i64,
        to: Option<i64>,
    ) -> Self {
        let known = client.frontier().unwrap_or(from);
        let to = to.map_or(known, |to| to.min(known));
        let mut counts = Self {
            client: name.to_owned(),
            sent: 0,
            failed: 0,
            longest_failure: Micros::ZERO,
        };
        let mut failing_since: Option<i64> = None;
        for sent in client.between(from, to) {
            counts.sent += 1;
            if that.is_failure(sent.outcome) {
                counts.failed += 1;
                failing_since = failing_since.or(Some(sent.at));
            } else if let Some(since) = failing_since.take() {
                counts.lasted(sent.at - since);
            }
        }
        if let Some(since) = failing_since {
            // The next request is due after the last one that is known.
            counts.lasted(to + i64::from(to == known) - since);
        }
        counts
    }

    fn lasted(&mut self, micros: i64) {
        self.longest_failure = self.longest_failure.max(Micros::from_signed(micros));
    }

    /// How many requests did not fail.
    pub(super) fn succeeded(&self) -> u64 {
        self.sent - self.failed
    }
}

/// `users-a 47 of 160 failed, longest failure 4.700 s`
impl std::fmt::Display for RequestCounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            client,
            sent,
            failed,
            longest_failure,
        } = self;
        match failed {
            0 => write!(f, "{client} 0 of {sent} failed"),
            _ => write!(
                f,
                "{client} {failed} of {sent} failed, longest failure {longest_failure} s"
            ),
        }
    }
}
