//! What outlives a process: its termination message and the end of its log. The node keeps both.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where a process writes what outlives it. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Remains(Arc<Mutex<Left>>);

#[derive(Debug, Default)]
struct Left {
    message: String,
    log: Vec<u8>,
}

/// Number of bytes kept of the log.
///
/// Rule: `pkg/kubelet/container/runtime.go`, `MaxContainerTerminationMessageLogLength`.
const LOG: usize = 2048;

impl Remains {
    /// Overwrites the file `/dev/termination-log`.
    pub fn conclude(&self, message: &str) {
        message.clone_into(&mut self.left().message);
    }

    /// Appends to the container's log: stdout and stderr in the order written.
    pub fn log(&self, said: &[u8]) {
        let log = &mut self.left().log;
        log.extend_from_slice(said);
        let old = log.len().saturating_sub(LOG);
        log.drain(..old);
    }

    /// The content of the termination log file.
    pub(crate) fn message(&self) -> String {
        self.left().message.clone()
    }

    /// The end of the log.
    pub(crate) fn end_of_log(&self) -> String {
        String::from_utf8_lossy(&self.left().log).into_owned()
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
