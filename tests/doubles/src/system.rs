//! What a program needs of the system it runs on: files, streams, signals, processes and sockets.

use std::{collections::BTreeMap, fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use futures::future::{BoxFuture, Shared};
use tokio::io::{AsyncRead, AsyncWrite};

/// A system with one process of ours in it.
pub trait System: Send + Sync + 'static {
    /// Reads a file.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;

    /// Creates or replaces a file.
    fn write(&self, path: &str, contents: &[u8]) -> io::Result<()>;

    /// Appends to a file; creates it if it is missing.
    fn append(&self, path: &str, contents: &[u8]) -> io::Result<()>;

    /// Removes a file, or a directory with all that it contains.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Whether the path is a directory.
    fn is_directory(&self, path: &str) -> io::Result<bool>;

    /// The names in a directory, sorted.
    fn list(&self, path: &str) -> io::Result<Vec<String>>;

    /// Creates a directory, whose parent must exist.
    fn make_directory(&self, path: &str) -> io::Result<()>;

    /// The working directory.
    fn directory(&self) -> String;

    /// Changes the working directory.
    fn enter(&self, path: &str) -> io::Result<()>;

    /// The environment that the process was started with.
    fn environment(&self) -> BTreeMap<String, String>;

    /// The process's ID.
    fn process_id(&self) -> u32;

    /// Writes to the standard output or the standard error.
    fn print(&self, stream: Stream, bytes: &[u8]);

    /// All of the standard input, once it has ended.
    fn input(&self) -> BoxFuture<'static, io::Result<Vec<u8>>>;

    /// Handles SIGTERM from now on, instead of the system's default; completes when one arrives.
    fn terminated(&self) -> Terminated;

    /// Starts a child process that shares the standard streams.
    fn spawn(&self, child: Child) -> io::Result<Job>;

    /// Sends a signal to a process of the container.
    fn kill(&self, id: u32, signal: i32) -> io::Result<()>;

    /// The time since 1970.
    fn seconds(&self) -> Duration;

    /// Listens on a TCP port of all addresses.
    fn listen(&self, port: u16) -> BoxFuture<'static, io::Result<Box<dyn Listener>>>;

    /// Connects to a TCP port.
    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Connection>>>;
}

/// Completes with the first SIGTERM.
pub type Terminated = Shared<BoxFuture<'static, ()>>;

/// A standard stream that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// The standard output.
    Output,
    /// The standard error.
    Error,
}

impl fmt::Debug for Child {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Child");
        shown.field("script", &self.script).finish_non_exhaustive()
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Job");
        shown.field("id", &self.id).finish_non_exhaustive()
    }
}

/// A child process in two forms: a system with processes runs the script, one without the future.
pub struct Child {
    /// A script for a shell.
    pub script: String,
    /// The script's environment.
    pub environment: BTreeMap<String, String>,
    /// What the script does; the result is the exit code.
    pub run: BoxFuture<'static, i32>,
}

/// A child process that was started. Clones are the same process.
#[derive(Clone)]
pub struct Job {
    /// Its process ID.
    pub id: u32,
    /// Its exit code; 128 + n after signal n.
    pub ended: Shared<BoxFuture<'static, i32>>,
    /// Sends it the signal of this number.
    pub kill: Arc<dyn Fn(i32) + Send + Sync>,
}

/// Accepts connections.
pub trait Listener: Send {
    /// The next connection.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Box<dyn Connection>>>;
}

/// A TCP connection.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {
    /// The peer's address.
    fn peer(&self) -> SocketAddr;
}

/// The reason of an error as libc words it, without Rust's error number.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_owned()
}

/// The time since 1970, by the machine's clock.
#[expect(
    clippy::disallowed_types,
    reason = "a program's `date` is the machine's"
)]
pub fn now() -> Duration {
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    now.unwrap_or_default()
}
