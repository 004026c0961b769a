//! The probe-target binary: runs `probe_target::run` on one thread with sockets, files and signals.

mod os_process;
mod sockets;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::task::Poll;

use probe_target::{Ending, Files, Process, Terminate};
use tokio::signal::unix::{SignalKind, signal};

use os_process::OsProcess;
use sockets::Sockets;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    #[cfg(without_backtraces)]
    os_process::print_panics();
    os_process::raise_file_limit();
    let ending = probe_target::run(process()).await;
    if let Ending::Signal(signal) = ending {
        os_process::end_by_signal(signal);
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
        main: os_process::is_main(),
        instance: instance(),
        terminate: terminate(),
        files: Arc::new(Disk),
        effects: Box::<OsProcess>::default(),
        output: Box::new(io::stdout()),
        errors: Box::new(io::stderr()),
    }
}

fn environment() -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    // `collect` would sort first, with 40 KB of code that nothing else needs.
    environment.extend(std::env::vars_os().map(|(name, value)| (text(&name), text(&value))));
    environment
}

fn text(text: &OsStr) -> String {
    text.to_string_lossy().into_owned()
}

/// The operating system's file system.
struct Disk;

impl Files for Disk {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn replace(&self, path: &str, contents: &[u8]) -> io::Result<()> {
        // Written beside it, as renaming is atomic only within a file system. There is no `fsync`,
        // as the file need not survive a crash of the node.
        let new = format!("{path}.new");
        std::fs::write(&new, contents)?;
        std::fs::rename(new, path)
    }
}

/// A unique name: the operating system supplies the random keys of the standard library's hasher.
fn instance() -> String {
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// SIGTERM from a kubelet, or Ctrl-C at a terminal.
fn terminate() -> Terminate {
    let (Ok(mut term), Ok(mut int)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        return Box::new(|_| Poll::Pending);
    };
    Box::new(move |task| {
        let received = term.poll_recv(task).is_ready() || int.poll_recv(task).is_ready();
        if received {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
}
