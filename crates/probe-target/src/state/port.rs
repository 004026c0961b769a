//! One port of the state: how it is opened, and its routes, in both layers. Which ports there are is the world's.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::{ordered, shown};
use crate::model::answer;
use crate::model::behaviour::{Behaviour, Effect, Fault};
use crate::model::moment::Moment;
use crate::model::plan::PlannedPort;
use crate::model::port_spec::{PortSpec, PortState, Protocol};
use crate::model::route_path::RoutePath;
use crate::state::layers::{Held, Layers, Now};

use super::routes::Routes;

/// A port, with what is said about it.
#[derive(Debug, Default)]
pub(super) struct Port {
    pub(super) opening: Layers<PortSpec>,
    /// The states that flips of routes give the whole port, over `opening`; the newest first, one a route.
    pub(super) by_routes: Vec<Held<PortSpec>>,
    /// The one address that it listens on.
    pub(super) address: Option<IpAddr>,
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
            by_routes: Vec::new(),
            address: planned.address,
            routes: Routes::new(planned.routes),
        }
    }

    /// What the port's state does to a request on a connection that it does not keep from being read, and whether a flip says so.
    pub(super) fn ailing(&mut self, now: Now) -> Option<(Fault, bool)> {
        let undone = self.is_undone(now);
        for (held, flipped) in self.openings_mut() {
            if !held.in_force(now) || (undone && !flipped) {
                continue;
            }
            let fault = match held.set.state {
                PortState::Blackhole => Fault::Hang,
                PortState::Reset => Fault::Reset,
                PortState::Open | PortState::Closed | PortState::StopAccepting => return None,
            };
            if held.given_if(now, |_| true).is_some() {
                return Some((fault, flipped));
            }
        }
        None
    }

    /// What becomes of a new connection, which is counted, and whether a flip says so.
    pub(super) fn admit(&mut self, now: Now) -> (PortState, bool) {
        let undone = self.is_undone(now);
        let mut openings = self.openings_mut();
        let given = openings.find_map(|(held, flipped)| {
            if undone && !flipped {
                return None;
            }
            let (opening, _) = held.given_if(now, |_| true)?;
            Some((opening.state, flipped))
        });
        given.unwrap_or((PortState::Open, false))
    }

    /// What happens to connections, and who says so; nobody says that a port is open.
    pub(super) fn state(&self, now: Now) -> (PortState, Option<Whose<'_>>) {
        if let Some(held) = self.by_routes.iter().find(|held| held.in_force(now)) {
            let route = held.set.route.as_ref();
            return (held.set.state, route.map(Whose::FlipOf));
        }
        let flip = self.opening.flip.as_ref();
        if let Some(held) = flip.filter(|held| held.in_force(now)) {
            return (held.set.state, Some(Whose::Flip));
        }
        match &self.opening.base {
            Some(held) if held.in_force(now) && !self.is_undone(now) => {
                (held.set.state, Some(Whose::Base(held.set.route.as_ref())))
            }
            _ => (PortState::Open, None),
        }
    }

    /// Whether the base gives the port a state because of a route, and a flip gives that route something else, or any route a 200.
    fn is_undone(&self, now: Now) -> bool {
        let base = self.opening.base.as_ref();
        let route = base.and_then(|base| base.set.route.as_ref());
        route.is_some_and(|route| self.routes.undo(now, route))
    }

    /// The next moment at which time alone may change what happens to connections.
    pub(super) fn until(&self, now: Now) -> Option<Moment> {
        let base = self.opening.base.as_ref();
        let undoes = base.is_some_and(|base| base.set.route.is_some());
        let routes = self.routes.flips_until(now).filter(|_| undoes);
        let by_routes = self.by_routes.iter().filter_map(|held| held.until(now));
        let own = [self.opening.until(now), routes];
        own.into_iter().flatten().chain(by_routes).min()
    }

    /// Lays a flip over a route. It takes the place of the state that the route gave the port. A 200 of a route that gave it none
    /// opens the port, whichever routes had closed it: otherwise it would never be seen.
    pub(super) fn lay(&mut self, route: &RoutePath, behaviour: Held<Behaviour>) {
        let passes = behaviour.set.is_pass();
        if !self.unlay_state(route) && passes {
            self.by_routes.clear();
        }
        self.routes.entry(route).flip = Some(behaviour);
    }

    /// Takes the flip of a route away, and what it has made of the port.
    pub(super) fn unlay(&mut self, route: &RoutePath) {
        self.unlay_state(route);
        if let Some(layers) = self.routes.get_mut(route) {
            layers.flip = None;
        }
    }

    /// Takes away the state that a flip of a route gave the port, and says whether there was one.
    fn unlay_state(&mut self, route: &RoutePath) -> bool {
        let before = self.by_routes.len();
        self.by_routes
            .retain(|held| held.set.route.as_ref() != Some(route));
        self.by_routes.len() < before
    }

    /// A flip of a route that is about the whole port.
    pub(super) fn open_for(&mut self, route: &RoutePath, opening: Held<PortSpec>) {
        self.unlay(route);
        self.by_routes.insert(0, opening);
    }

    /// What is said about connections, what goes before the others first, and whether it is a flip.
    fn openings_mut(&mut self) -> impl Iterator<Item = (&mut Held<PortSpec>, bool)> {
        let by_routes = self.by_routes.iter_mut().map(|held| (held, true));
        by_routes.chain(self.opening.held_mut())
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

    pub(super) fn shown(&self, now: Now, state: PortState) -> answer::Port {
        let layer = |held: Option<&Held<PortSpec>>| held.and_then(|held| held.shown(now));
        answer::Port {
            protocol: protocol(&self.opening, now),
            state,
            listening: false,
            error: None,
            base: layer(self.opening.base.as_ref()),
            flip: layer(self.by_routes.first()).or_else(|| layer(self.opening.flip.as_ref())),
            covered: layer(self.opening.flip.as_ref()).filter(|_| !self.by_routes.is_empty()),
            address: self.address,
            routes: ordered(
                self.routes
                    .iter()
                    .map(|(route, layers)| (route.to_string(), shown(layers, now))),
            ),
            connections: answer::Connections::default(),
            hits: BTreeMap::new(),
            others: None,
            unread: None,
        }
    }

    pub(super) fn planned(&self, now: Now) -> PlannedPort {
        let protocol = protocol(&self.opening, now);
        let routes = self.routes.iter().filter(|_| protocol.has_routes());
        let of_routes = self.by_routes.iter().find(|held| !held.has_ended(now));
        let opening = of_routes.map(|held| held.remaining(now));
        let opening = opening.or_else(|| self.opening.flattened(now));
        // Where flips undo the base, it would stay undone without them.
        let opening = opening.filter(|opening| opening.route.is_none() || !self.is_undone(now));
        PlannedPort {
            opening: PortSpec {
                protocol: Some(protocol),
                ..opening.unwrap_or_default()
            },
            address: self.address,
            routes: ordered(routes.filter_map(|(route, layers)| {
                let behaviour = layers.flattened(now)?;
                Some((route, behaviour.unplayed()))
            })),
        }
    }
}

/// Who says what happens to the connections of a port.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Whose<'a> {
    /// A flip of the port.
    Flip,
    /// A flip of a route.
    FlipOf(&'a RoutePath),
    /// The base, perhaps because of a route.
    Base(Option<&'a RoutePath>),
}

/// What is spoken on a port: as the flip says, or else the base.
pub(super) fn protocol(opening: &Layers<PortSpec>, now: Now) -> Protocol {
    let current = opening.current(now).into_iter().chain(&opening.base);
    let mut said = current.filter_map(|held| held.set.protocol);
    said.next().unwrap_or_default()
}
