//! One port of the state in both layers: its spec, its routes, and states set by flips of routes.

use std::net::IpAddr;

use crate::model::answer;
use crate::model::behaviour::{Behaviour, Fault};
use crate::model::moment::Moment;
use crate::model::plan::PlannedPort;
use crate::model::port_spec::{PortSpec, PortState, Protocol};
use crate::model::route_path::RoutePath;
use crate::state::decision::Decision;
use crate::state::layers::{Held, Layers, Now};
use crate::state::ordered_map;
use crate::state::routes::Routes;

/// A port with its layers and routes.
#[derive(Debug, Default)]
pub(super) struct Port {
    pub(super) spec: Layers<PortSpec>,
    /// The port states that flips of routes set, one per route, newest first. They go before
    /// `spec`.
    pub(super) set_by_routes: Vec<Held<PortSpec>>,
    /// The only address that the port listens on; `None` for all.
    pub(super) address: Option<IpAddr>,
    pub(super) routes: Routes,
}

impl Port {
    pub(super) fn new(planned: PlannedPort) -> Self {
        Self {
            spec: Layers::new(planned.opening),
            set_by_routes: Vec::new(),
            address: planned.address,
            routes: Routes::new(planned.routes),
        }
    }

    /// The fault that the port's state means for a request on an established connection, and
    /// whether it comes from a flip.
    pub(super) fn fault(&mut self, now: Now) -> Option<(Fault, bool)> {
        let overridden = self.is_base_overridden(now);
        for (held, flipped) in self.specs_mut() {
            if !held.in_force(now) || (overridden && !flipped) {
                continue;
            }
            let fault = match held.set.state {
                PortState::Blackhole => Fault::Hang,
                PortState::Reset => Fault::Reset,
                // These affect new connections only.
                PortState::Open | PortState::Closed | PortState::StopAccepting => return None,
            };
            // A layer whose probability spares this request leaves it to the next layer.
            if held.select(now, |_| true).is_some() {
                return Some((fault, flipped));
            }
        }
        None
    }

    /// The state for a new connection, which is counted, and whether it comes from a flip.
    pub(super) fn admit(&mut self, now: Now) -> (PortState, bool) {
        let overridden = self.is_base_overridden(now);
        let mut specs = self.specs_mut();
        let selected = specs.find_map(|(held, flipped)| {
            if overridden && !flipped {
                return None;
            }
            let (spec, _) = held.select(now, |_| true)?;
            Some((spec.state, flipped))
        });
        selected.unwrap_or((PortState::Open, false))
    }

    /// The port's state, and the layer that sets it; `None` if the port is open by default.
    pub(super) fn state(&self, now: Now) -> (PortState, Option<StateSource<'_>>) {
        if let Some(held) = self.set_by_routes.iter().find(|held| held.in_force(now)) {
            let route = held.set.route.as_ref();
            return (held.set.state, route.map(StateSource::FlipOf));
        }
        let flip = self.spec.flip.as_ref();
        if let Some(held) = flip.filter(|held| held.in_force(now)) {
            return (held.set.state, Some(StateSource::Flip));
        }
        match &self.spec.base {
            Some(held) if held.in_force(now) && !self.is_base_overridden(now) => (
                held.set.state,
                Some(StateSource::Base(held.set.route.as_ref())),
            ),
            _ => (PortState::Open, None),
        }
    }

    /// Whether flips override a base that sets the port's state for a route: one of that route, or
    /// a 200 of any.
    fn is_base_overridden(&self, now: Now) -> bool {
        let base = self.spec.base.as_ref();
        let route = base.and_then(|base| base.set.route.as_ref());
        route.is_some_and(|route| self.routes.overrides_base(now, route))
    }

    /// The next moment at which time alone may change the port's state.
    pub(super) fn until(&self, now: Now) -> Option<Moment> {
        let base = self.spec.base.as_ref();
        let overridable = base.is_some_and(|base| base.set.route.is_some());
        let routes = self.routes.flips_until(now).filter(|_| overridable);
        let set_by_routes = self.set_by_routes.iter().filter_map(|held| held.until(now));
        let own = [self.spec.until(now), routes];
        own.into_iter().flatten().chain(set_by_routes).min()
    }

    /// Sets the flip of a route and removes the port state that the route has set. A 200 of a route
    /// that has set none removes those of all routes: otherwise the 200 would never be sent.
    pub(super) fn flip_route(&mut self, route: &RoutePath, behaviour: Held<Behaviour>) {
        let passes = behaviour.set.is_pass();
        if !self.clear_set_by(route) && passes {
            self.set_by_routes.clear();
        }
        self.routes.entry(route).flip = Some(behaviour);
    }

