//! The state of a target: ports, routes, process faults and lease; decides what each request gets.
//! Pure: time and requests are arguments. No listener, no connection and no clock.

mod effective;
pub(crate) mod journal;
mod kept;
pub(crate) mod layers;
pub(crate) mod persistence;
mod port;
mod process;
pub(crate) mod request_stats;
mod routes;

use std::collections::BTreeMap;
use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::model::answer;
use crate::model::behaviour::{Behaviour, Details, Effect, Fault};
use crate::model::moment::Moment;
use crate::model::plan::Plan;
use crate::model::port_spec::{PortSpec, PortState, Protocol};
use crate::model::process_fault::ProcessFault;
use crate::model::route_path::RoutePath;
use crate::state::layers::{Bounded, Held, Layers, Now};
pub(crate) use effective::Effective;
use port::{Port, protocol};
use process::Process;
pub(crate) use process::{End, Fate};

/// The state of a target.
#[derive(Debug)]
pub(crate) struct TargetState {
    revision: u64,
    lease: Option<Moment>,
    process: Process,
    ports: BTreeMap<u16, Port>,
    /// The port of the control API, which no change may open.
    control: Option<u16>,
}

/// One change by the control API.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    /// Sets the flip of a port. A port without base is created.
    Open(u16, PortSpec),
    /// Removes the flip of a port. A port without base is removed.
    Unopen(u16),
    /// Sets the flip of a route.
    Lay(u16, RoutePath, Behaviour),
    /// Removes the flip of a route.
    Unlay(u16, RoutePath),
    /// Removes all flips.
    Heal,
    /// Starts or renews the lease.
    Lease(Duration),
    /// Sets the flip of a process fault.
    Afflict(ProcessFault),
    /// Removes the flip of a process fault, by its name.
    Unafflict(String),
}

/// Why a change is rejected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ChangeError {
    /// The flip is leased but no lease runs, so nothing would end it.
    NoLease,
    /// The route's port does not exist.
    NoPort {
        /// The requested port.
        port: u16,
        /// The existing ports.
        known: Vec<u16>,
    },
    /// The port belongs to the control API.
    Control(u16),
    /// The port speaks tcp and has no routes.
    NoRoutes(u16),
    /// The maximum number of ports or routes exists already.
    Full {
        /// The rejected field: `port` or `path`.
        field: &'static str,
        /// The maximum.
        most: usize,
    },
}

/// Limits on ports and routes, so that invented ones do not fill the memory.
const MOST_PORTS: usize = 256;
const MOST_ROUTES: usize = 1024;

/// What to do with a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Decision {
    pub(crate) effect: Effect,
    pub(crate) delay: Duration,
    /// Whether counting this request may change the effect of the next one.
    pub(crate) turns: bool,
    /// Whether the effect comes from a flip.
    pub(crate) flipped: bool,
    /// The revision in force when the request began.
    pub(crate) revision: u64,
}

/// How a port is to be configured now, and when time alone may change that.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct WantedPort {
    /// The address to listen on; `[::]` is every address of the host.
    pub(crate) address: SocketAddr,
    pub(crate) protocol: Protocol,
    pub(crate) state: PortState,
    pub(crate) until: Option<Moment>,
}

impl TargetState {
    /// The state of a target that starts with this plan.
    pub(crate) fn new(plan: Plan) -> Self {
        let ports = plan.ports.into_iter();
        Self {
            revision: 0,
            lease: None,
            process: Process::new(plan.process),
            control: None,
            ports: ordered(ports.map(|(number, planned)| (number, Port::new(planned)))),
        }
    }

    /// The same state with the port of the control API reserved.
    pub(crate) fn beside(self, control: u16) -> Self {
        Self {
            control: Some(control),
            ..self
        }
    }

    /// The number of changes applied.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// When the lease expires; `None` if none runs at `now`.
    pub(crate) fn lease(&self, now: Moment) -> Option<Moment> {
        self.lease.filter(|end| now < *end)
    }

    /// All ports, listening or not.
    pub(crate) fn ports(&self) -> Vec<u16> {
        self.ports.keys().copied().collect()
    }

    /// Decides what to do with a request for a decoded path, and counts the request.
    pub(crate) fn decide(&mut self, at: Moment, port: u16, path: &[u8], agent: &str) -> Decision {
        let (now, revision) = (self.now(at), self.revision);
        let at_once = |effect, flipped| Decision {
            effect,
            delay: Duration::ZERO,
            turns: false,
            flipped,
            revision,
        };
        let port = self.ports.get_mut(&port);
        let said = port.and_then(|port| match port.ailing(now) {
            Some((fault, flipped)) => {
                Some(at_once(Effect::Fault(fault, Details::default()), flipped))
            }
            None => port.said(now, path, agent).map(|said| Decision {
                delay: said.delay,
                turns: said.turns,
                ..at_once(said.effect, said.flipped)
            }),
        });
        said.unwrap_or_else(|| at_once(Effect::from(200), false))
    }

