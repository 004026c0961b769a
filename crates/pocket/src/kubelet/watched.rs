//! A stream that remembers how it began and whether it was reset: what a protocol's library does not tell of a peer that
//! does not speak it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::Stream;

/// How much of the beginning is remembered: the `HTTP/` of an answer, or a frame up to its kind.
const HEAD: usize = 5;

/// What has come in.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<Start>);

#[derive(Debug, Default)]
struct Start {
    head: Vec<u8>,
    reset: bool,
}

impl Seen {
    /// The connection was reset.
    pub(super) fn reset(&self) -> bool {
        self.start().reset
    }

    /// The first bytes, as far as they have come.
    pub(super) fn head(&self) -> Vec<u8> {
        self.start().head.clone()
    }

    fn note(&self, read: &io::Result<()>, bytes: &[u8]) {
        let mut start = self.start();
        start.reset |= read.is_err();
        let missing = HEAD.saturating_sub(start.head.len());
        start.head.extend(bytes.iter().take(missing));
    }

    fn start(&self) -> MutexGuard<'_, Start> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that tells what comes in.
pub(super) struct Watched {
    stream: Stream,
    seen: Arc<Seen>,
}

impl Watched {
    /// The same stream, and what will be seen of it.
    pub(super) fn new(stream: Stream) -> (Self, Arc<Seen>) {
        let seen = Arc::new(Seen::default());
        let watched = Self {
            stream,
            seen: Arc::clone(&seen),
        };
        (watched, seen)
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Poll::Ready(read) = &read {
            self.seen.note(read, &buffer.filled()[before..]);
        }
        read
    }
}

impl AsyncWrite for Watched {
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
