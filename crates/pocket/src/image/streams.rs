//! The standard streams of processes.

use std::io;

use tokio::io::AsyncRead;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::container_log::ContainerLog;

/// The standard input of a process.
pub type Stdin = Box<dyn AsyncRead + Send + Unpin>;

/// The standard streams of a process.
pub(crate) struct Streams {
    pub(crate) stdin: Stdin,
    pub(crate) stdout: Writer,
    pub(crate) stderr: Writer,
}

/// Takes what a process writes to a standard stream. Clones write to the same stream, as child
/// processes do; it ends with the last of them.
#[derive(Clone, Debug)]
pub struct Writer(To);

#[derive(Clone, Debug)]
enum To {
    Log(ContainerLog),
    Pipe(UnboundedSender<Vec<u8>>),
}

/// Receives what is written to a [`Writer`].
#[derive(Debug)]
pub struct Reader(UnboundedReceiver<Vec<u8>>);

impl Writer {
    /// A stream, and what receives its bytes. It holds any number of bytes that are not yet read.
    pub fn pipe() -> (Self, Reader) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(To::Pipe(sender)), Reader(receiver))
    }

    /// Appends to a container's log.
    pub(crate) fn log(log: ContainerLog) -> Self {
        Self(To::Log(log))
    }

    /// Writes all of `bytes`. They are dropped if the reader is gone.
    pub fn put(&self, bytes: &[u8]) {
        match &self.0 {
            To::Log(log) => log.append(bytes),
            To::Pipe(sender) => drop(sender.send(bytes.to_vec())),
        }
    }
}

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Reader {
    /// The next bytes; `None` once all writers are gone.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        self.0.recv().await
    }

    /// All bytes, once all writers are gone.
    pub async fn collect(mut self) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(bytes) = self.next().await {
            all.extend(bytes);
        }
        all
    }
}
