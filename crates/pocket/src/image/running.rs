//! The containers that run, for those that start further processes in them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use tokio::sync::watch;

use super::streams::Streams;

/// Starts a process in a container. The future is its exit code; the process goes on if it is
/// dropped. The error says why no process was started.
pub(crate) type StartProcess =
    dyn Fn(Vec<String>, Streams) -> Result<BoxFuture<'static, i32>, String> + Send + Sync;

/// The running containers of the node. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Running(Arc<Mutex<BTreeMap<(String, String), Container>>>);

struct Container {
    /// Becomes `true` at the container's end.
    ended: watch::Receiver<bool>,
    start: Arc<StartProcess>,
}

impl Running {
    /// What starts processes in a container of the Pod with this UID, if it runs.
    pub(crate) fn find(&self, pod: &str, container: &str) -> Option<Arc<StartProcess>> {
        let key = (pod.to_owned(), container.to_owned());
        let all = self.all();
        let found = all.get(&key).filter(|it| !*it.ended.borrow())?;
        Some(Arc::clone(&found.start))
    }

    /// Adds a container that has started, in place of its earlier instances.
    pub(crate) fn add(
        &self,
        pod: &str,
        container: &str,
        ended: watch::Receiver<bool>,
        start: Arc<StartProcess>,
    ) {
        let key = (pod.to_owned(), container.to_owned());
        self.all().insert(key, Container { ended, start });
    }

    /// Forgets the containers of a Pod.
    pub(crate) fn remove(&self, pod: &str) {
        self.all().retain(|(uid, _), _| uid != pod);
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<(String, String), Container>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
