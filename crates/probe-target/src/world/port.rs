//! One port of the state: how it is opened, and its routes, in both layers. Which ports there are is the world's.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{ordered, shown};
use crate::behaviour::{Behaviour, Effect, Fault};
use crate::layers::{Held, Layers, Now};
use crate::opening::{Opening, PortState, Protocol};
use crate::plan::PlannedPort;
use crate::wire;

use super::routes::Routes;

/// A port, with what is said about it.
#[derive(Debug, Default)]
pub(super) struct Port {
    pub(super) opening: Layers<Opening>,
    pub(super) routes: Routes,
}

/// What a request is given because of its path.
pub(super) struct Said {
    pub(super) effect: Effect,
    pub(super) delay: Duration,
    /// Whether the next may be given something else, as this one was counted.
    pub(super) turns: bool,
    /// Whether a flip says so.
    pub(super) flipped: bool,
}

impl Port {
    pub(super) fn new(planned: PlannedPort) -> Self {
        Self {
            opening: Layers::new(planned.opening),
            routes: Routes::new(planned.routes),
        }
    }

    /// What the port's state does to a request on a connection that it does not keep from being read, and whether a flip says so.
    pub(super) fn ailing(&mut self, now: Now) -> Option<(Fault, bool)> {
        let ails =
            |opening: &Opening| matches!(opening.state, PortState::Blackhole | PortState::Reset);
        let (opening, _, flipped) = self.opening.give(now, ails)?;
        let fault = match opening.state {
            PortState::Blackhole => Fault::Hang,
            _ => Fault::Reset,
        };
        Some((fault, flipped))
    }

    /// What is said about the decoded path.
    pub(super) fn said(&mut self, now: Now, path: &[u8], agent: &str) -> Option<Said> {
        let meant = |behaviour: &Behaviour| behaviour.is_for(agent);
        let (behaviour, number, flipped) = self.routes.give(now, path, meant)?;
        Some(Said {
            effect: behaviour.nth(number).clone(),
            delay: behaviour.delay,
            turns: !behaviour.then.is_empty() || behaviour.bounds.count == Some(number + 1),
            flipped,
        })
    }

    pub(super) fn shown(&self, now: Now, state: PortState) -> wire::Port {
        let layer = |held: &Option<Held<Opening>>| held.as_ref().and_then(|held| held.shown(now));
        wire::Port {
            protocol: protocol(&self.opening, now),
            state,
            listening: false,
            error: None,
            base: layer(&self.opening.base),
            flip: layer(&self.opening.flip),
            routes: ordered(
                self.routes
                    .iter()
                    .map(|(route, layers)| (route.to_string(), shown(layers, now))),
            ),
            connections: wire::Connections::default(),
            hits: BTreeMap::new(),
            others: None,
            unread: None,
        }
    }

    pub(super) fn planned(&self, now: Now) -> PlannedPort {
        let protocol = protocol(&self.opening, now);
        let routes = self.routes.iter().filter(|_| protocol.has_routes());
        PlannedPort {
            opening: Opening {
                protocol: Some(protocol),
                ..self.opening.flattened(now).unwrap_or_default()
            },
            routes: ordered(routes.filter_map(|(route, layers)| {
                let behaviour = layers.flattened(now)?;
                Some((route, behaviour.unplayed()))
            })),
        }
    }
}

/// What is spoken on a port: as the flip says, or else the base.
pub(super) fn protocol(opening: &Layers<Opening>, now: Now) -> Protocol {
    let current = opening.current(now).into_iter().chain(&opening.base);
    let mut said = current.filter_map(|held| held.set.protocol);
    said.next().unwrap_or_default()
}
