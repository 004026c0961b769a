//! The server's side of HTTP/1.1 on one connection, for data ports and the control address alike. By hand: a tenth of the
//! code and a third of the time of hyper, and a fault needs no way around it. What is answered is the caller's business.

use std::io::{self, ErrorKind};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;

use crate::model::port_spec::TLS_PRESENT;
use crate::net::Connection;
use crate::net::buffered::{Buffered, Framing};
use crate::net::closing;
use crate::net::prefixed_stream::{self, PrefixedStream};
use crate::server::request_head::{self, Head, Wrong};
use crate::server::time_limit::Limit;

/// One connection with a client.
#[derive(Debug)]
pub(crate) struct Served<C> {
    stream: Buffered<C>,
    limit: Limit,
}

/// Why there is no further request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ended {
    /// The client left, or was too slow.
    Gone,
    /// It sent something else, which deserves a last word.
    Wrong(Wrong),
}

impl<C: Connection> Served<C> {
    /// `limit` is how long a client may be silent between two requests, and may take for a head, for a body, or to accept any part
    /// of an answer.
    pub(crate) fn new(connection: C, limit: Duration) -> Self {
        Self {
            stream: Buffered::new(connection),
            limit: Limit::new(limit),
        }
    }

    /// Reads no more than it takes to say whether this is HTTP/2; `None` if the client left before. It has no limit.
    pub(crate) async fn is_http2(&mut self) -> Option<bool> {
        loop {
            self.stream.fill().await.ok()?;
            if let Some(http2) = prefixed_stream::is_http2(&self.stream.read) {
                return Some(http2);
            }
        }
    }

    /// The connection as it was before it was read.
    pub(crate) fn into_begun(self) -> PrefixedStream<C> {
        let Buffered { connection, read } = self.stream;
        PrefixedStream::of(Bytes::from(read), connection)
    }

    /// The connection, whatever was read.
    pub(crate) fn into_connection(self) -> C {
        self.stream.connection
    }

    /// The head of the next request.
    pub(crate) async fn request(&mut self) -> Result<Head, Ended> {
        let work = request(&mut self.stream);
        self.limit.over(work).await.unwrap_or(Err(Ended::Gone))
    }

    /// The body of the request whose head was read, of `most` bytes at most ([`ErrorKind::FileTooLarge`]).
    pub(crate) async fn body(&mut self, framing: Framing, most: usize) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        let work = self.stream.body(framing, |piece| {
            body.extend_from_slice(piece);
            if body.len() > most {
                return Err(ErrorKind::FileTooLarge.into());
            }
            Ok(())
        });
        let read = self.limit.over(work).await;
        read.unwrap_or(Err(ErrorKind::TimedOut.into()))?;
        Ok(body)
    }

    /// Reads the body of the request whose head was read, and forgets it.
    pub(crate) async fn skip(&mut self, framing: Framing) -> io::Result<()> {
        let work = self.stream.body(framing, |_| Ok(()));
        let read = self.limit.over(work).await;
        read.unwrap_or(Err(ErrorKind::TimedOut.into()))
    }

    /// Sends all of it.
    pub(crate) async fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let connection = &mut self.stream.connection;
        while !bytes.is_empty() {
            let taken = self.limit.over(connection.write(bytes)).await;
            let taken = taken.unwrap_or(Err(ErrorKind::TimedOut.into()))?;
            bytes = &bytes[taken..];
        }
        let flushed = self.limit.over(connection.flush()).await;
        flushed.unwrap_or(Err(ErrorKind::TimedOut.into()))
    }

    /// Waits until the client has left. What it sends before is kept, as far as a head may be long.
    pub(crate) async fn left(&mut self) {
        while self.stream.read.len() < request_head::LARGEST {
            if !self.stream.more().await.is_ok_and(|read| read > 0) {
                return;
            }
        }
        std::future::pending::<()>().await;
    }

    /// Ends the connection after the last answer, with FIN. Where a `body` may still be coming, it waits a while for the client to end:
    /// what is unread would make it a RST, and take the answer with it.
    pub(crate) async fn end(mut self, body: Framing) {
        let more = body != Framing::Length(0) || !self.stream.read.is_empty();
        // To drop it is as good, but for TLS, which has a goodbye of its own.
        if more || TLS_PRESENT {
            // Whatever goes wrong, the connection ends here.
            _ = self.stream.connection.shutdown().await;
        }
        if more {
            // In a box, as seldom and large.
            Box::pin(closing::forget(self.stream.connection)).await;
        }
    }
}

async fn request<C: Connection>(stream: &mut Buffered<C>) -> Result<Head, Ended> {
    loop {
        if !stream.read.is_empty()
            && let Some((head, length)) = Head::parse(&stream.read).map_err(Ended::Wrong)?
        {
            stream.read.drain(..length);
            return Ok(head);
        }
        stream.fill().await.map_err(|_left| Ended::Gone)?;
    }
}
