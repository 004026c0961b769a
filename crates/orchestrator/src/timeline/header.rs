//! The header of a timeline: experiment, cluster, run, versions and start time.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the file format that this program writes, and the only one it reads.
pub const FORMAT: u32 = 1;

/// What a timeline was recorded from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Header {
    /// [`FORMAT`] when it was written.
    pub timeline: u32,
    /// Name of the experiment.
    pub experiment: String,
    /// Which cluster it ran on.
    pub place: Place,
    /// The API server's version, such as `v1.36.3`.
    pub kubernetes: String,
    /// Version of this program.
    pub probeflip: String,
    /// ID of the run, as in the label `probeflip.dev/run`.
    pub run: String,
    /// Where the workload was applied.
    pub namespace: String,
    /// What random choices were drawn from, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Wall-clock time of the timeline's start, RFC 3339; a fixed time on `virtual`.
    pub started: String,
}

/// Where an experiment ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// The embedded cluster in real time.
    Pocket,
    /// The embedded cluster in virtual time.
    Virtual,
    /// A cluster by its kubeconfig context.
    Cluster(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pocket => f.write_str("pocket"),
            Self::Virtual => f.write_str("virtual"),
            Self::Cluster(context) => f.write_str(context),
        }
    }
}
