//! One request in progress and its journal record, which is written when the request is dropped.
//! The end may be a complete reply, a fault, or a client that disconnects.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ::http::{Request, header};

use crate::model::answer::{Record, Side};
use crate::model::moment::Moment;
use crate::model::percent;
use crate::target::Target;

/// A request in progress. Dropping it writes its record.
#[derive(Debug)]
pub(crate) struct PendingRequest {
    target: Arc<Target>,
    /// The record; `None` once it is written.
    record: Option<Record>,
    /// Set when a fault ends the HTTP/2 connection that the request shares with others.
    cut: Option<Arc<AtomicBool>>,
}

/// A request as far as the state and the journal need it.
#[derive(Clone, Debug)]
pub(crate) struct RequestInfo<'a> {
    pub(crate) method: &'a str,
    /// The decoded path.
    pub(crate) path: Cow<'a, [u8]>,
    pub(crate) agent: Option<&'a str>,
}

impl<'a> RequestInfo<'a> {
    /// Takes the fields from an `http` request, as h2 returns it.
    pub(crate) fn of<B>(request: &'a Request<B>) -> Self {
        let agent = request.headers().get(header::USER_AGENT);
        Self {
            method: request.method().as_str(),
            path: percent::decode_lenient(request.uri().path()),
            agent: agent.and_then(|agent| agent.to_str().ok()),
        }
    }
}

impl PendingRequest {
    pub(crate) fn new(target: Arc<Target>, record: Record) -> Self {
        Self {
            target,
            record: Some(record),
            cut: None,
        }
    }

    /// The record of a request or connection that begins. It counts as ended by the client until
    /// the reply is complete or a fault ends it.
    pub(crate) fn new_record(
        at: Moment,
        port: u16,
        peer: SocketAddr,
        reply: String,
        flipped: bool,
        revision: u64,
    ) -> Record {
        Record {
            seq: 0,
            at,
            took: 0,
            port,
            path: None,
            method: None,
            agent: None,
            peer,
            reply,
            flipped,
            revision,
            bytes: 0,
            closed: Some(Side::Client),
            gap: None,
        }
    }

    /// Sets the flag that tells whether a fault has ended the connection.
    pub(crate) fn sharing(mut self, cut: Option<Arc<AtomicBool>>) -> Self {
        self.cut = cut;
        self
    }

    /// Ends the request with `sent` bytes of body; `None` means that the client had disconnected.
    pub(crate) fn end(mut self, sent: Option<usize>) {
        if let Some(bytes) = sent {
            self.sent(bytes);
            self.complete();
        }
    }

    /// Adds body bytes handed to the connection.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.record_mut().bytes += bytes as u64;
    }

    /// Marks the reply as complete.
    pub(crate) fn complete(&mut self) {
        self.record_mut().closed = None;
    }

    /// Marks the request as ended by the target.
    pub(crate) fn end_by_target(&mut self) {
        self.record_mut().closed = Some(Side::Target);
    }

    fn record_mut(&mut self) -> &mut Record {
        let record = self.record.as_mut();
        record.expect("only the end must take the record")
    }
}

impl Drop for PendingRequest {
    fn drop(&mut self) {
        let Some(mut record) = self.record.take() else {
            return;
        };
        // Aborting the connection's tasks drops their pending requests as if the clients had left.
        let cut = self.cut.as_ref();
        if record.closed.is_some() && cut.is_some_and(|cut| cut.load(Ordering::Relaxed)) {
            record.closed = Some(Side::Target);
        }
        self.target.record(record);
    }
}
