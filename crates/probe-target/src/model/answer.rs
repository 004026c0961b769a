//! The JSON shapes of the control API's answers, as the very types that others read them with.
//! What is sent to it are [`Behaviour`], [`PortSpec`], [`ProcessFault`] and [`LeaseRequest`]. Field names are camelCase where they are more than a word.
//!
//! Every time is a [`Moment`]: whole microseconds since the target's process started, as an integer. Every duration is an integer of
//! microseconds too, unless it is an input (`"30s"`). Absent and `null` are the same.

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

/// `GET /v1/state`: everything.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct State {
    /// The process that answers.
    pub instance: String,
    /// How many changes it has taken.
    pub revision: u64,
    /// Now.
    pub uptime: Moment,
    /// Which start of the container this is, from 1; absent without `--state-dir`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<u64>,
    /// The Pod, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// The container, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// When the running lease lapses; absent if none runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Moment>,
    /// What is done to the process, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub process: BTreeMap<String, Layered<ProcessFault>>,
    /// When the SIGTERM that has come is followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draining: Option<Moment>,
    /// The memory that is held; absent if none is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// By number, in both layers; empty at a traffic client.
    #[serde(default)]
    pub ports: BTreeMap<u16, Port>,
    /// How much the journal has recorded.
    #[serde(default)]
    pub journal: Recorded,
    /// At a traffic client only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
}

/// The memory that a target holds because it was told to.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Memory {
    /// Bytes taken and touched so far.
    pub taken: u64,
    /// Why it is not all of it; it is not retried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One port in `state`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Port {
    /// What is spoken there.
    pub protocol: Protocol,
    /// What is in force now.
    pub state: PortState,
    /// Whether the port is being listened on at this moment.
    pub listening: bool,
    /// Why it is not, though it should be; it is retried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Absent for a port opened at runtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<InForce<PortSpec>>,
    /// What is laid over it; `route` says for which route, if for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flip: Option<InForce<PortSpec>>,
    /// The flip of the port itself, where one for a route is laid over that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covered: Option<InForce<PortSpec>>,
    /// The one address that it listens on; absent for all of the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// By the text of their [path](RoutePath), only those about which something is said.
    #[serde(default)]
    pub routes: BTreeMap<String, Route>,
    /// Those of clients.
    #[serde(default)]
    pub connections: Connections,
    /// What was asked, by path as in the journal.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hits: BTreeMap<String, Hits>,
    /// The same of all paths first asked when 256 had been, without a period; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others: Option<Hits>,
    /// The same of connections of which no request is read: of a TCP port, and of the states `reset` and `blackhole`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<Hits>,
}

/// One route in `state`. Where a layer is absent the next below answers; below both, 200.
pub type Route = Layered<Behaviour>;

/// Two layers in `state`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(bound(deserialize = "B: Deserialize<'de>"))]
pub struct Layered<B> {
    /// From the arguments or the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<InForce<B>>,
    /// What is laid over it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flip: Option<InForce<B>>,
}

/// Something in force, with what is left of its bounds. What has ended is not listed.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct InForce<B> {
    /// As it was set.
    pub set: B,
    /// Its acknowledgement; 0 for the base.
    pub since: Moment,
    /// When its `for` ends it, or its window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// Not in force now; when its `after` or `every` opens the next window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens: Option<Moment>,
    /// How many requests its `count` still gives it to in this window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<u64>,
}

/// What a traffic client does, in its `state`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Traffic {
    /// Where it sends.
    pub address: String,
    /// The `Host` header.
    pub host: String,
    /// The path asked for.
    pub path: String,
    /// Microseconds between two requests.
    pub interval: u64,
    /// Whether each request has a connection of its own.
    pub fresh: bool,
    /// Microseconds after which a request is given up.
    pub timeout: u64,
    /// Requests sent so far.
    pub sent: u64,
    /// How many of them came to what; those in progress are in none.
    #[serde(default)]
    pub outcomes: BTreeMap<RequestOutcome, u64>,
}

