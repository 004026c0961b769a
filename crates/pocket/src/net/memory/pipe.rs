//! A bidirectional in-memory connection that carries FIN and RST, unlike Tokio's duplex pipe.
//!
//! It consists of two bounded flows, one per direction. It knows neither addresses nor time: a
//! waiting end is woken by the other end, never by a timer.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::Channel;

/// Capacity of a flow in bytes; a writer waits when it is full.
pub(crate) const CAPACITY: usize = 64 * 1024;

/// The two ends of a new connection.
pub(crate) fn pipe() -> (End, End) {
    let link = Arc::new(Mutex::new([Flow::default(), Flow::default()]));
    (
        End {
            link: Arc::clone(&link),
            side: 0,
        },
        End { link, side: 1 },
    )
}

/// One end of a connection: reads the flow of its own index, writes the other.
#[derive(Debug)]
pub(crate) struct End {
    link: Arc<Mutex<[Flow; 2]>>,
    side: usize,
}

/// The bytes in transit in one direction.
#[derive(Debug, Default)]
struct Flow {
    bytes: VecDeque<u8>,
    ended: Option<Ended>,
    reader: Reader,
    read: Option<Waker>,
    write: Option<Waker>,
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
    Gone,
    /// Closed, and the writer knows.
    Told,
}

impl End {
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
            Reader::Gone
        } else {
            Reader::Told
        });
        flows[1 - self.side].end(ended);
    }
}

impl Flow {
    /// Ends the flow. The first end counts: a RST after a FIN does not replace it.
    fn end(&mut self, ended: Ended) {
        self.ended.get_or_insert(ended);
        wake(&mut self.read);
    }

    fn abandon(&mut self, reader: Reader) {
        if self.reader == Reader::Present {
            self.reader = reader;
        }
        self.bytes = VecDeque::new();
        wake(&mut self.write);
    }

    fn poll_take(
        &mut self,
        context: &Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.bytes.is_empty() {
            return match self.ended {
                None => wait(&mut self.read, context),
                Some(Ended::Fin) => Poll::Ready(Ok(())),
                Some(Ended::Reset) => Poll::Ready(Err(ErrorKind::ConnectionReset.into())),
            };
        }
        let taken = self.bytes.read(buffer.initialize_unfilled())?;
        buffer.advance(taken);
        wake(&mut self.write);
        Poll::Ready(Ok(()))
    }

    fn poll_put(&mut self, context: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.reader {
            Reader::Present if self.bytes.len() >= CAPACITY => wait(&mut self.write, context),
            Reader::Present => {
                let taken = bytes.len().min(CAPACITY - self.bytes.len());
                self.bytes.extend(&bytes[..taken]);
                wake(&mut self.read);
                Poll::Ready(Ok(taken))
            }
            // As on a real socket, the first write after the peer's close succeeds, and a RST
            // answers it.
            Reader::Gone => {
                self.reader = Reader::Told;
                Poll::Ready(Ok(bytes.len()))
            }
            Reader::Told => Poll::Ready(Err(ErrorKind::BrokenPipe.into())),
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

impl AsyncRead for End {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.flows()[self.side].poll_take(context, buffer)
    }
}

impl AsyncWrite for End {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut flows = self.flows();
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

impl Channel for End {
    fn reset(self: Pin<&mut Self>) {
        self.leave(Ended::Reset);
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.leave(Ended::Fin);
    }
}
