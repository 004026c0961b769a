//! A bidirectional in-memory connection that carries FIN and RST, unlike Tokio's duplex pipe.
//!
//! It consists of two bounded flows, one per direction. It knows no time: a waiting end is woken by
//! the other end, never by a timer.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Capacity of a flow in bytes; a writer waits when it is full.
pub(super) const CAPACITY: usize = 64 * 1024;

/// One end of a connection: reads the flow of its own index, writes the other.
///
/// Dropping it sends a FIN, or a RST if data is unread, as a kernel does on `close`. After the
/// peer's FIN a read gives 0 bytes; after its RST, `ConnectionReset`.
#[derive(Debug)]
pub struct Stream {
    local: SocketAddr,
    peer: SocketAddr,
    link: Arc<Mutex<[Flow; 2]>>,
    side: usize,
}

/// The bytes in transit in one direction.
#[derive(Debug, Default)]
struct Flow {
    bytes: VecDeque<u8>,
    ended: Option<Ended>,
    reader: Reader,
    waiting_reader: Option<Waker>,
    waiting_writer: Option<Waker>,
}

/// How the writer ended a flow. Bytes written before are still delivered.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ended {
    Fin,
    Reset,
}

/// The state of a flow's reader.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Reader {
    #[default]
    Present,
    /// Closed; the writer learns it from the answer to its next bytes.
    Closed,
    /// Closed, and the writer has received the RST.
    Reset,
}

impl Stream {
    /// The two ends of a new connection, each with its local address and its peer's.
    pub(super) fn pair(
        near: (SocketAddr, SocketAddr),
        far: (SocketAddr, SocketAddr),
    ) -> (Self, Self) {
        let link = Arc::new(Mutex::new([Flow::default(), Flow::default()]));
        let end = |(local, peer), side| Self {
            local,
            peer,
            link: Arc::clone(&link),
            side,
        };
        (end(near, 0), end(far, 1))
    }

    /// The local address.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// The peer's address; a client of a Service sees the Service's address.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Ends the connection with a RST instead of a FIN.
    pub fn reset(self) {
        // The drop that follows changes nothing: the first end of a flow counts.
        self.leave(Ended::Reset);
    }

    fn flows(&self) -> MutexGuard<'_, [Flow; 2]> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes this end. Unread data turns a FIN into a RST, as with `close` on a real socket.
    fn leave(&self, ended: Ended) {
        let mut flows = self.flows();
        let ended = if flows[self.side].bytes.is_empty() {
            ended
        } else {
            Ended::Reset
        };
        flows[self.side].abandon(if ended == Ended::Fin {
            Reader::Closed
        } else {
            Reader::Reset
        });
        flows[1 - self.side].end(ended);
    }
}

impl Flow {
    /// Ends the flow. The first end counts: a RST after a FIN does not replace it.
    fn end(&mut self, ended: Ended) {
        self.ended.get_or_insert(ended);
        wake(&mut self.waiting_reader);
    }

    fn abandon(&mut self, reader: Reader) {
        if self.reader == Reader::Present {
            self.reader = reader;
        }
        // `clear` would keep the memory for as long as the other end lives.
        self.bytes = VecDeque::new();
        wake(&mut self.waiting_writer);
    }

    fn poll_take(
        &mut self,
        context: &Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.bytes.is_empty() {
            return match self.ended {
                None => wait(&mut self.waiting_reader, context),
                Some(Ended::Fin) => Poll::Ready(Ok(())),
                Some(Ended::Reset) => Poll::Ready(Err(ErrorKind::ConnectionReset.into())),
            };
        }
        let taken = self.bytes.read(buffer.initialize_unfilled())?;
        buffer.advance(taken);
        wake(&mut self.waiting_writer);
        Poll::Ready(Ok(()))
    }

    fn poll_put(&mut self, context: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.reader {
            Reader::Present if self.bytes.len() >= CAPACITY => {
                wait(&mut self.waiting_writer, context)
            }
            Reader::Present => {
                let taken = bytes.len().min(CAPACITY - self.bytes.len());
                self.bytes.extend(&bytes[..taken]);
                wake(&mut self.waiting_reader);
                Poll::Ready(Ok(taken))
            }
            // As on a real socket, the first write after the peer's close succeeds, and a RST
            // answers it.
            Reader::Closed => {
                self.reader = Reader::Reset;
                Poll::Ready(Ok(bytes.len()))
            }
            Reader::Reset => Poll::Ready(Err(ErrorKind::BrokenPipe.into())),
        }
    }
}

fn wait<T>(waker: &mut Option<Waker>, context: &Context<'_>) -> Poll<T> {
    *waker = Some(context.waker().clone());
    Poll::Pending
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.flows()[self.side].poll_take(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut flows = self.flows();
        // A RST ends both directions.
        if flows[self.side].ended == Some(Ended::Reset) {
            return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
        }
        let flow = &mut flows[1 - self.side];
        if flow.ended.is_some() {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        flow.poll_put(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flows()[1 - self.side].end(Ended::Fin);
        Poll::Ready(Ok(()))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.leave(Ended::Fin);
    }
}
