//! A connection with a read buffer: lines, chunks and bodies of HTTP/1.1, for client and server.
//! As a connection of its own it delivers the buffered bytes first, so that a protocol can be
//! detected from them. It has no time limits.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use crate::net::Connection;

/// The longest line of the chunked encoding.
const LONGEST_LINE: usize = 4096;

/// A connection and the bytes that were read and not yet used.
#[derive(Debug)]
pub(crate) struct Buffered<C> {
    pub(crate) connection: C,
    /// The bytes that were read and not yet used.
    pub(crate) read: Vec<u8>,
}

/// How the end of a body is determined.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Framing {
    /// By its length in bytes.
    Length(usize),
    /// By the last chunk.
    Chunked,
    /// By the end of the connection.
    ToTheEnd,
}

impl<C: Connection> Buffered<C> {
    pub(crate) fn new(connection: C) -> Self {
        Self {
            connection,
            read: Vec::new(),
        }
    }

    /// Reads once; returns the number of bytes, which is 0 at the end. Cancelling it loses nothing.
    ///
    /// Idle connections hold no buffer: it grows once bytes have arrived.
    pub(crate) async fn more(&mut self) -> io::Result<usize> {
        let Self { connection, read } = self;
        poll_fn(|context| {
            let mut space = [MaybeUninit::uninit(); 4096];
            let mut space = ReadBuf::uninit(&mut space);
            ready!(Pin::new(&mut *connection).poll_read(context, &mut space))?;
            read.extend_from_slice(space.filled());
            Poll::Ready(Ok(space.filled().len()))
        })
        .await
    }

    /// Reads once; the end of the connection is an error.
    pub(crate) async fn fill(&mut self) -> io::Result<()> {
        match self.more().await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Passes a body to `each` piece by piece, until it ends or `each` fails.
    pub(crate) async fn body(
        &mut self,
        framing: Framing,
        mut each: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        match framing {
            Framing::Length(length) => self.pieces(length, &mut each).await,
            Framing::Chunked => self.chunks(&mut each).await,
            Framing::ToTheEnd => loop {
                each(&self.read)?;
                self.read.clear();
                if self.more().await? == 0 {
                    return Ok(());
                }
            },
        }
    }

    async fn pieces(
        &mut self,
        mut left: usize,
        each: &mut impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        loop {
            let here = left.min(self.read.len());
            each(&self.read[..here])?;
            self.read.drain(..here);
            left -= here;
            if left == 0 {
                return Ok(());
            }
            self.fill().await?;
        }
    }

    async fn chunks(&mut self, each: &mut impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        loop {
            let size = self.line().await?;
            // Chunk extensions follow a semicolon and are ignored (RFC 9112, 7.1.1).
            let size = size.split(|byte| *byte == b';').next().unwrap_or_default();
            let size = std::str::from_utf8(size).ok().map(str::trim);
            let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
            let size = size.ok_or(ErrorKind::InvalidData)?;
            if size == 0 {
                // Trailers are ignored; they end with an empty line.
                while !self.line().await?.is_empty() {}
                return Ok(());
            }
            self.pieces(size, each).await?;
            if !self.line().await?.is_empty() {
                return Err(ErrorKind::InvalidData.into());
            }
        }
    }

    /// Reads a line, and returns it without its end.
    async fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = self.read.windows(2).position(|pair| pair == b"\r\n") {
                let mut line: Vec<u8> = self.read.drain(..end + 2).collect();
                line.truncate(end);
                return Ok(line);
            }
            // A line without end must not fill the memory.
            if self.read.len() > LONGEST_LINE {
                return Err(ErrorKind::InvalidData.into());
            }
            self.fill().await?;
        }
    }

    /// Sends all bytes.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.connection.write_all(bytes).await?;
        self.connection.flush().await
    }
}

impl<C: Connection> Connection for Buffered<C> {
    fn peer(&self) -> SocketAddr {
        self.connection.peer()
    }

    fn minimize_send_buffer(&mut self) {
        self.connection.minimize_send_buffer();
    }

    fn reset(self) {
        self.connection.reset();
    }

    fn poll_send_fin(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_send_fin(task)
    }
}

impl<C: Connection> AsyncRead for Buffered<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.connection).poll_read(task, buffer);
        }
        let size = buffer.remaining().min(self.read.len());
        buffer.put_slice(&self.read[..size]);
        self.read.drain(..size);
        Poll::Ready(Ok(()))
    }
}

impl<C: Connection> AsyncWrite for Buffered<C> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write(task, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(task)
    }
}
