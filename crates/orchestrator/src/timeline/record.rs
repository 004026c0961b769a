//! What a timeline is made of. Each record is one line of the file, tagged by `record`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Micros, RequestOutcome, Target};

/// Something that was received.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When it was received.
    pub at: Micros,
    /// What it was.
    #[serde(flatten)]
    pub what: What,
}

/// What was received.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "record",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum What {
    /// The workload and the traffic clients are applied: the wait for the steady state begins.
    Applied,
    /// These Pods are what `subject` means from now on. Precedes `Steady`.
    Bound {
        /// As the experiment names it: `deploy/web`.
        subject: String,
        /// Its Pods, by name.
        pods: Vec<BoundPod>,
    },
    /// The steady state is reached and has held.
    Steady,
    /// A step begins; `delta` and `unchanged` compare with what was known before this record.
    StepStart {
        /// From 0.
        step: usize,
        /// Its name.
        name: String,
    },
    /// An action of the step is about to be sent; the first one starts the lower bounds.
    Sending {
        /// From 0.
        step: usize,
    },
    /// An action of the step is acknowledged; the last one is time 0.
    Acknowledged {
        /// From 0.
        step: usize,
        /// The object that the action patched, where it is a patch.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        patched: Option<Patched>,
    },
    /// The step is decided.
    StepEnd {
        /// From 0.
        step: usize,
    },
    /// A target told its state; received at the record's time.
    State(StateCall),
    /// A watch event.
    Watch {
        /// What happened to the object.
        change: Change,
        /// The object after it, or its last state if deleted; without `managedFields`.
        object: Value,
    },
    /// A watch broke: until it works again, changes of these objects may be missed.
    Down(Gap),
    /// It works again, and changes of these objects were missed.
    Gap(Gap),
    /// It works again, and nothing had changed.
    Unbroken {
        /// Which objects.
        kind: String,
    },
    /// A target took a flip; acknowledged at the record's time.
    Flip(FlipRecord),
    /// A target healed: all its flips are gone.
    Healed {
        /// Which one.
        target: Target,
    },
    /// A request that a target answered.
    Hit(Hit),
    /// A request that a traffic client sent.
    Traffic(Sample),
    /// A target's journal was read, also when it had nothing new.
    Journal(JournalRead),
    /// Everything is about to be undone: what happens from now on, no claim is about.
    Reverting,
    /// Nothing is recorded after this.
    End,
}

impl What {
    /// A watch event, without what only the API server needs.
    pub fn watched(change: Change, mut object: Value) -> Self {
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        Self::Watch { change, object }
    }
}

/// An object as the API's answer to a patch shows it.
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

/// One Pod a subject was bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundPod {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
}

/// What a watch event says of its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is there: created, or met when the watch began.
    Added,
    /// It changed.
    Modified,
    /// It is gone.
    Deleted,
}

/// One call of `state`; the record's time is the receiving.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateCall {
    /// Who answered.
    pub target: Target,
    /// When the call was sent.
    pub sent: Micros,
    /// Time since the target's process started, as it said.
    pub uptime: Micros,
}

/// A time in which a watch was down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Which objects: `Pod`, `EndpointSlice`, ….
    pub kind: String,
    /// The last time at which the watch was known to work; a gap that is over lasts until the record's time.
    pub since: Micros,
}

/// A flip that a target took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FlipRecord {
    /// Who took it.
    pub target: Target,
    /// Which probe, or `process`.
    pub probe: String,
    /// The port it acts on; without one, the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The path or gRPC service it acts on; without one, the whole port or process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The behaviour, as one word.
    pub to: String,
    /// When it was sent.
    pub sent: Micros,
    /// From when on it is in force, on the target's clock; older recordings do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Micros>,
    /// Whether it ends with the orchestrator's lease.
    pub leased: bool,
    /// Its delay: it is in force so long after `since`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Micros>,
    /// Its bound in time.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Micros>,
    /// Its bound in requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

/// One request that a target answered, from its journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hit {
    /// Who answered.
    pub target: Target,
    /// When the request began, on the target's clock.
    pub began: Micros,
    /// On which port.
    pub port: u16,
    /// For which path.
    pub path: String,
    /// Who asked, as it named itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// What it was given: a status, or a fault's name.
    pub reply: String,
}

/// One request that a traffic client sent, from its journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// Name of the client.
    pub client: String,
    /// Its process.
    pub instance: String,
    /// When it was sent, on the client's clock.
    pub sent: Micros,
    /// How long it took until its outcome was known.
    pub took: Micros,
    /// What it came to.
    pub outcome: RequestOutcome,
    /// The status, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

impl Sample {
    /// When its outcome was known, on the client's clock.
    pub fn ended(&self) -> Micros {
        self.sent + Duration::from(self.took)
    }
}

/// How far a target's journal is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JournalRead {
    /// Whose journal.
    pub target: Target,
    /// Everything that ended before this time, on the target's clock, has been recorded.
    pub through: Micros,
    /// How many of its records were lost since the last reading.
    pub lost: u64,
}
