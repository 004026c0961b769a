//! The body of a control answer: whole, or the journal as server-sent events for as long as the caller listens.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use serde::Serialize;

use crate::panel::Panel;

/// The body of a control answer.
pub(crate) enum Body {
    /// All of it; empty once it was handed over.
    Whole(Bytes),
    /// The next piece, and how it goes on.
    Endless(Next),
}

type Next = Pin<Box<dyn Future<Output = (Bytes, Step)> + Send>>;

/// Makes the next piece.
pub(crate) struct Step(Box<dyn FnOnce() -> Next + Send>);

impl Body {
    pub(crate) fn whole(text: Vec<u8>) -> Self {
        Self::Whole(text.into())
    }
}

/// The records from number `since` on: those there are, and each one to come.
pub(crate) fn stream<P: Panel>(panel: Arc<P>, since: u64) -> Body {
    // A comment first, so that the head leaves at once.
    let hello = Bytes::from_static(b": journal\n\n");
    let step = Step(Box::new(move || tail(panel, since)));
    Body::Endless(Box::pin(async { (hello, step) }))
}

fn tail<P: Panel>(panel: Arc<P>, since: u64) -> Next {
    Box::pin(async move {
        let log = panel.log();
        log.reached(since).await;
        let page = log.since(since);
        let mut text = Vec::new();
        if page.lost > 0 {
            let lost = format!("event: lost\ndata: {{\"lost\":{}}}\n\n", page.lost);
            text.extend_from_slice(lost.as_bytes());
        }
        let first = page.next - page.records.len() as u64;
        for (seq, record) in (first..).zip(&page.records) {
            event(&mut text, seq, record);
        }
        let step = Step(Box::new(move || tail(panel, page.next)));
        (text.into(), step)
    })
}

fn event(text: &mut Vec<u8>, seq: u64, record: &impl Serialize) {
    text.extend_from_slice(format!("id: {seq}\ndata: ").as_bytes());
    serde_json::to_writer(&mut *text, record).expect("our own types must be JSON");
    text.extend_from_slice(b"\n\n");
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = match &mut *self {
            Self::Whole(bytes) if bytes.is_empty() => return Poll::Ready(None),
            Self::Whole(bytes) => std::mem::take(bytes),
            Self::Endless(next) => {
                let (bytes, step) = ready!(next.as_mut().poll(context));
                *next = step.0();
                bytes
            }
        };
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Endless(_) => SizeHint::default(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole(_) => "Whole",
            Self::Endless(_) => "Endless",
        })
    }
}
