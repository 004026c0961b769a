//! Identity of a target on the timeline: Pod, container and process instance.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One process behind one container: its records cannot be taken for those of the process that
/// follows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Name of the Pod.
    pub pod: String,
    /// UID of the Pod.
    pub uid: String,
    /// Name of the container.
    pub container: String,
    /// The process, as it names itself.
    pub instance: String,
}

/// `web-abc/b`
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pod, self.container)
    }
}
