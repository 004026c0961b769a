//! The ID that a container runtime gives to one instance of a container.

use std::fmt;
use std::sync::Arc;

/// The ID of an instance, such as `containerd://4f…`. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId(Arc<str>);

impl ContainerId {
    /// An ID from its text.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
