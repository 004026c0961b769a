//! One request from its beginning to its end, as it will stand in the journal. Whatever drops it ends it:
//! a reply handed over, a fault, or a client that left. It decides nothing.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use ::http::{Request, header};

use crate::moment::Moment;
use crate::percent;
use crate::target::Target;
use crate::wire::{Record, Side};
use crate::world::Decision;

/// A request in progress.
#[derive(Debug)]
pub(crate) struct Exchange {
    target: Arc<Target>,
    /// Taken at its end.
    record: Option<Record>,
}

/// A request as it is decided on and journalled.
#[derive(Clone, Debug)]
pub(crate) struct Asking<'a> {
    pub(crate) method: &'a str,
    /// Decoded.
    pub(crate) path: Cow<'a, str>,
    pub(crate) agent: Option<&'a str>,
}

impl<'a> Asking<'a> {
    /// The request of another version of HTTP.
    pub(crate) fn of<B>(request: &'a Request<B>) -> Self {
        let agent = request.headers().get(header::USER_AGENT);
        Self {
            method: request.method().as_str(),
            path: percent::decode_lossy(request.uri().path()),
            agent: agent.and_then(|agent| agent.to_str().ok()),
        }
    }
}

impl Exchange {
    pub(crate) fn new(target: Arc<Target>, record: Record) -> Self {
        let record = Some(record);
        Self { target, record }
    }

    /// The record of a request that has just begun. Until it is said otherwise, the client ended it.
    pub(crate) fn record(at: Moment, port: u16, peer: SocketAddr, decision: &Decision) -> Record {
        let Decision {
            effect,
            delay: _,
            flipped,
            revision,
        } = decision;
        Record {
            closed: Some(Side::Client),
            ..Self::unread(at, port, peer, effect.word(), *flipped, *revision)
        }
    }

    /// The record of a connection of which no request is read.
    pub(crate) fn unread(
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
            closed: Some(Side::Target),
            gap: None,
        }
    }

    /// This much of the body was handed over.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.record_mut().bytes += bytes as u64;
    }

    /// The reply was handed over completely.
    pub(crate) fn complete(&mut self) {
        self.record_mut().closed = None;
    }

    /// We end it.
    pub(crate) fn broken(&mut self) {
        self.record_mut().closed = Some(Side::Target);
    }

    fn record_mut(&mut self) -> &mut Record {
        let record = self.record.as_mut();
        record.expect("only the end must take the record")
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(record) = self.record.take() {
            self.target.record(record);
        }
    }
}
