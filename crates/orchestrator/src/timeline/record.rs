//! The records of a timeline. Each is one line of the file, tagged by `record`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::micros::Micros;
use super::object::{SharedTexts, WatchedObject};
use super::target::Target;
use crate::input::experiment::RequestOutcome;

/// One record of a timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When it was received.
    pub at: Micros,
    /// The content.
    #[serde(flatten)]
    pub what: What,
}

impl Record {
    /// The object of a watch event, unless it was deleted.
    pub(crate) fn existing(&self) -> Option<&WatchedObject> {
        match &self.what {
            What::Watch { change, object } if *change != Change::Deleted => Some(object),
            _ => None,
        }
    }
}

/// The content of a record, by kind. The largest are boxed: a long run keeps a hundred thousand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "record",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum What {
    /// The workload and the traffic clients have been applied; the wait for the steady state
    /// begins.
    Applied,
    /// From now on, `subject` refers to these Pods. Precedes `Steady`.
    Bound {
        /// As the experiment names it: `deploy/web`.
        subject: String,
        /// Its Pods, by name.
        pods: Vec<BoundPod>,
    },
    /// The steady state has been reached and has held for the required time.
    Steady,
    /// The flips of the next step wait, so that repeated runs spread their phase. Precedes
    /// `StepStart`.
    Phase {
        /// Index of the step, from 0.
        step: usize,
        /// The longest period of the flipped probes.
        period: Micros,
        /// The wait: less than the period.
        delay: Micros,
    },
    /// A step begins; `delta` and `unchanged` compare with the state before this record.
    StepStart {
        /// Index of the step, from 0.
        step: usize,
        /// Its name.
        name: String,
        /// The Pods that it flips or deletes, by name.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pods: Vec<BoundPod>,
    },
    /// An action of the step is about to be sent. Lower bounds count from the first of these.
    Sending {
        /// Index of the step, from 0.
        step: usize,
    },
    /// An action of the step was acknowledged. The last of these is the step's time 0.
    Acknowledged {
        /// Index of the step, from 0.
        step: usize,
        /// The patched object, if the action is a patch.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        patched: Option<Patched>,
    },
    /// The step is decided.
    StepEnd {
        /// Index of the step, from 0.
        step: usize,
    },
    /// A target answered a `state` call, at the record's time.
    State(StateCall),
    /// A watch event.
    Watch {
        /// Whether the object was added, modified or deleted.
        change: Change,
        /// The object after it, or its last state if deleted; without `managedFields`.
        object: WatchedObject,
    },
    /// A watch broke. Until it works again, changes of its objects may be missed.
    Down(Gap),
    /// A broken watch works again, and changes of its objects were missed.
    Gap(Gap),
    /// A broken watch works again, and no object had changed.
    Unbroken {
        /// Kind of the watched objects.
        kind: String,
    },
    /// A target acknowledged a flip, at the record's time.
    Flip(Box<FlipRecord>),
    /// A target removed all its flips.
    Healed {
        /// The target.
        target: Target,
    },
    /// A request that a target answered.
    Hit(Box<Hit>),
    /// A request that a traffic client sent.
    Traffic(Sample),
    /// A target's journal was read, with or without new entries.
    Journal(JournalRead),
    /// A signal ends the run, so the timeline is cut off here.
    Interrupted,
    /// The clean-up begins. Expectations ignore everything after this record.
    Reverting,
    /// The last record of the timeline.
    End,
}

impl What {
    /// A watch event, without the object's `managedFields`.
    pub(crate) fn watched(change: Change, object: Value) -> Self {
        let object = WatchedObject::new(object, &mut SharedTexts::default());
        Self::Watch { change, object }
    }
}

/// The identity and generation of an object from the API's response to a patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patched {
    /// Its kind: `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// `metadata.generation` after the patch; some kinds have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
}

/// A Pod that a subject is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundPod {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
}

/// The type of a watch event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// The object was created, or existed when the watch began.
    Added,
    /// The object changed.
    Modified,
    /// The object was deleted.
    Deleted,
}

/// One `state` call. The record's time is when the response was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateCall {
    /// The target that answered.
    pub target: Target,
    /// When the request was sent.
    pub sent: Micros,
    /// Time since the target's process started, from the response.
    pub uptime: Micros,
}

/// A period in which a watch was down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Kind of the watched objects: `Pod`, `EndpointSlice`, ….
    pub kind: String,
    /// The last time at which the watch was known to work. A closed gap ends at the record's time.
    pub since: Micros,
}

/// A flip that a target acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FlipRecord {
    /// The flipped target.
    pub target: Target,
    /// The container whose probe is flipped, if another container's target answers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The flipped probe, or `process`.
    pub probe: String,
    /// The flipped port; none for a flip of the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The flipped path or gRPC service; none for a flip of the whole port or process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The behaviour in shorthand.
    pub to: String,
    /// When the flip was sent.
    pub sent: Micros,
    /// When the flip came into force, on the target's clock; absent in older recordings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Micros>,
    /// Whether it ends with the orchestrator's lease.
    pub leased: bool,
    /// It is given only to requests whose user agent begins so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Its delay, counted from `since`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Micros>,
    /// The duration after which it ends.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Micros>,
    /// The number of requests after which it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

impl FlipRecord {
    /// The value of `probe` in a flip of the process.
    pub(crate) const PROCESS: &str = "process";

    /// The container whose probe or process is flipped.
    pub(crate) fn container(&self) -> &str {
        self.container.as_ref().unwrap_or(&self.target.container)
    }
}

/// One request that a target answered, from its journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hit {
    /// The target that answered.
    pub target: Target,
    /// When the request began, on the target's clock.
    pub began: Micros,
    /// The port.
    pub port: u16,
    /// The path.
    pub path: String,
    /// The client's user agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The reply: a status, or a fault's name.
    pub reply: String,
}

/// One request that a traffic client sent, from its journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// Name of the client.
    pub client: String,
    /// ID of the client's process.
    pub instance: String,
    /// When it was sent, on the client's clock.
    pub sent: Micros,
    /// Time from sending to outcome.
    pub took: Micros,
    /// The outcome.
    pub outcome: RequestOutcome,
    /// The status, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// One reading of a target's journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JournalRead {
    /// The journal's target.
    pub target: Target,
    /// All requests that ended before this time, on the target's clock, have been recorded.
    pub through: Micros,
    /// Number of journal records lost since the last reading.
    pub lost: u64,
}
