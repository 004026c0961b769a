//! The inputs and effects of one invocation, as its caller provides them.
//! The crate itself reads no clock but Tokio's and opens no file. Except for TLS keys, it draws no
//! random numbers.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::model::process_fault::Signal;

/// The inputs and effects of one invocation. `main.rs` connects them to the operating system, an
/// embedded cluster to a Pod.
pub struct Process<N> {
    /// The arguments, without the program's name.
    pub arguments: Vec<String>,
    /// The environment: `HOSTNAME`, `PROBE_TARGET_PORTS`, …
    pub environment: BTreeMap<String, String>,
    /// The network on which it listens and connects.
    pub network: N,
    /// Whether it is the container's main process, whose termination message a kubelet shows.
    pub main: bool,
    /// A unique name of this process, generated at its start.
    pub instance: String,
    /// Becomes ready at each SIGTERM.
    pub terminate: Terminate,
    /// The file system: `--plan`, `--token-file`, `--state-dir`, `/proc/1/cmdline`.
    pub files: Arc<dyn Files>,
    /// The effects on the process itself.
    pub effects: Box<dyn Effects>,
    /// Output: stdout.
    pub output: Box<dyn Write + Send>,
    /// Messages: stderr.
    pub errors: Box<dyn Write + Send>,
}

/// The file system as the process uses it.
pub trait Files: Send + Sync {
    /// The contents of a file.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;

    /// Replaces a file atomically: a concurrent reader, or one after a crash, finds the old or the
    /// new contents, never a part.
    fn replace(&self, path: &str, contents: &[u8]) -> io::Result<()>;
}

/// Polled for SIGTERM; becomes ready once per signal.
pub type Terminate = Box<dyn FnMut(&mut Context<'_>) -> Poll<()> + Send>;

/// A single SIGTERM, when `signal` is ready.
pub fn once(signal: impl Future<Output = ()> + Send + 'static) -> Terminate {
    let mut signal = Some(Box::pin(signal));
    Box::new(move |task| match &mut signal {
        Some(pending) => pending.as_mut().poll(task).map(|()| signal = None),
        None => Poll::Pending,
    })
}

/// The effects on the process itself.
pub trait Effects: Send + Sync {
    /// Writes the termination message, which the kubelet shows after the process has ended.
    fn write_termination_message(&self, message: &str) -> io::Result<()>;

    /// Allocates, touches and keeps `bytes` more bytes. It may end the process.
    fn take_memory(&self, bytes: usize) -> io::Result<()>;

    /// Frees all memory that was allocated by `take_memory`.
    fn free_memory(&self);
}

/// How an invocation ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// By exiting with a code.
    Code(u8),
    /// By dying of this signal, which is up to the caller.
    Signal(Signal),
}

impl Ending {
    /// The exit code as a container runtime reports it: for a signal, 128 plus its number.
    pub fn code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => signal.code(),
        }
    }
}

impl<N> Process<N> {
    /// Writes one line to stderr.
    pub(crate) fn print_error(&mut self, line: &str) {
        // If stderr cannot be written, there is no place for an error.
        _ = writeln!(self.errors, "{line}");
    }

    /// Writes the termination message, or reports the failure to stderr.
    pub(crate) fn write_termination_message(&mut self, message: &str) {
        if let Err(error) = self.effects.write_termination_message(message) {
            self.print_error(&format!("cannot leave a termination message: {error}"));
        }
    }
}

impl<N> fmt::Debug for Process<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("arguments", &self.arguments)
            .field("instance", &self.instance)
            .finish_non_exhaustive()
    }
}
