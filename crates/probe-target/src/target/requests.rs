//! Decides on requests and connections of a running target, and counts and journals them.

use std::net::SocketAddr;
use std::sync::Arc;

use super::{Target, lock};
use crate::model::answer::{Record, Side, recorded_text};
use crate::model::behaviour::{Effect, Fault};
use crate::model::moment::{Moment, micros};
use crate::model::port_spec::PortState;
use crate::model::route_path;
use crate::state::Decision;
use crate::target::backend::JournalEntry;
use crate::target::exchange::{Asking, Exchange};

impl Target {
    /// Decides what to do with a request, and begins its record.
    pub(crate) fn begin(
        self: &Arc<Self>,
        port: u16,
        peer: SocketAddr,
        asking: &Asking<'_>,
    ) -> (Decision, Exchange) {
        let now = self.clock.now();
        let agent = asking.agent.unwrap_or_default();
        let decision = self.world().decide(now, port, &asking.path, agent);
        if decision.turns {
            // Wakes gRPC watches, as the next effect may differ.
            self.changed.send_replace(());
        }
        let record = Exchange::record(now, port, peer, &decision);
        (decision, self.exchange(record, asking))
    }

    /// Begins the record of a request that no behaviour applies to, and returns the port fault in
    /// force.
    pub(crate) fn note(
        self: &Arc<Self>,
        port: u16,
        peer: SocketAddr,
        asking: &Asking<'_>,
        reply: &str,
    ) -> (Option<Fault>, Exchange) {
        let (now, mut world) = (self.clock.now(), self.world());
        let (ails, revision) = (world.ailing(now, port), world.revision());
        drop(world);
        let (reply, flipped) =
            ails.map_or((reply, false), |(fault, flipped)| (fault.name(), flipped));
        let record = Record {
            closed: Some(Side::Client),
            ..Exchange::unread(now, port, peer, reply.to_owned(), flipped, revision)
        };
        (ails.map(|(fault, _)| fault), self.exchange(record, asking))
    }

    fn exchange(self: &Arc<Self>, record: Record, asking: &Asking<'_>) -> Exchange {
        let path = recorded_text(&route_path::text(&asking.path)).to_owned();
        let record = Record {
            gap: lock(&self.tally).begin(record.at, record.port, Some(&path)),
            path: Some(path),
            method: Some(recorded_text(asking.method).to_owned()),
            agent: asking.agent.map(|agent| recorded_text(agent).to_owned()),
            ..record
        };
        Exchange::new(Arc::clone(self), record)
    }

    /// Begins the record of a connection to a TCP port.
    pub(crate) fn accepted(self: &Arc<Self>, port: u16, peer: SocketAddr) -> Exchange {
        let now = self.clock.now();
        let revision = self.world().revision();
        let record = Record {
            closed: Some(Side::Client),
            gap: lock(&self.tally).begin(now, port, None),
            ..Exchange::unread(now, port, peer, "accept".to_owned(), false, revision)
        };
        Exchange::new(Arc::clone(self), record)
    }

    /// The effect of a route now, without counting, and when time alone may change it.
    pub(crate) fn peek(&self, port: u16, path: &[u8], agent: &str) -> (Effect, Option<Moment>) {
        self.world().peek(self.clock.now(), port, path, agent)
    }

    /// The gRPC services of a port, including the unnamed one, with their effects for this user
    /// agent now.
    pub(crate) fn services(&self, port: u16, agent: &str) -> Vec<(String, Effect)> {
        let (now, world) = (self.clock.now(), self.world());
        let mut services = vec![(String::new(), world.peek(now, port, b"/", agent).0)];
        let routes = world.routes(port).into_iter();
        // A wildcard is not the name of a service.
        for route in routes.filter(|route| !route.is_wildcard()) {
            let effect = world.peek(now, port, route.decoded(), agent).0;
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
        let mut world = self.world();
        let (state, flipped) = world.admit(now, port);
        let revision = world.revision();
        drop(world);
        lock(&self.tally).accepted(port);
        if matches!(state, PortState::Reset | PortState::Blackhole) {
            let reply = state.name().to_owned();
            let gap = lock(&self.tally).begin(now, port, None);
            self.record(Record {
                gap,
                ..Exchange::unread(now, port, peer, reply, flipped, revision)
            });
        }
        state
    }

    /// Sets the number of open connections to a port.
    pub(crate) fn connected(&self, port: u16, open: usize) {
        lock(&self.tally).open(port, open);
    }

    /// Notes that the target ends all connections of a port.
    pub(crate) fn cut(&self, port: u16) {
        lock(&self.tally).cut(self.clock.now(), port);
    }

    /// Completes a record and writes it to the journal.
    pub(crate) fn record(&self, mut record: Record) {
        record.took = micros(self.clock.now() - record.at);
        // Removing a port or changing its protocol ends its connections.
        let cut = || !self.ports().contains(&record.port) || lock(&self.tally).was_cut(&record);
        if record.closed.is_some() && cut() {
            record.closed = Some(Side::Target);
        }
        lock(&self.tally).end(&record);
        self.log.push(|seq| {
            record.seq = seq;
            JournalEntry::Request(record)
        });
    }
}
