//! The outcome of a traffic client's request, one word in experiments and timelines.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The outcome of a request, as its client saw it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
// The name of this type in the experiments' JSON Schema.
#[schemars(rename = "Outcome")]
pub enum RequestOutcome {
    /// A status from 200 to 399.
    Ok,
    /// Another status.
    Status,
    /// The connection was refused.
    Refused,
    /// The connection was reset.
    Reset,
    /// No answer in time.
    Timeout,
    /// Anything else.
    Error,
}

impl RequestOutcome {
    /// The word in experiments and timelines.
    pub fn word(self) -> &'static str {
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

impl fmt::Display for RequestOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