    /// The port fault for a request that no behaviour applies to, and whether it comes from a flip.
    /// A fault counts the request.
    pub(crate) fn ailing(&mut self, at: Moment, port: u16) -> Option<(Fault, bool)> {
        let now = self.now(at);
        self.ports.get_mut(&port)?.ailing(now)
    }

    /// The port state for a new connection, and whether it comes from a flip. A fault counts the
    /// connection.
    pub(crate) fn admit(&mut self, at: Moment, port: u16) -> (PortState, bool) {
        let now = self.now(at);
        let port = self.ports.get_mut(&port);
        port.map_or((PortState::Open, false), |port| port.admit(now))
    }

    /// The effect for a request now, without counting it, and when time alone may change it. A
    /// behaviour with a probability above 0 is taken for certain.
    pub(crate) fn peek(
        &self,
        at: Moment,
        port: u16,
        path: &[u8],
        agent: &str,
    ) -> (Effect, Option<Moment>) {
        let now = self.now(at);
        let routes = self.ports.get(&port).map(|port| &port.routes);
        let meant = |said: &Behaviour| said.is_for(agent) && !said.bounds.is_never();
        let held = routes.and_then(|routes| routes.current(now, path, meant));
        let next = held.map(|held| held.set.nth(held.given(now)).clone());
        let effect = next.unwrap_or_else(|| Effect::from(200));
        (effect, routes.and_then(|routes| routes.until(now, path)))
    }

    /// The configured routes of a port.
    pub(crate) fn routes(&self, port: u16) -> Vec<RoutePath> {
        let port = self.ports.get(&port);
        let routes = port.into_iter().flat_map(|port| port.routes.iter());
        routes.map(|(route, _)| route).collect()
    }

    /// How a port is to be configured; `None` if it does not exist.
    pub(crate) fn wanted(&mut self, at: Moment, port: u16) -> Option<WantedPort> {
        let now = self.now(at);
        self.prune(at);
        let it = self.ports.get(&port)?;
        let until = [it.until(now), self.process.until(now)];
        Some(WantedPort {
            address: match it.address {
                Some(address) => (address, port).into(),
                None => (Ipv6Addr::UNSPECIFIED, port).into(),
            },
            protocol: protocol(&it.opening, now),
            state: self.port_state(it, now),
            until: until.into_iter().flatten().min(),
        })
    }

    /// Applies a change, or returns an error and changes nothing.
    pub(crate) fn change(&mut self, at: Moment, change: Change) -> Result<(), ChangeError> {
        self.prune(at);
        match change {
            Change::Open(port, opening) => {
                if self.control == Some(port) {
                    return Err(ChangeError::Control(port));
                }
                if opening.route.is_some() {
                    self.must_have_routes(at, port)?;
                }
                self.open(at, port, opening)?;
            }
            Change::Unopen(port) => {
                if let Some(port) = self.ports.get_mut(&port) {
                    port.by_routes.clear();
                    port.opening.flip = None;
                }
            }
            Change::Lay(port, route, behaviour) => {
                self.must_have_routes(at, port)?;
                self.lay(at, port, &route, behaviour)?;
            }
            Change::Unlay(port, route) => {
                self.port(port)?.unlay(&route);
            }
            Change::Heal => self.heal(at),
            Change::Afflict(fault) => {
                self.leasable(&fault)?;
                self.process.lay(at, fault);
            }
            Change::Unafflict(name) => self.process.heal(at, Some(&name)),
            Change::Lease(length) => self.lease = Some(at + length),
        }
        self.prune(at);
        self.revision += 1;
        Ok(())
    }

    /// The ports as `state` shows them. The caller adds whether they are listening.
    pub(crate) fn shown(&mut self, at: Moment) -> BTreeMap<u16, answer::Port> {
        let now = self.now(at);
        self.prune(at);
        let ports = self.ports.iter();
        ordered(ports.map(|(number, port)| {
            let state = self.port_state(port, now);
            (*number, port.shown(now, state))
        }))
    }

