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
pub(crate) struct Own {
    taken: Mutex<Vec<Vec<u8>>>,
}

/// Above 32 MiB, the C library maps memory for each vector separately, and unmaps it when the
/// vector is dropped.
const CHUNK: usize = 64 << 20;

impl Effects for Own {
    fn conclude(&self, message: &str) -> io::Result<()> {
        std::fs::write(TERMINATION_LOG, message)
    }

    fn take_memory(&self, bytes: usize) -> io::Result<()> {
        let mut taken = self.taken();
        let room = |chunk: &Vec<u8>| chunk.capacity() - chunk.len();
        if taken.last().is_none_or(|chunk| room(chunk) < bytes) {
            let mut chunk = Vec::new();
            chunk.try_reserve_exact(CHUNK.max(bytes))?;
            taken.push(chunk);
        }
        let chunk = taken.last_mut().expect("there must be a chunk");
        // Not zero, as zeroed pages may not be touched.
        chunk.resize(chunk.len() + bytes, 1);
        Ok(())
    }

    fn free_memory(&self) {
        self.taken().clear();
    }
}

impl Own {
    fn taken(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Raises the soft limit of open files to the hard limit. Some container runtimes set a low soft
/// limit.
pub(crate) fn ask_for_files() {
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
pub(crate) fn die(signal: Signal) {
    let Some(signal) = rustix::process::Signal::from_named_raw(signal.number().into()) else {
        return;
    };
    // The standard library's handlers of SIGSEGV and SIGBUS reset themselves at the first signal.
    for _ in 0..2 {
        // If it cannot be sent, the caller exits with a code.
        _ = rustix::process::kill_process(rustix::process::getpid(), signal);
    }
}

/// Prints a panic's message without a backtrace, as the tiny binary (`tiny.ld`) lacks the data for
/// one.
#[cfg(without_backtraces)]
pub(crate) fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let said = panic.to_string();
        _ = writeln!(io::stderr(), "{said}");
        if is_main() {
            _ = std::fs::write(TERMINATION_LOG, said);
        }
    }));
}

#[cfg(test)]
mod tests {
    use rustix::process::Rlimit;

    use super::*;

    #[test]
    fn as_many_files_are_asked_for_as_there_may_be() {
        let given = getrlimit(Resource::Nofile);
        let few = Rlimit {
            current: Some(256),
            ..given
        };
        setrlimit(Resource::Nofile, few).unwrap();
        ask_for_files();
        assert_eq!(getrlimit(Resource::Nofile).current, given.maximum);
    }
}
