//! The interface of programs: what a process gets and how it ends.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;

use futures::future::BoxFuture;

use super::files::Files;
use super::memory::Memory;
use super::streams::{Stdin, Writer};
use crate::net::Host;
use crate::tasks::Tasks;

/// A program of an image.
pub trait Program: Send + Sync + 'static {
    /// Runs one process to its end: a container's main one or, beside it, one of an exec. Dropping
    /// the future is SIGKILL: nothing of the process may remain but what it spawned with
    /// [`Background`].
    fn run(&self, process: Process) -> BoxFuture<'static, Exit>;
}

impl<F> Program for F
where
    F: Fn(Process) -> BoxFuture<'static, Exit> + Send + Sync + 'static,
{
    fn run(&self, process: Process) -> BoxFuture<'static, Exit> {
        self(process)
    }
}

/// The parameters of a process.
pub struct Process {
    /// The program's name as it was given, then its arguments; `$(VAR)` expanded.
    pub command: Vec<String>,
    /// The environment; `HOSTNAME` is the Pod's hostname.
    pub environment: BTreeMap<String, String>,
    /// The network from the Pod's address. Containers of a Pod share it, the loopback included.
    pub network: Host,
    /// The files of the container.
    pub files: Files,
    /// A unique name of this run.
    pub instance: String,
    /// Whether it is the container's main process, which has the process ID 1.
    pub is_main: bool,
    /// The standard input.
    pub stdin: Stdin,
    /// The standard output; a main process's is the container's log.
    pub stdout: Writer,
    /// The standard error; a main process's is the container's log.
    pub stderr: Writer,
    /// Where its child processes run.
    pub background: Background,
    /// The memory that the process uses.
    pub memory: Memory,
    /// Completes at SIGTERM.
    pub terminate: BoxFuture<'static, ()>,
}

/// The child processes of a container. They outlive the process that spawned them, and end with
/// the container. Clones share them.
#[derive(Clone, Default)]
pub struct Background(Tasks);

impl Background {
    /// Runs a process until it or the container ends.
    pub fn spawn(&self, process: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(process);
    }

    /// Kills all of them.
    pub(crate) fn kill(&self) {
        self.0.abort();
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Background").finish_non_exhaustive()
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Process")
            .field("command", &self.command)
            .field("network", &self.network)
            .field("instance", &self.instance)
            .finish_non_exhaustive()
    }
}

/// The exit status of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The exit code; 128 + n after signal n.
    pub code: i32,
}

impl Exit {
    /// The exit status with this code.
    pub fn code(code: i32) -> Self {
        Self { code }
    }
}
