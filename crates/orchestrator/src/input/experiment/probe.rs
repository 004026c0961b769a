//! The purpose of a container's probe: liveness, readiness or startup.

use std::fmt;
use std::str::FromStr;

/// Which of a container's probes.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Probe {
    /// `livenessProbe`: failing restarts the container.
    Liveness,
    /// `readinessProbe`: failing takes the Pod out of its Services.
    Readiness,
    /// `startupProbe`: until it succeeds, the others wait.
    Startup,
}

impl Probe {
    /// The word in experiments and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Liveness => "liveness",
            Self::Readiness => "readiness",
            Self::Startup => "startup",
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The text is not the name of a probe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown probe `{0}`; expected `liveness`, `readiness` or `startup`")]
pub struct InvalidProbe(String);

impl FromStr for Probe {
    type Err = InvalidProbe;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "liveness" => Ok(Self::Liveness),
            "readiness" => Ok(Self::Readiness),
            "startup" => Ok(Self::Startup),
            other => Err(InvalidProbe(other.into())),
        }
    }
}
