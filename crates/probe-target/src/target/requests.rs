//! Decides on requests and connections of a running target, and counts and journals them.

use std::net::SocketAddr;
use std::sync::Arc;

use super::Target;
use crate::model::answer::{Record, Side, recorded_text};
use crate::model::behaviour::{Effect, Fault};
use crate::model::moment::{Moment, micros};
use crate::model::port_spec::PortState;
use crate::model::route_path;
use crate::mutex::lock;
use crate::state::decision::Decision;
use crate::target::backend::JournalEntry;
use crate::target::pending_request::{PendingRequest, RequestInfo};

impl Target {
    /// Decides what to do with a request, and begins its record.
    pub(crate) fn begin(
        self: &Arc<Self>,
        port: u16,
        peer: SocketAddr,
        request: &RequestInfo<'_>,
    ) -> (Decision, PendingRequest) {
        let now = self.clock.now();
        let agent = request.agent.unwrap_or_default();
        let mut state = self.lock_state();
        let decision = state.decide(now, port, &request.path, agent);
        let revision = state.revision();
        drop(state);
        if decision.changes_next {
            // Wakes gRPC watches.
            self.changed.send_replace(());
        }
        let (reply, flipped) = (decision.effect.word(), decision.flipped);
        let record = PendingRequest::new_record(now, port, peer, reply, flipped, revision);
        (decision, self.pending(record, request))
    }

    /// Begins the record of a request that no behaviour applies to, and returns the port fault in
    /// force.
    pub(crate) fn begin_unmatched(
        self: &Arc<Self>,
        port: u16,
        peer: SocketAddr,
        request: &RequestInfo<'_>,
        reply: &str,
    ) -> (Option<Fault>, PendingRequest) {
        let (now, mut state) = (self.clock.now(), self.lock_state());
        let (fault, revision) = (state.port_fault(now, port), state.revision());
        drop(state);
        let (reply, flipped) =
            fault.map_or((reply, false), |(fault, flipped)| (fault.name(), flipped));
        let record =
            PendingRequest::new_record(now, port, peer, reply.to_owned(), flipped, revision);
        (fault.map(|(fault, _)| fault), self.pending(record, request))
    }

    fn pending(self: &Arc<Self>, record: Record, request: &RequestInfo<'_>) -> PendingRequest {
        let path = recorded_text(&route_path::text(&request.path)).to_owned();
        let record = Record {
            gap: lock(&self.stats).begin(record.at, record.port, Some(&path)),
            path: Some(path),
            method: Some(recorded_text(request.method).to_owned()),
            agent: request.agent.map(|agent| recorded_text(agent).to_owned()),
            ..record
        };
        PendingRequest::new(Arc::clone(self), record)
    }

    /// Begins the record of a connection to a TCP port.
    pub(crate) fn begin_connection(
        self: &Arc<Self>,
        port: u16,
        peer: SocketAddr,
    ) -> PendingRequest {
        let now = self.clock.now();
        let revision = self.lock_state().revision();
        let record = Record {
            gap: lock(&self.stats).begin(now, port, None),
            ..PendingRequest::new_record(now, port, peer, "accept".to_owned(), false, revision)
        };
        PendingRequest::new(Arc::clone(self), record)
    }

    /// The effect of a route now, without counting, and when time alone may change it.
    pub(crate) fn peek(&self, port: u16, path: &[u8], agent: &str) -> (Effect, Option<Moment>) {
        self.lock_state().peek(self.clock.now(), port, path, agent)
    }

    /// The gRPC services of a port, including the unnamed one, with their effects for this user
    /// agent now.
    pub(crate) fn services(&self, port: u16, agent: &str) -> Vec<(String, Effect)> {
        let (now, state) = (self.clock.now(), self.lock_state());
        let mut services = vec![(String::new(), state.peek(now, port, b"/", agent).0)];
        let routes = state.routes(port).into_iter();
        // A wildcard is not the name of a service.
        for route in routes.filter(|route| !route.is_wildcard()) {
            let effect = state.peek(now, port, route.decoded(), agent).0;
            let service = String::from_utf8_lossy(&route.decoded()[1..]);
            if !service.is_empty() {
                services.push((service.into_owned(), effect));
            }
        }
        services
    }

    /// Decides what to do with a new connection, and records it if no request of it will be read.
    pub(crate) fn admit(&self, port: u16, peer: SocketAddr) -> PortState {
        let now = self.clock.now();
        let mut target_state = self.lock_state();
        let (state, flipped) = target_state.admit(now, port);
        let revision = target_state.revision();
        drop(target_state);
        lock(&self.stats).accepted(port);
        if matches!(state, PortState::Reset | PortState::Blackhole) {
            let reply = state.name().to_owned();
            let gap = lock(&self.stats).begin(now, port, None);
            self.record(Record {
                gap,
                closed: Some(Side::Target),
                ..PendingRequest::new_record(now, port, peer, reply, flipped, revision)
            });
        }
        state
    }

    /// Sets the number of open connections to a port.
    pub(crate) fn set_open_connections(&self, port: u16, open: usize) {
        lock(&self.stats).set_open(port, open);
    }

    /// Notes that the target ends all connections of a port.
    pub(crate) fn cut_connections(&self, port: u16) {
        lock(&self.stats).set_cut(self.clock.now(), port);
    }

    /// Completes a record and writes it to the journal.
    pub(crate) fn record(&self, mut record: Record) {
        record.took = micros(self.clock.now() - record.at);
        // Removing a port or changing its protocol ends its connections.
        let cut = || !self.ports().contains(&record.port) || lock(&self.stats).was_cut(&record);
        if record.closed.is_some() && cut() {
            record.closed = Some(Side::Target);
        }
        lock(&self.stats).end(&record);
        self.journal.push(|seq| {
            record.seq = seq;
            JournalEntry::Request(record)
        });
    }
}
