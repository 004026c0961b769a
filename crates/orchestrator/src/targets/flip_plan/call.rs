//! Translates a behaviour into the change of a route or port for an HTTP, TCP or gRPC probe.

use probe_target::{
    ParseError,
    model::{
        behaviour::{Effect, Fault},
        flip_spec::{Flip, FlipSpec},
        port_spec::{PortSpec, PortState},
        route_path::RoutePath,
    },
};

use super::{FlipAction, FlipProblem};
use crate::targets::probe_spec::{Asks, ProbeSpec};

/// A probe and the behaviour to flip it to.
#[derive(Clone, Copy)]
pub(super) struct Flipped<'a> {
    pub(super) probed: &'a ProbeSpec,
    pub(super) to: &'a FlipSpec,
}

impl Flipped<'_> {
    /// The port and the change to make there.
    pub(super) fn act(self) -> Result<(u16, FlipAction), FlipProblem> {
        match &self.probed.asks {
            Asks::Http { port, path } => Ok((*port, self.on_route(path))),
            Asks::Tcp { port } => Ok((*port, self.on_connections()?)),
            Asks::Grpc { port, service } => Ok((*port, self.on_service(service)?)),
            Asks::Foreign(asks) => Err(FlipProblem::NotOurs {
                container: self.probed.container.clone(),
                probe: self.probed.probe,
                asks: asks.clone(),
            }),
        }
    }

    fn on_route(self, path: &RoutePath) -> FlipAction {
        match &self.to.flip {
            Flip::Route(gets) => FlipAction::Route {
                path: path.clone(),
                gets: Box::new(gets.clone()),
            },
            Flip::Port(spec) => {
                // A change of protocol and an open port concern the whole port, not one route.
                let is_whole = spec.protocol.is_some() || spec.state == PortState::Open;
                FlipAction::Port(PortSpec {
                    route: (!is_whole).then(|| path.clone()),
                    ..spec.clone()
                })
            }
        }
    }

    /// A gRPC service is a route, limited to the behaviours that gRPC has.
    fn on_service(self, service: &str) -> Result<FlipAction, FlipProblem> {
        let act = self.on_route(&RoutePath::exact(format!("/{service}")));
        if let FlipAction::Route { gets, .. } = &act
            && let Some(why) = gets.effects().find_map(foreign_to_grpc)
        {
            return Err(self.unseen("grpc", why, SEEN_BY_GRPC));
        }
        Ok(act)
    }

    /// Seen on 1.36.3: a port in state `blackhole` or `stop-accepting` passes every tcp probe; one
    /// that resets failed 24 of 46 probes in one run and 8 of 66 in another.
    fn on_connections(self) -> Result<FlipAction, FlipProblem> {
        let unseen = |why| Err(self.unseen("tcp", why, "`pass`, `fail` or `refuse`"));
        let opening = self.to.on_connections();
        let Some(opening) = opening.map_err(|invalid| self.impossible(invalid))? else {
            return unseen("it asks nothing and hears nothing");
        };
        match opening.state {
            PortState::Open | PortState::Closed => Ok(FlipAction::Port(opening)),
            PortState::Blackhole | PortState::StopAccepting => {
                unseen("the system completes connections that are not accepted or read")
            }
            PortState::Reset => {
                unseen("it is connected by then, and whether it hears of the reset is chance")
            }
        }
    }

    fn unseen(self, kind: &'static str, why: &'static str, expected: &'static str) -> FlipProblem {
        FlipProblem::Unseen {
            container: self.probed.container.clone(),
            probe: self.probed.probe,
            kind,
            to: self.to.to_string(),
            why,
            expected,
        }
    }

    fn impossible(self, invalid: ParseError) -> FlipProblem {
        FlipProblem::Impossible {
            container: self.probed.container.clone(),
            probe: self.probed.probe,
            to: self.to.to_string(),
            invalid: Box::new(invalid),
        }
    }
}

pub(super) const SEEN_BY_GRPC: &str = "`pass`, `fail`, `404` (NOT_FOUND), `501` (UNIMPLEMENTED), `hang`, `close`, `reset`, `refuse`, `blackhole` or `stop-accepting`";

/// The reason why gRPC health checks do not support this effect; `None` if they do. probe-target
/// translates status 200 to `SERVING` and 503 to `NOT_SERVING`.
fn foreign_to_grpc(effect: &Effect) -> Option<&'static str> {
    match effect {
        Effect::Reply(reply) if !matches!(reply.status, 200 | 404 | 501 | 503) => {
            Some("no other statuses have a meaning in gRPC")
        }
        Effect::Reply(reply) if reply.body.is_some() || !reply.headers.is_empty() => {
            Some("a health status has neither headers nor a body")
        }
        Effect::Fault(fault, _) if !matches!(fault, Fault::Hang | Fault::Close | Fault::Reset) => {
            Some("it is a fault of HTTP/1.1, and gRPC speaks HTTP/2")
        }
        Effect::Reply(_) | Effect::Fault(..) => None,
    }
}
