//! The failed requests of one client: the first, the last, and the recovery.

use crate::input::experiment::RequestOutcome;
use crate::timeline::snapshot::Sent;

/// The failed requests of one client, in signed microseconds of the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outage {
    /// The first request that failed.
    pub(super) first: i64,
    /// The last request that failed; `None` if requests still fail.
    pub(super) last: Option<i64>,
    /// The first request that succeeded after it.
    pub(super) recovery: Option<i64>,
}

impl Outage {
    /// The outage in these requests, which are in the order of sending; `None` if none failed.
    pub(super) fn of(mut requests: impl Iterator<Item = Sent>) -> Option<Self> {
        let fails = |sent: &Sent| sent.outcome != RequestOutcome::Ok;
        let first = requests.find(fails)?.at;
        let (mut last, mut recovery) = (first, None);
        for sent in requests {
            if fails(&sent) {
                (last, recovery) = (sent.at, None);
            } else {
                recovery = recovery.or(Some(sent.at));
            }
        }
        let last = recovery.map(|_| last);
        Some(Self {
            first,
            last,
            recovery,
        })
    }
}
