//! Simulates a process's memory use against its container's limit, without allocating memory.

use std::sync::Arc;

use tokio::sync::watch;

/// The memory in bytes that a small program uses by itself. Measured with `probe-target` on a node:
/// in a limit of 32 MiB the kernel kills it when it holds 31 MiB more, and not at 30.
const OWN: u64 = 3 << 19;

/// The memory of one process. Clones share it.
#[derive(Clone, Debug)]
pub struct Memory {
    taken: Arc<watch::Sender<u64>>,
    limit: Option<u64>,
}

impl Memory {
    /// Memory without a limit.
    pub fn unlimited() -> Self {
        Self::new(None)
    }

    /// Memory with the container's limit in bytes, if any.
    pub(crate) fn new(limit: Option<u64>) -> Self {
        Self {
            taken: Arc::new(watch::Sender::new(0)),
            limit,
        }
    }

    /// Takes `bytes` more. If the limit is exceeded, the process is killed at its next await.
    pub fn take(&self, bytes: u64) {
        self.taken
            .send_modify(|taken| *taken = taken.saturating_add(bytes));
    }

    /// Frees everything that was taken.
    pub fn free(&self) {
        self.taken.send_replace(0);
    }

    /// Waits until the limit is exceeded; forever without one.
    pub(crate) async fn exceeded(&self) {
        let Some(limit) = self.limit else {
            return std::future::pending().await;
        };
        let mut taken = self.taken.subscribe();
        let exceeded = taken.wait_for(|taken| limit < taken.saturating_add(OWN));
        // `self` owns the sender, so the wait cannot fail.
        drop(exceeded.await);
    }
}
