//! A connection of which some bytes were read already, to see what is spoken on it. They are read again first.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::net::Connection;

/// What every HTTP/2 client sends first (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection of which some bytes were read already.
#[derive(Debug)]
pub(crate) struct Begun<C> {
    read: Bytes,
    connection: C,
}

impl<C: Connection> Begun<C> {
    /// Reads no more than it takes to say whether this is HTTP/2.
    pub(crate) async fn new(mut connection: C) -> io::Result<(Self, bool)> {
        let mut read = BytesMut::with_capacity(1024);
        while read.len() < PREFACE.len() && PREFACE.starts_with(&read) {
            if connection.read_buf(&mut read).await? == 0 {
                break;
            }
        }
        let http2 = read.starts_with(PREFACE);
        let read = read.freeze();
        Ok((Self { read, connection }, http2))
    }

    /// The first byte, unless the peer ended without one.
    #[cfg(feature = "tls")]
    pub(crate) fn first(&self) -> Option<u8> {
        self.read.first().copied()
    }
}

impl<C: Connection> Connection for Begun<C> {
    fn peer(&self) -> SocketAddr {
        self.connection.peer()
    }

    fn reset(self) {
        self.connection.reset();
    }

    fn poll_cut(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_cut(context)
    }
}

impl<C: Connection> AsyncRead for Begun<C> {
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

impl<C: Connection> AsyncWrite for Begun<C> {
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
