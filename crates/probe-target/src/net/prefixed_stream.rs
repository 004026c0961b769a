//! A connection with bytes that were read ahead to detect its protocol; they are read again first.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::Connection;

/// The connection preface of every HTTP/2 client (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection with bytes that were read ahead.
#[derive(Debug)]
pub(crate) struct PrefixedStream<C> {
    read: Bytes,
    connection: C,
}

/// Whether the client's first bytes are those of HTTP/2; `None` if there are too few to tell.
pub(crate) fn is_http2(read: &[u8]) -> Option<bool> {
    if read.starts_with(PREFACE) {
        return Some(true);
    }
    (!PREFACE.starts_with(read)).then_some(false)
}

impl<C> PrefixedStream<C> {
    /// Puts `read` back in front of `connection`.
    pub(crate) fn of(read: Bytes, connection: C) -> Self {
        Self { read, connection }
    }
}

impl<C: Connection> Connection for PrefixedStream<C> {
    fn peer(&self) -> SocketAddr {
        self.connection.peer()
    }

    fn keep_little(&mut self) {
        self.connection.keep_little();
    }

    fn reset(self) {
        self.connection.reset();
    }

    fn poll_cut(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_cut(context)
    }
}

impl<C: Connection> AsyncRead for PrefixedStream<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.connection).poll_read(context, buffer);
        }
        let size = buffer.remaining().min(self.read.len());
        buffer.put_slice(&self.read[..size]);
        self.read.advance(size);
        Poll::Ready(Ok(()))
    }
}

impl<C: Connection> AsyncWrite for PrefixedStream<C> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(context)
    }
}
