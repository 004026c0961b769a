//! Request and connection counters of a port or route, as `state` shows them.

use serde::{Deserialize, Serialize};

use super::Side;
use crate::model::moment::Moment;

/// The connections of a port since the process started.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Connections {
    /// Accepted connections, including reset and unread ones.
    pub accepted: u64,
    /// Connections open now.
    pub open: u64,
}

/// Requests of one route since the process started, or connections of a port of which no request is
/// read.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hits {
    /// Requests that have begun.
    pub begun: u64,
    /// When the last request began.
    pub last: Moment,
    /// The median of the last 15 intervals between the starts of two requests, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<u64>,
    /// The longest time that a client waited before it gave up, in microseconds; absent if none
    /// gave up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_wait: Option<u64>,
    /// Body bytes handed to the connection.
    pub bytes: u64,
    /// Finished requests by reply, layer and the side that ended them.
    pub ended: Vec<Ended>,
}

/// The number of requests with the same reply, layer and closing side.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Ended {
    /// See [`Record::reply`](super::Record::reply).
    pub reply: String,
    /// See [`Record::flipped`](super::Record::flipped).
    pub flipped: bool,
    /// See [`Record::closed`](super::Record::closed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Side>,
    /// The number of these requests.
    pub count: u64,
}

/// The size of a journal's history.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Recorded {
    /// Records written since the process started.
    pub written: u64,
    /// Records that the ring buffer has overwritten.
    pub lost: u64,
}
