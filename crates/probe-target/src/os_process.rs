//! What this process does to itself: leaves its last words, takes memory and files, dies.

use std::io;
#[cfg(without_backtraces)]
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use probe_target::Effects;
use probe_target::model::process_fault::Signal;
use rustix::process::{Resource, getrlimit, setrlimit};

// kubernetes.io/docs › Determine the Reason for Pod Failure: `terminationMessagePath`, whose default this is. The kubelet makes the file.
const TERMINATION_LOG: &str = "/dev/termination-log";

/// This process, which is no other's.
#[derive(Default)]
pub(crate) struct Own {
    taken: Mutex<Vec<Vec<u8>>>,
}

/// Above 32 MiB the C library takes memory from the system for each vector alone, and gives it back at once when that is dropped.
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
        // Not zero, as zero pages are not touched.
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

/// Has as many files and connections open as the system lets it, where a runtime gives few at first and more to those that ask.
pub(crate) fn ask_for_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // It gets along with what it has.
    _ = setrlimit(Resource::Nofile, limit);
}

/// Whether this is what the container was started for. Whoever is only executed in it is not the one that terminates.
pub(crate) fn is_main() -> bool {
    std::process::id() == 1
}

/// Dies of a signal, where the system lets it. To the first process of a container the kernel delivers none from inside that it does not
/// handle, not even SIGKILL. Whoever returns from here has the exit code left by which a runtime tells of the signal: the same to a kubelet.
pub(crate) fn die(signal: Signal) {
    let Some(signal) = rustix::process::Signal::from_named_raw(signal.number().into()) else {
        return;
    };
    // The standard library's own handlers, of SIGSEGV and SIGBUS, give way after the first.
    for _ in 0..2 {
        // Nothing is lost if it cannot be sent.
        _ = rustix::process::kill_process(rustix::process::getpid(), signal);
    }
}

/// Tells of a panic what it says itself. What a backtrace needs is not in the tiny binary (`tiny.ld`), so none may begin.
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
