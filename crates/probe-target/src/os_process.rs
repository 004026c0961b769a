//! Effects on this process: termination message, memory, file limit, death by signal.

use std::io;
#[cfg(without_backtraces)]
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use probe_target::Effects;
use probe_target::model::process_fault::Signal;
use rustix::process::{Resource, getrlimit, setrlimit};

// kubernetes.io/docs › Determine the Reason for Pod Failure: the default of
// `terminationMessagePath`. The kubelet creates the file.
const TERMINATION_LOG: &str = "/dev/termination-log";

/// The effects on the real process.
#[derive(Default)]
pub(crate) struct OsProcess {
    taken: Mutex<Vec<Vec<u8>>>,
}

/// Above 32 MiB, the C library maps memory for each vector separately, and unmaps it when the
/// vector is dropped.
const CHUNK: usize = 64 << 20;

impl Effects for OsProcess {
    fn write_termination_message(&self, message: &str) -> io::Result<()> {
        std::fs::write(TERMINATION_LOG, message)
    }

    fn take_memory(&self, bytes: usize) -> io::Result<()> {
        let mut taken = self.taken();
        let free = |chunk: &Vec<u8>| chunk.capacity() - chunk.len();
        if taken.last().is_none_or(|chunk| free(chunk) < bytes) {
            let mut chunk = Vec::new();
            chunk.try_reserve_exact(CHUNK.max(bytes))?;
            taken.push(chunk);
        }
        let chunk = taken.last_mut().expect("there must be a chunk");
        // Written, as untouched pages are not charged to the container; not with zeros, which may
        // be left to the kernel.
        chunk.resize(chunk.len() + bytes, 1);
        Ok(())
    }

    fn free_memory(&self) {
        self.taken().clear();
    }
}

impl OsProcess {
    fn taken(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Raises the soft limit of open files to the hard limit. Some container runtimes set a low soft
/// limit.
pub(crate) fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // A failure is ignored: the current limit is enough to run.
    _ = setrlimit(Resource::Nofile, limit);
}

/// Whether this is the container's main process. Processes started by `exec` must not write the
/// termination message.
pub(crate) fn is_main() -> bool {
    std::process::id() == 1
}

/// Ends the process by a signal, if the kernel allows it. The kernel does not deliver unhandled
/// signals, not even SIGKILL, from inside a container to its PID 1. If this function returns, the
/// caller exits with 128 plus the signal's number, which a kubelet reports alike.
pub(crate) fn end_by_signal(signal: Signal) {
    let Some(signal) = rustix::process::Signal::from_named_raw(signal.number().into()) else {
        return;
    };
    // The standard library's handlers of SIGSEGV and SIGBUS only reset themselves at the first
    // signal, as a real fault happens again at once.
    for _ in 0..2 {
        // If it cannot be sent, the caller exits with a code.
        _ = rustix::process::kill_process(rustix::process::getpid(), signal);
    }
}

/// Prints a panic's message without a backtrace, as the tiny binary (`tiny.ld`) lacks the data for
/// one.
#[cfg(without_backtraces)]
pub(crate) fn print_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.to_string();
        _ = writeln!(io::stderr(), "{message}");
        if is_main() {
            _ = std::fs::write(TERMINATION_LOG, message);
        }
    }));
}

#[cfg(test)]
mod tests {
    use rustix::process::Rlimit;

    use super::*;

    #[test]
    fn the_limit_of_open_files_is_raised_to_the_hard_limit() {
        let initial = getrlimit(Resource::Nofile);
        let few = Rlimit {
            current: Some(256),
            ..initial
        };
        setrlimit(Resource::Nofile, few).unwrap();
        raise_file_limit();
        assert_eq!(getrlimit(Resource::Nofile).current, initial.maximum);
    }
}
