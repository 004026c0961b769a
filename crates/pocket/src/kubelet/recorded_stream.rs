//! A stream that records its first bytes and whether it was reset, for exact protocol errors.
//!
//! Protocol libraries do not report either of a peer that speaks another protocol.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::Stream;

/// The number of bytes recorded: the `HTTP/` of a response, or an HTTP/2 frame up to its type.
const HEAD: usize = 5;

/// The record of what was read from a stream.
#[derive(Debug, Default)]
pub(super) struct ReadRecord(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    head: Vec<u8>,
    reset: bool,
}

impl ReadRecord {
    /// Whether the connection was reset.
    pub(super) fn reset(&self) -> bool {
        self.state().reset
    }

    /// The first bytes, as far as they have arrived.
    pub(super) fn head(&self) -> Vec<u8> {
        self.state().head.clone()
    }

    fn add(&self, read: &io::Result<()>, bytes: &[u8]) {
        let mut state = self.state();
        state.reset |= read.is_err();
        let missing = HEAD.saturating_sub(state.head.len());
        state.head.extend(bytes.iter().take(missing));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that records what is read from it.
pub(super) struct RecordedStream {
    stream: Stream,
    seen: Arc<ReadRecord>,
}

impl RecordedStream {
    /// Wraps a stream. Returns it with its record.
    pub(super) fn new(stream: Stream) -> (Self, Arc<ReadRecord>) {
        let seen = Arc::new(ReadRecord::default());
        let recorded = Self {
            stream,
            seen: Arc::clone(&seen),
        };
        (recorded, seen)
    }
}

impl AsyncRead for RecordedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Poll::Ready(read) = &read {
            self.seen.add(read, &buffer.filled()[before..]);
        }
        read
    }
}

impl AsyncWrite for RecordedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