    /// What is in force at `at`, as a plan for a new start.
    pub(crate) fn plan(&mut self, at: Moment) -> Plan {
        let now = self.now(at);
        self.prune(at);
        let ports = self.ports.iter();
        Plan {
            ports: ordered(ports.map(|(number, port)| (*number, port.planned(now)))),
            process: self.process.planned(now),
            boots: Vec::new(),
        }
    }

    fn open(&mut self, at: Moment, port: u16, opening: PortSpec) -> Result<(), ChangeError> {
        self.leasable(&opening)?;
        if let Some(route) = opening.route.clone() {
            self.port(port)?.open_for(&route, Held::new(opening, at));
            return Ok(());
        }
        self.room_for_port(port)?;
        let port = self.ports.entry(port).or_default();
        port.by_routes.clear();
        port.opening.flip = Some(Held::new(opening, at));
        Ok(())
    }

    fn lay(
        &mut self,
        at: Moment,
        port: u16,
        route: &RoutePath,
        behaviour: Behaviour,
    ) -> Result<(), ChangeError> {
        self.leasable(&behaviour)?;
        self.room_for_route(port, route)?;
        self.port(port)?.lay(route, Held::new(behaviour, at));
        Ok(())
    }

    /// Rejects a route of a port without routes.
    fn must_have_routes(&self, at: Moment, port: u16) -> Result<(), ChangeError> {
        let now = self.now(at);
        match self.ports.get(&port) {
            Some(it) if !protocol(&it.opening, now).has_routes() => {
                Err(ChangeError::NoRoutes(port))
            }
            _ => Ok(()),
        }
    }

    fn port(&mut self, number: u16) -> Result<&mut Port, ChangeError> {
        let known = self.ports();
        self.ports.get_mut(&number).ok_or(ChangeError::NoPort {
            port: number,
            known,
        })
    }

    /// Rejects a new port beyond the maximum.
    fn room_for_port(&self, port: u16) -> Result<(), ChangeError> {
        let (field, most) = ("port", MOST_PORTS);
        if self.ports.contains_key(&port) || self.ports.len() < most {
            return Ok(());
        }
        Err(ChangeError::Full { field, most })
    }

    /// Rejects a new route beyond the maximum of all ports together.
    fn room_for_route(&self, port: u16, route: &RoutePath) -> Result<(), ChangeError> {
        let (field, most) = ("path", MOST_ROUTES);
        let port = self.ports.get(&port);
        let routes = self.ports.values().map(|port| port.routes.len());
        let known = port.is_some_and(|port| port.routes.get(route).is_some());
        if known || routes.sum::<usize>() < most {
            return Ok(());
        }
        Err(ChangeError::Full { field, most })
    }

    fn leasable(&self, set: &impl Bounded) -> Result<(), ChangeError> {
        if set.leased() && self.lease.is_none() {
            return Err(ChangeError::NoLease);
        }
        Ok(())
    }

    fn heal(&mut self, at: Moment) {
        self.process.heal(at, None);
        for port in self.ports.values_mut() {
            port.by_routes.clear();
            port.opening.flip = None;
            for route in port.routes.values_mut() {
                route.flip = None;
            }
        }
    }

    /// Removes what has ended, so that a later lease does not revive it.
    fn prune(&mut self, at: Moment) {
        self.lease = self.lease(at);
        let now = self.now(at);
        self.process.prune(now);
        self.ports.retain(|_, port| {
            // A port of the base outlives the end of its base spec, and is open from then on.
            let planned = port.opening.base.as_ref().map(|base| base.set.protocol);
            port.by_routes.retain(|held| !held.has_ended(now));
            port.opening.prune(now);
            if let Some(protocol) = planned
                && port.opening.base.is_none()
            {
                let open = PortSpec {
                    protocol,
                    ..PortSpec::default()
                };
                port.opening.base = Some(Held::new(open, at));
            }
            port.routes.prune(now);
            port.opening.base.is_some() || port.opening.flip.is_some()
        });
    }

    fn now(&self, at: Moment) -> Now {
        Now {
            at,
            lease: self.lease,
        }
    }
}

/// `collect` would sort first, with 40 KB of code that nothing else needs.
fn ordered<K: Ord, V>(pairs: impl Iterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut ordered = BTreeMap::new();
    ordered.extend(pairs);
    ordered
}

fn shown<B: Bounded>(layers: &Layers<B>, now: Now) -> answer::Layered<B> {
    let layer = |held: &Option<Held<B>>| held.as_ref().and_then(|held| held.shown(now));
    answer::Layered {
        base: layer(&layers.base),
        flip: layer(&layers.flip),
    }
}

#[cfg(test)]
mod tests;
