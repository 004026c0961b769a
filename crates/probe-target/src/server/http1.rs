//! The server side of HTTP/1.1 on one connection, for data ports and the control address.
//! By hand: a tenth of the code and a third of the time of hyper, and faults need no workarounds.

use std::io::{self, ErrorKind};
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::model::port_spec::TLS_PRESENT;
use crate::net::Connection;
use crate::net::buffered::{Buffered, Framing};
use crate::net::closing;
use crate::server::request_head::{self, InvalidHead, RequestHead};
use crate::server::time_limit::Limit;

/// One connection of a client.
#[derive(Debug)]
pub(crate) struct ServerConnection<C> {
    stream: Buffered<C>,
    limit: Limit,
}

/// Why there is no further request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NoRequest {
    /// The client disconnected or was too slow.
    Disconnected,
    /// The client sent an invalid request head, which gets an error response.
    Invalid(InvalidHead),
}

impl<C: Connection> ServerConnection<C> {
    /// `limit` applies separately to the silence between two requests, to a head, to a body, and to
    /// each write of a response.
    pub(crate) fn new(connection: C, limit: Duration) -> Self {
        Self {
            stream: Buffered::new(connection),
            limit: Limit::new(limit),
        }
    }

    /// Reads no more than it takes to recognise HTTP/2; `None` if the client disconnects first.
    /// It has no time limit.
    pub(crate) async fn is_http2(&mut self) -> Option<bool> {
        loop {
            self.stream.fill().await.ok()?;
            if let Some(http2) = is_http2(&self.stream.read) {
                return Some(http2);
            }
        }
    }

    /// The connection, which delivers the bytes that were read once more.
    pub(crate) fn into_stream(self) -> Buffered<C> {
        self.stream
    }

    /// The connection, without the bytes that were read.
    pub(crate) fn into_inner(self) -> C {
        self.stream.connection
    }

    /// Reads the head of the next request.
    pub(crate) async fn request(&mut self) -> Result<RequestHead, NoRequest> {
        let work = request(&mut self.stream);
        self.limit
            .over(work)
            .await
            .unwrap_or(Err(NoRequest::Disconnected))
    }

    /// Reads the body of the request whose head was read; more than `most` bytes are the error
    /// [`ErrorKind::FileTooLarge`].
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

    /// Reads and discards the body of the request whose head was read.
    pub(crate) async fn skip(&mut self, framing: Framing) -> io::Result<()> {
        let work = self.stream.body(framing, |_| Ok(()));
        let read = self.limit.over(work).await;
        read.unwrap_or(Err(ErrorKind::TimedOut.into()))
    }

    /// Sends all bytes.
    pub(crate) async fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let connection = &mut self.stream.connection;
        while !bytes.is_empty() {
            let written = self.limit.over(connection.write(bytes)).await;
            let written = written.unwrap_or(Err(ErrorKind::TimedOut.into()))?;
            bytes = &bytes[written..];
        }
        let flushed = self.limit.over(connection.flush()).await;
        flushed.unwrap_or(Err(ErrorKind::TimedOut.into()))
    }

    /// Waits until the client disconnects. Bytes that it sends before are kept, up to the largest
    /// size of a head.
    pub(crate) async fn disconnected(&mut self) {
        while self.stream.read.len() < request_head::LARGEST {
            if !self.stream.more().await.is_ok_and(|read| read > 0) {
                return;
            }
        }
        std::future::pending::<()>().await;
    }

    /// Ends the connection with FIN after the last response. If unread bytes may remain, it waits
    /// for the client to end first: closing with unread bytes sends a RST, which can destroy the
    /// response.
    pub(crate) async fn end(mut self, body: Framing) {
        let unread = body != Framing::Length(0) || !self.stream.read.is_empty();
        // Dropping the connection sends FIN too, but TLS needs its `close_notify`.
        if unread || TLS_PRESENT {
            // The connection ends here in any case.
            _ = self.stream.connection.shutdown().await;
        }
        if unread {
            // Boxed, as it is rare and large.
            Box::pin(closing::discard_briefly(self.stream.connection)).await;
        }
    }
}

/// The connection preface of every HTTP/2 client (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Whether the client's first bytes are those of HTTP/2; `None` if there are too few to tell.
fn is_http2(read: &[u8]) -> Option<bool> {
    if read.starts_with(PREFACE) {
        return Some(true);
    }
    (!PREFACE.starts_with(read)).then_some(false)
}

async fn request<C: Connection>(stream: &mut Buffered<C>) -> Result<RequestHead, NoRequest> {
    loop {
        if !stream.read.is_empty()
            && let Some((head, length)) =
                RequestHead::parse(&stream.read).map_err(NoRequest::Invalid)?
        {
            stream.read.drain(..length);
            return Ok(head);
        }
        stream
            .fill()
            .await
            .map_err(|_left| NoRequest::Disconnected)?;
    }
}
