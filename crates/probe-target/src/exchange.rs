//! One request from its beginning to its end, as it will stand in the journal. Whatever drops it ends it:
//! a reply handed over, a fault, or a client that left. It decides nothing.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::moment::Moment;
use crate::target::Target;
use crate::wire::{Record, Side};
use crate::world::Decision;

/// A request in progress.
#[derive(Debug)]
pub(crate) struct Exchange {
    target: Arc<Target>,
    record: Record,
}

impl Exchange {
    pub(crate) fn new(target: Arc<Target>, record: Record) -> Self {
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
            ..Self::unread(at, port, peer, &effect.word(), *flipped, *revision)
        }
    }

    /// The record of a connection of which no request is read.
    pub(crate) fn unread(
        at: Moment,
        port: u16,
        peer: SocketAddr,
        reply: &str,
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
            peer: peer.to_string(),
            reply: reply.to_owned(),
            flipped,
            revision,
            bytes: 0,
            closed: Some(Side::Target),
            gap: None,
        }
    }

    /// This much of the body was handed over.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.record.bytes += bytes as u64;
    }

    /// The reply was handed over completely.
    pub(crate) fn complete(&mut self) {
        self.record.closed = None;
    }

    /// We end it.
    pub(crate) fn broken(&mut self) {
        self.record.closed = Some(Side::Target);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.target.record(&self.record);
    }
}