    /// Removes the flip of a route and the port state that the route has set.
    pub(super) fn heal_route(&mut self, route: &RoutePath) {
        self.clear_set_by(route);
        if let Some(layers) = self.routes.get_mut(route) {
            layers.flip = None;
        }
    }

    /// Removes the port state that a flip of a route has set; returns whether there was one.
    fn clear_set_by(&mut self, route: &RoutePath) -> bool {
        let before = self.set_by_routes.len();
        self.set_by_routes
            .retain(|held| held.set.route.as_ref() != Some(route));
        self.set_by_routes.len() < before
    }

    /// Sets a port state by a flip of a route.
    pub(super) fn flip_by_route(&mut self, route: &RoutePath, spec: Held<PortSpec>) {
        self.heal_route(route);
        self.set_by_routes.insert(0, spec);
    }

    /// Sets the flip of the port, which replaces the states set by routes: the newest change wins.
    pub(super) fn flip(&mut self, spec: Held<PortSpec>) {
        self.heal();
        self.spec.flip = Some(spec);
    }

    /// Removes the flip of the port and the states set by routes.
    pub(super) fn heal(&mut self) {
        self.set_by_routes.clear();
        self.spec.flip = None;
    }

    /// All layers of the port's state in order of precedence, each with whether it is a flip.
    fn specs_mut(&mut self) -> impl Iterator<Item = (&mut Held<PortSpec>, bool)> {
        let set_by_routes = self.set_by_routes.iter_mut().map(|held| (held, true));
        set_by_routes.chain(self.spec.held_mut())
    }

    /// Decides what to do with a request for a decoded path, and counts it; `None` if no behaviour
    /// applies.
    pub(super) fn decide(&mut self, now: Now, path: &[u8], agent: &str) -> Option<Decision> {
        let applies = |behaviour: &Behaviour| behaviour.is_for(agent);
        let (behaviour, number, flipped) = self.routes.select(now, path, applies)?;
        let is_last = behaviour.bounds.count == Some(number + 1);
        Some(Decision {
            effect: behaviour.nth(number).clone(),
            delay: behaviour.delay,
            changes_next: !behaviour.then.is_empty() || is_last,
            flipped,
        })
    }

    /// The port as `state` shows it, without what its task and the statistics know.
    pub(super) fn shown(&self, now: Now, state: PortState) -> answer::Port {
        let layer = |held: Option<&Held<PortSpec>>| held.and_then(|held| held.shown(now));
        let routes = self.routes.iter();
        let routes = routes.map(|(route, layers)| (route.to_string(), layers.shown(now)));
        answer::Port {
            protocol: protocol(&self.spec, now),
            state,
            base: layer(self.spec.base.as_ref()),
            flip: layer(self.set_by_routes.first()).or_else(|| layer(self.spec.flip.as_ref())),
            // What a state set by a route hides, so that a reader of `state` sees both.
            covered: layer(self.spec.flip.as_ref()).filter(|_| !self.set_by_routes.is_empty()),
            address: self.address,
            routes: ordered_map::collect(routes),
            ..answer::Port::default()
        }
    }

    pub(super) fn planned(&self, now: Now) -> PlannedPort {
        let protocol = protocol(&self.spec, now);
        let routes = self.routes.iter().filter(|_| protocol.has_routes());
        let of_route = self.set_by_routes.iter().find(|held| !held.has_ended(now));
        let spec = of_route.map(|held| held.remaining(now));
        let spec = spec.or_else(|| self.spec.flattened(now));
        // A state that flips override is left out: as base, they would no longer override it.
        let spec = spec.filter(|spec| spec.route.is_none() || !self.is_base_overridden(now));
        PlannedPort {
            opening: PortSpec {
                protocol: Some(protocol),
                ..spec.unwrap_or_default()
            },
            address: self.address,
            routes: ordered_map::collect(routes.filter_map(|(route, layers)| {
                let behaviour = layers.flattened(now)?;
                Some((route, behaviour.unplayed()))
            })),
        }
    }
}

/// The layer that sets a port's state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum StateSource<'a> {
    /// The flip of the port.
    Flip,
    /// The flip of a route.
    FlipOf(&'a RoutePath),
    /// The base, with the route that it sets the state for, if any.
    Base(Option<&'a RoutePath>),
}

/// The protocol of a port: the flip's, or else the base's.
pub(super) fn protocol(spec: &Layers<PortSpec>, now: Now) -> Protocol {
    let layers = spec.current(now).into_iter().chain(&spec.base);
    let mut protocols = layers.filter_map(|held| held.set.protocol);
    protocols.next().unwrap_or_default()
}
