//! The memory of a process: what it takes against what its container may have. None is really taken.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

/// What a small program takes by itself, in bytes: seen of `probe-target` on a node, whose kernel kills it in 32 MiB when it holds 31 more,
/// and lets it be at 30.
const OWN: u64 = 3 << 19;

/// The memory of one process. Its clones are the same.
#[derive(Clone)]
pub struct Memory {
    taken: Arc<watch::Sender<u64>>,
    limit: Option<u64>,
}

impl Memory {
    /// A process that may take all there is.
    pub fn unlimited() -> Self {
        Self::new(None)
    }

    /// A process in a container with this limit, in bytes.
    pub(crate) fn new(limit: Option<u64>) -> Self {
        Self {
            taken: Arc::new(watch::Sender::new(0)),
            limit,
        }
    }

    /// Takes so many more bytes. If they are too many, the process is killed as soon as it waits for anything.
    pub fn take(&self, bytes: u64) {
        self.taken
            .send_modify(|taken| *taken = taken.saturating_add(bytes));
    }

    /// Gives back all that was taken.
    pub fn free(&self) {
        self.taken.send_replace(0);
    }

    /// Waits until it is too much.
    pub(crate) async fn exceeded(&self) {
        let Some(limit) = self.limit else {
            return std::future::pending().await;
        };
        let mut taken = self.taken.subscribe();
        let exceeded = taken.wait_for(|taken| limit < taken.saturating_add(OWN));
        // The sender lives as long as this.
        drop(exceeded.await);
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Memory")
            .field("taken", &*self.taken.borrow())
            .field("limit", &self.limit)
            .finish()
    }
}
