//! Where a command of a shell reads and writes: standard streams, files, pipes.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::system::{Stream, System};

/// The three descriptors of a command.
#[derive(Clone)]
pub(crate) struct Io {
    pub(crate) input: Input,
    pub(crate) output: Sink,
    pub(crate) error: Sink,
}

/// What a command reads.
#[derive(Clone)]
pub(crate) enum Input {
    Standard,
    /// The bytes that are left. Commands that share it continue where the last one stopped.
    Bytes(Arc<Mutex<Vec<u8>>>),
}

/// Where a command writes.
#[derive(Clone)]
pub(crate) enum Sink {
    Standard(Stream),
    File(String),
    Buffer(Arc<Mutex<Vec<u8>>>),
}

impl Io {
    /// The streams of the process.
    pub(crate) fn standard() -> Self {
        Self {
            input: Input::Standard,
            output: Sink::Standard(Stream::Output),
            error: Sink::Standard(Stream::Error),
        }
    }
}

impl Input {
    pub(crate) fn bytes(bytes: Vec<u8>) -> Self {
        Self::Bytes(Arc::new(Mutex::new(bytes)))
    }

    /// All that is left.
    pub(crate) async fn read(&self, system: &dyn System) -> io::Result<Vec<u8>> {
        match self {
            Self::Standard => system.input().await,
            Self::Bytes(bytes) => Ok(std::mem::take(&mut lock(bytes))),
        }
    }

    /// The next line with its newline; empty at the end.
    pub(crate) async fn line(&mut self, system: &dyn System) -> io::Result<Vec<u8>> {
        if let Self::Standard = self {
            // Whoever reads a line of the standard input reads it to its end.
            *self = Self::bytes(system.input().await?);
        }
        let Self::Bytes(bytes) = self else {
            return Ok(Vec::new());
        };
        let mut bytes = lock(bytes);
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(bytes.len(), |end| end + 1);
        Ok(bytes.drain(..length).collect())
    }
}

impl Sink {
    pub(crate) fn write(&self, system: &dyn System, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Standard(stream) => system.print(*stream, bytes),
            Self::File(path) => return system.append(path, bytes),
            Self::Buffer(buffer) => lock(buffer).extend_from_slice(bytes),
        }
        Ok(())
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
