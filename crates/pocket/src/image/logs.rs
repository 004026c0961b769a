//! The logs that the node keeps, by the ID of their container.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ContainerLog;

/// The logs of the node's containers. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Logs(Arc<Mutex<BTreeMap<String, ContainerLog>>>);

impl Logs {
    /// The log of a container, as its Pod's status names it.
    pub(crate) fn find(&self, container_id: &str) -> Option<ContainerLog> {
        self.all().get(container_id).cloned()
    }

    pub(crate) fn add(&self, container_id: String, log: ContainerLog) {
        self.all().insert(container_id, log);
    }

    pub(crate) fn remove(&self, container_id: &str) {
        self.all().remove(container_id);
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.all().len()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, ContainerLog>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
