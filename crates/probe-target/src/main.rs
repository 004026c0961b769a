//! The program: sockets, the environment and signals for `probe_target::run`, on one thread. Nothing is decided here.

mod errors;
mod sockets;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use probe_target::process_fault::Signal;
use probe_target::{Effects, Ending, Files, Process, Terminate};
use tokio::signal::unix::{SignalKind, signal};

use errors::Errors;
use sockets::Sockets;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    #[cfg(without_backtraces)]
    errors::tell_panics();
    let ending = probe_target::run(process()).await;
    if let Ending::Signal(signal) = ending {
        die(signal);
    }
    ExitCode::from(ending.code())
}

fn process() -> Process<Sockets> {
    Process {
        arguments: std::env::args_os()
            .skip(1)
            .map(|argument| text(&argument))
            .collect(),
        environment: environment(),
        network: Sockets,
        instance: instance(),
        terminate: terminate(),
        files: Arc::new(Disk),
        effects: Box::<Own>::default(),
        output: Box::new(io::stdout()),
        errors: Box::new(Errors::open()),
    }
}

fn environment() -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    // Collected, they would be sorted first, with 40 KB of code that nothing else needs.
    environment.extend(std::env::vars_os().map(|(name, value)| (text(&name), text(&value))));
    environment
}

fn text(text: &OsStr) -> String {
    text.to_string_lossy().into_owned()
}

/// The files of the system.
struct Disk;

impl Files for Disk {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn replace(&self, path: &str, contents: &[u8]) -> io::Result<()> {
        // Beside it, as a file is renamed at once only within its file system. Outliving the node is not asked for, so nothing is synced.
        let new = format!("{path}.new");
        std::fs::write(&new, contents)?;
        std::fs::rename(new, path)
    }
}

/// This process, which is no other's.
#[derive(Default)]
struct Own {
    taken: Mutex<Vec<Vec<u8>>>,
}

/// Above 32 MiB the C library takes memory from the system for each vector alone, and gives it back at once when that is dropped.
const CHUNK: usize = 64 << 20;

impl Effects for Own {
    fn conclude(&self, message: &str) -> io::Result<()> {
        std::fs::write("/dev/termination-log", message)
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

/// A name that no other process has: the keys of the standard library's hasher are drawn from the operating system.
fn instance() -> String {
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// SIGTERM of a kubelet, or Ctrl-C at a terminal.
fn terminate() -> Terminate {
    let (Ok(mut term), Ok(mut int)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        return Box::new(|_| Poll::Pending);
    };
    Box::new(move |context| {
        let come = term.poll_recv(context).is_ready() || int.poll_recv(context).is_ready();
        if come { Poll::Ready(()) } else { Poll::Pending }
    })
}

/// Dies of a signal, where the system lets it. To the first process of a container the kernel delivers none from inside that it does not
/// handle, not even SIGKILL. Whoever returns from here has the exit code left by which a runtime tells of the signal: the same to a kubelet.
fn die(signal: Signal) {
    let Some(signal) = rustix::process::Signal::from_named_raw(signal.number().into()) else {
        return;
    };
    // The standard library's own handlers, of SIGSEGV and SIGBUS, give way after the first.
    for _ in 0..2 {
        // Nothing is lost if it cannot be sent.
        _ = rustix::process::kill_process(rustix::process::getpid(), signal);
    }
}
