//! The program: sockets, the environment and SIGTERM for `probe_target::run`, on one thread. Nothing is decided here.

mod errors;
mod sockets;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use probe_target::{Effects, Files, Process};
use tokio::signal::unix::{SignalKind, signal};

use errors::Errors;
use sockets::Sockets;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    #[cfg(without_backtraces)]
    errors::tell_panics();
    ExitCode::from(probe_target::run(process()).await)
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
        terminate: Box::pin(terminated()),
        files: Arc::new(Disk),
        effects: Some(Box::<Own>::default()),
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

impl Effects for Own {
    fn conclude(&self, message: &str) -> io::Result<()> {
        std::fs::write("/dev/termination-log", message)
    }

    fn take_memory(&self, bytes: usize) {
        // Not zero, as zero pages are not touched.
        let taken = vec![1; bytes];
        self.taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(taken);
    }
}

/// A name that no other process has: the keys of the standard library's hasher are drawn from the operating system.
fn instance() -> String {
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// SIGTERM of a kubelet, or Ctrl-C at a terminal.
async fn terminated() {
    let (Ok(mut term), Ok(mut int)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        biased;
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}
