//! Where errors go: to stderr and, from a container's main process, to the file that Kubernetes shows as its
//! termination message.

use std::fs::{File, OpenOptions};
use std::io::{self, Stderr, Write};
use std::process;

// kubernetes.io/docs › Determine the Reason for Pod Failure: `terminationMessagePath`, whose default this is.
const TERMINATION_LOG: &str = "/dev/termination-log";

/// Writes to both.
pub(crate) struct Errors {
    stderr: Stderr,
    termination_log: Option<File>,
}

impl Errors {
    /// The kubelet makes the file. Whoever is only executed in the container is not the one that terminates.
    pub(crate) fn open() -> Self {
        let open = || OpenOptions::new().append(true).open(TERMINATION_LOG).ok();
        let main = process::id() == 1;
        Self {
            stderr: io::stderr(),
            termination_log: main.then(open).flatten(),
        }
    }
}

/// Tells of a panic what it says itself. What a backtrace needs is not in the tiny binary (`tiny.ld`), so none may begin.
#[cfg(without_backtraces)]
pub(crate) fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        _ = writeln!(Errors::open(), "{panic}");
    }));
}

impl Write for Errors {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(log) = &mut self.termination_log {
            _ = log.write_all(bytes);
        }
        self.stderr.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stderr.flush()
    }
}
