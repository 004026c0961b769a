//! The body of an answer: whole, or piece by piece for as long as the client listens. It tells its exchange, if there is one, how far it came.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use crate::exchange::Exchange;

/// The body of an answer.
pub(crate) struct Body {
    source: Source,
    exchange: Option<Exchange>,
}

enum Source {
    /// All of it; empty once it was handed over.
    Whole(Bytes),
    /// The next piece, and how it goes on.
    Endless(Next),
}

/// A piece to come.
pub(crate) type Next = Pin<Box<dyn Future<Output = (Bytes, Step)> + Send>>;

/// Makes the piece after it.
pub(crate) struct Step(pub(crate) Box<dyn FnOnce() -> Next + Send>);

impl Body {
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self {
            source: Source::Whole(bytes.into()),
            exchange: None,
        }
    }

    pub(crate) fn endless(next: Next) -> Self {
        Self {
            source: Source::Endless(next),
            exchange: None,
        }
    }

    /// The body that ends `exchange`.
    pub(crate) fn of(bytes: Bytes, mut exchange: Exchange) -> Self {
        // An empty body is never asked for: handing over the head is all.
        if bytes.is_empty() {
            exchange.complete();
        }
        Self {
            exchange: Some(exchange),
            ..Self::whole(bytes)
        }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = match &mut self.source {
            Source::Whole(bytes) if bytes.is_empty() => return Poll::Ready(None),
            Source::Whole(bytes) => std::mem::take(bytes),
            Source::Endless(next) => {
                let (bytes, step) = ready!(next.as_mut().poll(context));
                *next = step.0();
                bytes
            }
        };
        if let Some(exchange) = &mut self.exchange {
            exchange.sent(bytes.len());
            exchange.complete();
        }
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.source, Source::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Endless(_) => SizeHint::default(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.source {
            Source::Whole(_) => "Whole",
            Source::Endless(_) => "Endless",
        })
    }
}
