//! What `state` tells about requests: added up, as the single ones are the journal's.

use serde::{Deserialize, Serialize};

use super::Side;
use crate::model::moment::Moment;

/// The connections of a port since the process started.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Connections {
    /// How many were accepted, whatever became of them.
    pub accepted: u64,
    /// How many are open now.
    pub open: u64,
}

/// The requests on one route since the process started; of a port, the connections of which no request is read.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hits {
    /// How many have begun.
    pub begun: u64,
    /// When the last of them began.
    pub last: Moment,
    /// Microseconds from the beginning of one to that of the next, as observed: the middle one of the last 15 times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<u64>,
    /// The most microseconds that a client has waited before it gave up; absent if none has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_wait: Option<u64>,
    /// Bytes of bodies handed over.
    pub bytes: u64,
    /// Those that have ended, by what became of them.
    pub ended: Vec<Ended>,
}

/// How many requests ended in one way.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Ended {
    /// As in the journal's records.
    pub reply: String,
    /// As in the journal's records.
    pub flipped: bool,
    /// As in the journal's records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Side>,
    /// How many.
    pub count: u64,
}

/// How much a journal has recorded.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Recorded {
    /// Records written since the process started.
    pub written: u64,
    /// How many of them the ring has lost to later ones.
    pub lost: u64,
}
