//! One port of the state in both layers: its spec, its routes, and states set by flips of routes.

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

/// A port with its layers and routes.
#[derive(Debug, Default)]
pub(super) struct Port {
    pub(super) opening: Layers<PortSpec>,
    /// The port states that flips of routes set, one per route, newest first. They go before
    /// `opening`.
    pub(super) by_routes: Vec<Held<PortSpec>>,
    /// The only address that the port listens on; `None` for all.
    pub(super) address: Option<IpAddr>,
    pub(super) routes: Routes,
}

/// The behaviour that a request's path selects.
pub(super) struct Said {
    pub(super) effect: Effect,
    pub(super) delay: Duration,
    /// Whether counting this request may change the effect of the next one.
    pub(super) turns: bool,
    /// Whether the behaviour comes from a flip.
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

    /// The fault that the port's state means for a request on an established connection, and
    /// whether it comes from a flip.
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

    /// The state for a new connection, which is counted, and whether it comes from a flip.
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

    /// The port's state, and the layer that sets it; `None` if the port is open by default.
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

    /// Whether flips override a base that sets the port's state for a route: one of that route, or
    /// a 200 of any.
    fn is_undone(&self, now: Now) -> bool {
        let base = self.opening.base.as_ref();
        let route = base.and_then(|base| base.set.route.as_ref());
        route.is_some_and(|route| self.routes.undo(now, route))
    }

    /// The next moment at which time alone may change the port's state.
    pub(super) fn until(&self, now: Now) -> Option<Moment> {
        let base = self.opening.base.as_ref();
        let undoes = base.is_some_and(|base| base.set.route.is_some());
        let routes = self.routes.flips_until(now).filter(|_| undoes);
        let by_routes = self.by_routes.iter().filter_map(|held| held.until(now));
        let own = [self.opening.until(now), routes];
        own.into_iter().flatten().chain(by_routes).min()
    }

    /// Sets the flip of a route and removes the port state that the route has set. A 200 of a route
    /// that has set none removes those of all routes: otherwise the 200 would never be sent.
    pub(super) fn lay(&mut self, route: &RoutePath, behaviour: Held<Behaviour>) {
        let passes = behaviour.set.is_pass();
        if !self.unlay_state(route) && passes {
            self.by_routes.clear();
        }
        self.routes.entry(route).flip = Some(behaviour);
    }

    /// Removes the flip of a route and the port state that the route has set.
    pub(super) fn unlay(&mut self, route: &RoutePath) {
        self.unlay_state(route);
        if let Some(layers) = self.routes.get_mut(route) {
            layers.flip = None;
        }
    }

    /// Removes the port state that a flip of a route has set; returns whether there was one.
    fn unlay_state(&mut self, route: &RoutePath) -> bool {
        let before = self.by_routes.len();
        self.by_routes
            .retain(|held| held.set.route.as_ref() != Some(route));
        self.by_routes.len() < before
    }

    /// Sets a port state by a flip of a route.
    pub(super) fn open_for(&mut self, route: &RoutePath, opening: Held<PortSpec>) {
        self.unlay(route);
        self.by_routes.insert(0, opening);
    }

    /// All layers of the port's state in order of precedence, each with whether it is a flip.
    fn openings_mut(&mut self) -> impl Iterator<Item = (&mut Held<PortSpec>, bool)> {
        let by_routes = self.by_routes.iter_mut().map(|held| (held, true));
        by_routes.chain(self.opening.held_mut())
    }

    /// Counts a request for a decoded path, and returns the behaviour that applies to it.
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
        // A state that flips override is left out: as base, they would no longer override it.
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

/// The layer that sets a port's state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Whose<'a> {
    /// The flip of the port.
    Flip,
    /// The flip of a route.
    FlipOf(&'a RoutePath),
    /// The base, with the route that it sets the state for, if any.
    Base(Option<&'a RoutePath>),
}

/// The protocol of a port: the flip's, or else the base's.
pub(super) fn protocol(opening: &Layers<PortSpec>, now: Now) -> Protocol {
    let current = opening.current(now).into_iter().chain(&opening.base);
    let mut said = current.filter_map(|held| held.set.protocol);
    said.next().unwrap_or_default()
}