/// The answer to every change that was taken.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Ack {
    /// The process that took it.
    pub instance: String,
    /// The revision it made.
    pub revision: u64,
    /// From when on it is in force: for every request that begins later.
    pub at: Moment,
    /// What the port or the route does then, in one word: the port's state if that is not `open`, or else what a request is given. Absent
    /// where it is about neither, and for a port that is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<String>,
    /// Why that is not what the change says, in one sentence: `port 8080 is closed, by a flip of the port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// The answer to everything that was refused (4xx).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ErrorAnswer {
    /// Why, in one sentence.
    pub error: String,
    /// The path of the field in question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The process that refused.
    pub instance: String,
    /// Its revision. What is refused leaves it as it was, but for a port in use: that stays wanted, and is tried again.
    pub revision: u64,
}

/// `PUT /v1/lease`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LeaseRequest {
    /// How long from now: `"30s"`.
    #[serde(rename = "for")]
    pub length: String,
}

/// `GET /v1/journal?since=N`, of a target with [`Record`]s and of a traffic client with [`Sample`]s.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Journal<R> {
    /// The process that answers.
    pub instance: String,
    /// How many changes it has taken.
    pub revision: u64,
    /// How many of those asked for the ring has lost.
    pub lost: u64,
    /// What to ask for next time: `since=next`.
    pub next: u64,
    /// Those with a number from `since` on that are still there, in the order in which they ended.
    pub records: Vec<R>,
}

/// One request a target was asked, written when the target is done with it. Also one event's data on `/v1/journal/stream`,
/// where lost ones are an event of the name `lost` with `{"lost":N}`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Record {
    /// Consecutive from 0 in one process.
    pub seq: u64,
    /// When it began: its headers had been read, or its connection was accepted and met a fault of the port.
    pub at: Moment,
    /// Microseconds until the reply was handed over, or whichever side gave up.
    pub took: u64,
    /// The port.
    pub port: u16,
    /// The path without query, as the text of the [route](RoutePath) that matches it alone; absent where no request was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The user agent, where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The other end: `10.244.0.1:41234`.
    pub peer: SocketAddr,
    /// The behaviour given, in one word: `200`, `503`, `hang`, `close`, `reset`, `blackhole`.
    pub reply: String,
    /// Whether a flip gave it, and not the base.
    pub flipped: bool,
    /// The revision in force when it began.
    pub revision: u64,
    /// Bytes of the body handed over.
    pub bytes: u64,
    /// Who ended the exchange before the reply was complete; absent if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Side>,
    /// Microseconds since the request before it on this port and path began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<u64>,
}

impl Record {
    /// Whether it is of a request that a route matches. The text of a path that begins like another's has a text that begins so, too.
    pub(crate) fn is_of(&self, route: &RoutePath) -> bool {
        let (text, path) = (route.to_string(), self.path.as_deref().unwrap_or_default());
        match text.strip_suffix('*').filter(|_| route.is_wildcard()) {
            Some(prefix) => path.starts_with(prefix),
            None => path == text,
        }
    }
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The one who asked.
    Client,
    /// The one who was asked.
    Target,
}

/// One request a traffic client sent, written when its outcome is known.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Sample {
    /// Consecutive from 0 in one process, in the order in which outcomes became known.
    pub seq: u64,
    /// When it was due, which is fixed in advance: lateness of the client counts as waiting.
    pub sent: Moment,
    /// What came of it.
    pub outcome: RequestOutcome,
    /// The status, where one was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Microseconds from `sent` to the outcome.
    pub took: u64,
}

/// What came of a request, in one word.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestOutcome {
    /// A whole reply with a status 200–399.
    Ok,
    /// A whole reply with another status.
    Status,
    /// Nobody listens.
    Refused,
    /// The connection was reset.
    Reset,
    /// Nothing, or not all of it, in time.
    Timeout,
    /// Anything else: closed before a whole reply, not HTTP, no route to the host.
    Error,
}

impl RequestOutcome {
    /// Each of them.
    pub const ALL: [Self; 6] = [
        Self::Ok,
        Self::Status,
        Self::Refused,
        Self::Reset,
        Self::Timeout,
        Self::Error,
    ];

    /// Its name everywhere.
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
