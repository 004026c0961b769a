//! The JSON response types of the control API, shared by the server and its clients.
//! The request types are [`Behaviour`], [`PortSpec`], [`ProcessFault`] and [`LeaseRequest`]. Field
//! names of more than one word are camelCase.
//!
//! Every time is a [`Moment`]: whole microseconds since the target's process started, as an
//! integer. Every duration is an integer of microseconds too, except in requests (`"30s"`). An
//! absent field and `null` are equivalent.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

mod request_stats;

pub use request_stats::{Connections, Ended, Hits, Recorded};

use crate::model::behaviour::Behaviour;
use crate::model::moment::Moment;
use crate::model::port_spec::{PortSpec, PortState, Protocol};
use crate::model::process_fault::ProcessFault;
use crate::model::route_path::RoutePath;

/// The response to `GET /v1/state`: the complete state of a target or traffic client.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct State {
    /// Identifies the process that answers.
    pub instance: String,
    /// The number of changes applied so far.
    pub revision: u64,
    /// The time of this response.
    pub uptime: Moment,
    /// The number of this start of the container, from 1; absent without `--state-dir`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<u64>,
    /// The Pod's name, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// The container's name, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// When the running lease expires; absent if none runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Moment>,
    /// The process faults, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub process: BTreeMap<String, Layered<ProcessFault>>,
    /// When the drain begins, if a received SIGTERM has scheduled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draining: Option<Moment>,
    /// The memory held by a `memory` fault; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// The ports by number, with base and flip; empty for a traffic client.
    #[serde(default)]
    pub ports: BTreeMap<u16, Port>,
    /// The number of records written to the journal, and lost from it.
    #[serde(default)]
    pub journal: Recorded,
    /// What the traffic client sends; absent for a target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
}

/// The memory that a target holds because of a `memory` fault.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Memory {
    /// Bytes allocated and touched so far.
    pub taken: u64,
    /// Why less than the configured size is allocated. The allocation is not retried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One port in `state`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Port {
    /// The protocol in force.
    pub protocol: Protocol,
    /// The port state in force now.
    pub state: PortState,
    /// Whether the port is listening at this moment.
    pub listening: bool,
    /// Why the port is not listening although it should be. Listening is retried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The base of the port; absent for a port opened at runtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<InForce<PortSpec>>,
    /// The flip over the base. Its `route` names the route if a flip of a route set the port's
    /// state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flip: Option<InForce<PortSpec>>,
    /// The flip of the port itself, if a flip of a route takes precedence over it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covered: Option<InForce<PortSpec>>,
    /// The only address that the port listens on; absent if it listens on all addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The configured routes, by the text of their [path](RoutePath).
    #[serde(default)]
    pub routes: BTreeMap<String, Route>,
    /// The connections from clients.
    #[serde(default)]
    pub connections: Connections,
    /// The requests by path; paths are written as in the journal.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hits: BTreeMap<String, Hits>,
    /// The requests for all paths beyond the first 256, without a period; absent if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others: Option<Hits>,
    /// Connections of which no request is read: those to a TCP port, and those in the states
    /// `reset` and `blackhole`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<Hits>,
}

/// One route in `state`. The flip goes before the base; a route with neither answers 200.
pub type Route = Layered<Behaviour>;

/// The base and the flip of a route or process fault in `state`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(bound(deserialize = "B: Deserialize<'de>"))]
pub struct Layered<B> {
    /// The layer from the command line or the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<InForce<B>>,
    /// The flip over the base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flip: Option<InForce<B>>,
}

/// A layer with what is left of its bounds. Layers that have ended are not listed.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct InForce<B> {
    /// The behaviour, port spec or process fault as it was configured.
    pub set: B,
    /// The time of its acknowledgement; 0 for the base.
    pub since: Moment,
    /// When `for` ends the layer, or its current window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// When `after` or `every` opens the next window; present only while the layer is not in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens: Option<Moment>,
    /// The number of requests left of its `count` in this window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<u64>,
}

/// What a traffic client sends, in its `state`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Traffic {
    /// The address that requests are sent to.
    pub address: String,
    /// The protocol; a request of `tcp`, `grpc` and `grpcs` is a connection.
    #[serde(default)]
    pub protocol: Protocol,
    /// The `Host` header.
    pub host: String,
    /// The path of each request.
    pub path: String,
    /// Microseconds between two requests.
    pub interval: u64,
    /// Whether each request uses a new connection.
    pub fresh: bool,
    /// The request timeout in microseconds.
    pub timeout: u64,
    /// Requests sent so far.
    pub sent: u64,
    /// Requests that were due so far, but not sent, as the client itself was late: by more than
    /// 100 ms, or half of the timeout if that is shorter.
    #[serde(default)]
    pub skipped: u64,
    /// The number of requests by outcome. Requests in progress are not counted.
    #[serde(default)]
    pub outcomes: BTreeMap<RequestOutcome, u64>,
}

/// The data of the event `lost` of a journal's stream.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Lost {
    /// The number of records that were overwritten before they were sent.
    pub lost: u64,
}

