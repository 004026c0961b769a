//! A connection that can be taken back from the code that uses it, so that a fault can end it.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::mutex::lock;

/// A shared connection, until it is taken. The lock is never contended: one task uses it at a time.
#[derive(Debug)]
pub(crate) struct ReclaimableStream<C>(Arc<Mutex<Option<C>>>);

impl<C> ReclaimableStream<C> {
    pub(crate) fn new(connection: C) -> Self {
        Self(Arc::new(Mutex::new(Some(connection))))
    }

    /// Takes the connection. Other users get [`ErrorKind::NotConnected`] from then on.
    pub(crate) fn take(&self) -> Option<C> {
        lock(&self.0).take()
    }

    fn poll<T>(&self, poll: impl FnOnce(Pin<&mut C>) -> Poll<io::Result<T>>) -> Poll<io::Result<T>>
    where
        C: Unpin,
    {
        match &mut *lock(&self.0) {
            Some(connection) => poll(Pin::new(connection)),
            None => Poll::Ready(Err(ErrorKind::NotConnected.into())),
        }
    }
}

impl<C> Clone for ReclaimableStream<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for ReclaimableStream<C> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll(|connection| connection.poll_read(context, buffer))
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for ReclaimableStream<C> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll(|connection| connection.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|connection| connection.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|connection| connection.poll_shutdown(context))
    }
}
