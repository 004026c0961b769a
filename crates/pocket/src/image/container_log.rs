//! The termination message and the end of the log of a process, which the node keeps after its end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Takes what a process writes and keeps it after its end. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct ContainerLog(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    message: String,
    log: Vec<u8>,
}

/// Number of bytes kept of the log.
///
/// Rule: `pkg/kubelet/container/runtime.go`, `MaxContainerTerminationMessageLogLength`.
const LOG_LIMIT: usize = 2048;

impl ContainerLog {
    /// Overwrites the file `/dev/termination-log`.
    pub fn set_termination_message(&self, message: &str) {
        message.clone_into(&mut self.kept().message);
    }

    /// Appends to the container's log: stdout and stderr in the order written.
    pub fn append(&self, bytes: &[u8]) {
        let log = &mut self.kept().log;
        log.extend_from_slice(bytes);
        let old = log.len().saturating_sub(LOG_LIMIT);
        log.drain(..old);
    }

    /// The content of the termination log file.
    pub(crate) fn message(&self) -> String {
        self.kept().message.clone()
    }

    /// The end of the log.
    pub(crate) fn end_of_log(&self) -> String {
        String::from_utf8_lossy(&self.kept().log).into_owned()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