/// The data of the event `through` of a journal's stream.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Through {
    /// Every request that ended before this time has been sent.
    pub through: Moment,
}

/// The response to every successful change.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Ack {
    /// Identifies the process that applied the change.
    pub instance: String,
    /// The revision after the change.
    pub revision: u64,
    /// When the change took effect: it applies to every request that begins later.
    pub at: Moment,
    /// The effect of the port or route after the change, in one word: the port's state if that is
    /// not `open`, else the reply or fault of the next request. Absent for changes of neither, and
    /// for a port that no longer exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<String>,
    /// Why `effective` differs from the change, in one sentence: `port 8080 is closed, by a flip of
    /// the port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// The response to every rejected request (4xx).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ErrorAnswer {
    /// The reason, in one sentence.
    pub error: String,
    /// The path of the rejected field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Identifies the process that answers.
    pub instance: String,
    /// Its revision. A rejected change leaves it as it was, except if a port is in use: that port
    /// stays configured, and listening is retried.
    pub revision: u64,
}

/// The request body of `PUT /v1/lease`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LeaseRequest {
    /// The length of the lease from now: `"30s"`.
    #[serde(rename = "for")]
    pub length: String,
}

/// The response to `GET /v1/journal?since=N`: [`Record`]s of a target, [`Sample`]s of a traffic
/// client.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Journal<R> {
    /// Identifies the process that answers.
    pub instance: String,
    /// The number of changes applied so far.
    pub revision: u64,
    /// The number of requested records that the ring buffer has overwritten.
    pub lost: u64,
    /// The next request's `since`.
    pub next: u64,
    /// The remaining records numbered `since` and above, in the order in which the requests ended.
    pub records: Vec<R>,
}

/// One request to a target, written when the target has finished with it. It is also the data of an
/// event on `/v1/journal/stream`, where lost records are an event named `lost` with `{"lost":N}`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Record {
    /// The record's number, consecutive from 0 in one process.
    pub seq: u64,
    /// When the request's headers had been read, or its connection was accepted and met a port
    /// fault.
    pub at: Moment,
    /// Microseconds until the reply was handed to the connection or either side gave up.
    pub took: u64,
    /// The port that received the request.
    pub port: u16,
    /// The path without query, as the text of the [route](RoutePath) that matches only this path;
    /// absent if no request was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The HTTP method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The user agent, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The client's address: `10.244.0.1:41234`.
    pub peer: SocketAddr,
    /// The reply or fault, in one word: `200`, `503`, `hang`, `close`, `reset`, `blackhole`.
    pub reply: String,
    /// Whether the reply comes from a flip rather than the base.
    pub flipped: bool,
    /// The revision in force when the request began.
    pub revision: u64,
    /// Body bytes handed to the connection.
    pub bytes: u64,
    /// Which side ended the exchange before the reply was complete; absent if it was complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Side>,
    /// Microseconds between the starts of the previous request on this port and path and of this
    /// one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<u64>,
}

impl Record {
    /// Whether `route` matches the request. Both are percent-encoded in the same way, so texts with
    /// a common prefix decode to paths with a common prefix.
    pub(crate) fn is_of(&self, route: &RoutePath) -> bool {
        let (text, path) = (route.to_string(), self.path.as_deref().unwrap_or_default());
        match text.strip_suffix('*').filter(|_| route.is_wildcard()) {
            Some(prefix) => path.starts_with(prefix),
            None => path == text,
        }
    }
}

/// A path, method or user agent as a [`Record`] has it: truncated, so that a few long requests do
/// not fill the journal's memory. An escape may be cut in two.
pub fn recorded_text(text: &str) -> &str {
    const LONGEST: usize = 256;
    &text[..text.floor_char_boundary(LONGEST)]
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The client.
    Client,
    /// The target.
    Target,
}

/// One request of a traffic client, written when its outcome is known.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Sample {
    /// The sample's number, consecutive from 0 in one process, in the order of the outcomes.
    pub seq: u64,
    /// When the request was due by the schedule: a delay of the client counts as response time.
    pub sent: Moment,
    /// The outcome of the request.
    pub outcome: RequestOutcome,
    /// The response's status, if one was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Microseconds from `sent` to the outcome.
    pub took: u64,
}

/// The outcome of a traffic client's request, in one word.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestOutcome {
    /// A complete response with a status 200–399.
    Ok,
    /// A complete response with another status.
    Status,
    /// The connection was refused.
    Refused,
    /// The connection was reset.
    Reset,
    /// No complete response before the timeout.
    Timeout,
    /// Any other failure: an incomplete response, not HTTP, no route to the host.
    Error,
}

impl RequestOutcome {
    /// All outcomes.
    pub const ALL: [Self; 6] = [
        Self::Ok,
        Self::Status,
        Self::Refused,
        Self::Reset,
        Self::Timeout,
        Self::Error,
    ];

    /// The outcome's name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Status => "status",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Timeout => "timeout",
            Self::Error => "error",
        }
    }
}
