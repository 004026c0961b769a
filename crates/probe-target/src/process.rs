//! One invocation of the program, as a value: everything it may take from outside, and how it ends.
//! It draws nothing, reads no clock but Tokio's and opens no file by itself.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::model::process_fault::Signal;

/// What one invocation is given. `main.rs` fills it from the operating system, an embedded cluster from a Pod.
pub struct Process<N> {
    /// The command line, without the program's name.
    pub arguments: Vec<String>,
    /// The environment: `HOSTNAME`, `PROBE_TARGET_PORTS`, …
    pub environment: BTreeMap<String, String>,
    /// Where it listens and connects.
    pub network: N,
    /// Whether it is the container's main process, whose last words a kubelet shows.
    pub main: bool,
    /// The name of this process among all that ever run: drawn once at its start.
    pub instance: String,
    /// Ready at each SIGTERM.
    pub terminate: Terminate,
    /// Where files are: `--plan`, `--token-file`, `--state-dir`, `/proc/1/cmdline`.
    pub files: Arc<dyn Files>,
    /// What it does to the process that it is.
    pub effects: Box<dyn Effects>,
    /// Where data goes: stdout.
    pub output: Box<dyn Write + Send>,
    /// Where everything else goes: stderr.
    pub errors: Box<dyn Write + Send>,
}

/// The files that a process may use.
pub trait Files: Send + Sync {
    /// What is in a file.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;

    /// Puts a file with these contents in the place of whatever is there. Who reads it meanwhile, or after a death in between, finds the
    /// old contents or the new ones, never a part.
    fn replace(&self, path: &str, contents: &[u8]) -> io::Result<()>;
}

/// Polled for SIGTERM, as often as there may be one.
pub type Terminate = Box<dyn FnMut(&mut Context<'_>) -> Poll<()> + Send>;

/// The SIGTERM that comes at most once: when `signal` is ready.
pub fn once(signal: impl Future<Output = ()> + Send + 'static) -> Terminate {
    let mut signal = Some(Box::pin(signal));
    Box::new(move |context| match &mut signal {
        Some(coming) => coming.as_mut().poll(context).map(|()| signal = None),
        None => Poll::Pending,
    })
}

/// What is done to the process itself.
pub trait Effects: Send + Sync {
    /// Leaves a message for the kubelet to show when the process has ended.
    fn conclude(&self, message: &str) -> io::Result<()>;

    /// Takes so many more bytes of memory, touches them, and keeps them. It may be the end of the process.
    fn take_memory(&self, bytes: usize) -> io::Result<()>;

    /// Gives back all the memory that was taken so.
    fn free_memory(&self);
}

/// How an invocation ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// With an exit code.
    Code(u8),
    /// It wants to die of this signal, which is for its caller to bring about.
    Signal(Signal),
}

impl Ending {
    /// As a container runtime tells it: 128 and the number of the signal.
    pub fn code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => signal.code(),
        }
    }
}

impl<N> Process<N> {
    /// Says one line to whoever reads stderr.
    pub(crate) fn say(&mut self, line: &str) {
        // An unwritable stderr leaves nobody to tell.
        _ = writeln!(self.errors, "{line}");
    }

    /// Leaves a message for the kubelet to show, or says why it cannot.
    pub(crate) fn conclude(&mut self, message: &str) {
        if let Err(error) = self.effects.conclude(message) {
            self.say(&format!("cannot leave a termination message: {error}"));
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
