//! One invocation of the program, as a value: everything it may take from outside.
//! It draws nothing, reads no clock but Tokio's and opens no file by itself.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;

/// What one invocation is given. `main.rs` fills it from the operating system, an embedded cluster from a Pod.
pub struct Process<N> {
    /// The command line, without the program's name.
    pub arguments: Vec<String>,
    /// The environment: `HOSTNAME`, `PROBE_TARGET_PORTS`, …
    pub environment: BTreeMap<String, String>,
    /// Where it listens and connects.
    pub network: N,
    /// The name of this process among all that ever run: drawn once at its start.
    pub instance: String,
    /// Ready when SIGTERM arrives.
    pub terminate: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Where files are: `--plan`, `--token-file`, `--state-dir`, `/proc/1/cmdline`.
    pub files: Arc<dyn Files>,
    /// What only a process of its own can do; `None` where it shares one, and is then refused.
    pub effects: Option<Box<dyn Effects>>,
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

/// What only a process of its own can do.
pub trait Effects: Send + Sync {
    /// Leaves a message for the kubelet to show when the process has ended.
    fn conclude(&self, message: &str) -> io::Result<()>;

    /// Takes so many bytes of memory, touches them, and keeps them to its end.
    fn take_memory(&self, bytes: usize);
}

impl<N> Process<N> {
    /// Says one line to whoever reads stderr.
    pub(crate) fn say(&mut self, line: &str) {
        // An unwritable stderr leaves nobody to tell.
        _ = writeln!(self.errors, "{line}");
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
