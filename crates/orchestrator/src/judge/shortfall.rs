//! A client's shortfall: that it sent far fewer requests than were due, so that those it sent say
//! little about the service.

use crate::input::experiment::TrafficThat;
use crate::timeline::snapshot::Client;

/// A rate that one client did not hold in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shortfall {
    client: String,
    /// Requests a second that were due.
    rate: u64,
    /// Requests a second that were sent, in tenths.
    reached: u64,
}

impl Shortfall {
    /// The shortfall of a client in [`from`, `to`], or in what is known of it. None if it sent at
    /// least nine in ten of the requests that were due, if too few were due to say so, or if
    /// records of requests were lost.
    ///
    /// A request that is still unanswered is not known, and one that timed out was sent: only the
    /// client itself misses its rate, never the service.
    pub(super) fn of(name: &str, client: &Client, from: i64, to: i64) -> Option<Self> {
        let to = to.min(client.frontier()?);
        let (sent, due) = (client.count(from, to), client.due(to - from));
        let is_held = sent * 10 >= due * 9;
        if is_held || due < TrafficThat::MIN_REQUESTS || client.may_have_lost(from, to) {
            return None;
        }
        let rate = u64::from(client.rate());
        Some(Self {
            client: name.to_owned(),
            rate,
            reached: (rate * sent * 10 + due / 2) / due,
        })
    }
}

/// `client users reached 37.2 of 100 requests/s`
impl std::fmt::Display for Shortfall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, tenths) = (self.reached / 10, self.reached % 10);
        let Self { client, rate, .. } = self;
        write!(
            f,
            "client {client} reached {whole}.{tenths} of {rate} requests/s"
        )
    }
}
