//! The state of a target: ports, routes, process faults and lease; decides what each request gets.
//! Pure: time and requests are arguments. No listener, no connection and no clock.

pub(crate) mod decision;
pub(crate) mod effective;
pub(crate) mod journal;
mod kept;
pub(crate) mod layers;
mod ordered_map;
pub(crate) mod persistence;
mod port;
pub(crate) mod process;
pub(crate) mod request_stats;
mod routes;
mod sigterm;

use std::collections::BTreeMap;
use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::model::answer;
use crate::model::behaviour::{Behaviour, Details, Effect, Fault};
use crate::model::location::Location;
use crate::model::moment::Moment;
use crate::model::plan::Plan;
use crate::model::port_spec::{PortSpec, PortState, Protocol};
use crate::model::process_fault::ProcessFault;
use crate::model::route_path::RoutePath;
use crate::state::layers::{Bounded, Held, Now};
use decision::Decision;
use port::{Port, protocol};
use process::{DesiredProcess, ProcessState};

/// The state of a target.
#[derive(Debug)]
pub(crate) struct TargetState {
    revision: u64,
    lease: Option<Moment>,
    process: ProcessState,
    // Boxed: a map has room for eleven values at once.
    ports: BTreeMap<u16, Box<Port>>,
    /// The port of the control API, which no change may open.
    control: Option<u16>,
}

/// One change by the control API.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    /// Sets the flip of a port. A port without base is created.
    FlipPort(u16, PortSpec),
    /// Removes the flip of a port. A port without base is removed.
    HealPort(u16),
    /// Sets the flip of a route.
    FlipRoute(u16, RoutePath, Behaviour),
    /// Removes the flip of a route.
    HealRoute(u16, RoutePath),
    /// Removes all flips.
    Heal,
    /// Starts or renews the lease.
    Lease(Duration),
    /// Sets the flip of a process fault.
    FlipProcess(ProcessFault),
    /// Removes the flip of a process fault, by its name.
    HealProcess(&'static str),
}

impl Change {
    /// The port or route that the change is about.
    pub(crate) fn location(&self) -> Option<Location> {
        match self {
            Self::FlipPort(port, _) | Self::HealPort(port) => Some(Location::Port(*port)),
            Self::FlipRoute(port, route, _) | Self::HealRoute(port, route) => {
                Some(Location::Route(Some(*port), route.clone()))
            }
            Self::Heal | Self::Lease(_) | Self::FlipProcess(_) | Self::HealProcess(_) => None,
        }
    }
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

/// How a port is to be configured now, and when time alone may change that.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct DesiredPort {
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
            process: ProcessState::new(plan.process),
            control: None,
            ports: ordered_map::collect(
                ports.map(|(number, planned)| (number, Box::new(Port::new(planned)))),
            ),
        }
    }

    /// The same state with the port of the control API reserved.
    pub(crate) fn reserving(self, control: u16) -> Self {
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
        let now = self.now(at);
        let port = self.ports.get_mut(&port);
        let decision = port.and_then(|port| match port.fault(now) {
            Some((fault, flipped)) => {
                let effect = Effect::Fault(fault, Details::default());
                Some(Decision::at_once(effect, flipped))
            }
            None => port.decide(now, path, agent),
        });
        decision.unwrap_or_else(|| Decision::at_once(Effect::from(200), false))
    }

    /// The port fault for a request that no behaviour applies to, and whether it comes from a flip.
    /// A fault counts the request.
    pub(crate) fn port_fault(&mut self, at: Moment, port: u16) -> Option<(Fault, bool)> {
        let now = self.now(at);
        self.ports.get_mut(&port)?.fault(now)
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
        let held = routes.and_then(|routes| routes.current(now, path, agent));
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
    pub(crate) fn desired_port(&mut self, at: Moment, port: u16) -> Option<DesiredPort> {
        let now = self.now(at);
        self.prune(at);
        let it = self.ports.get(&port)?;
        let until = [it.until(now), self.process.until(now)];
        Some(DesiredPort {
            address: match it.address {
                Some(address) => (address, port).into(),
                None => (Ipv6Addr::UNSPECIFIED, port).into(),
            },
            protocol: protocol(&it.spec, now),
            state: self.port_state(it, now),
            until: until.into_iter().flatten().min(),
        })
    }

    /// What must happen to the process.
    pub(crate) fn desired_process(&mut self, at: Moment) -> DesiredProcess {
        self.prune(at);
        self.process.desired(self.now(at))
    }

    /// When the drain of a received SIGTERM begins.
    pub(crate) fn draining(&self) -> Option<Moment> {
        self.process.draining()
    }

    /// Applies a change, or returns an error and changes nothing.
    pub(crate) fn change(&mut self, at: Moment, change: Change) -> Result<(), ChangeError> {
        // Before the change, so that what has ended counts towards no limit.
        self.prune(at);
        match change {
            Change::FlipPort(port, spec) => {
                // A flip of the control port would make it unreachable, and heal impossible.
                if self.control == Some(port) {
                    return Err(ChangeError::Control(port));
                }
                if spec.route.is_some() {
                    self.check_has_routes(at, port)?;
                }
                self.flip_port(at, port, spec)?;
            }
            Change::HealPort(port) => {
                if let Some(port) = self.ports.get_mut(&port) {
                    port.heal();
                }
            }
            Change::FlipRoute(port, route, behaviour) => {
                self.check_has_routes(at, port)?;
                self.flip_route(at, port, &route, behaviour)?;
            }
            Change::HealRoute(port, route) => {
                self.port(port)?.heal_route(&route);
            }
            Change::Heal => self.heal_all(at),
            Change::FlipProcess(fault) => {
                self.check_lease(&fault)?;
                self.process.flip(at, fault);
            }
            Change::HealProcess(name) => self.process.heal(at, Some(name)),
            Change::Lease(length) => self.lease = Some(at + length),
        }
        // After it, as a flip may be over at once, and healing a port may remove it.
        self.prune(at);
        self.revision += 1;
        Ok(())
    }

    /// The ports as `state` shows them. The caller adds whether they are listening.
    pub(crate) fn shown_ports(&mut self, at: Moment) -> BTreeMap<u16, answer::Port> {
        let now = self.now(at);
        self.prune(at);
        let ports = self.ports.iter();
        ordered_map::collect(ports.map(|(number, port)| {
            let state = self.port_state(port, now);
            (*number, port.shown(now, state))
        }))
    }

    /// The process faults as `state` shows them.
    pub(crate) fn shown_process(
        &self,
        at: Moment,
    ) -> BTreeMap<String, answer::Layered<ProcessFault>> {
        self.process.shown(self.now(at))
    }

    /// What is in force at `at`, as a plan for a new start.
    pub(crate) fn plan(&mut self, at: Moment) -> Plan {
        let now = self.now(at);
        self.prune(at);
        let ports = self.ports.iter();
        Plan {
            ports: ordered_map::collect(ports.map(|(number, port)| (*number, port.planned(now)))),
            process: self.process.planned(now),
            no_ports: self.ports.is_empty(),
            boots: Vec::new(),
        }
    }

    fn flip_port(&mut self, at: Moment, port: u16, spec: PortSpec) -> Result<(), ChangeError> {
        self.check_lease(&spec)?;
        if let Some(route) = spec.route.clone() {
            self.port(port)?.flip_by_route(&route, Held::new(spec, at));
            return Ok(());
        }
        self.check_port_limit(port)?;
        let port = self.ports.entry(port).or_default();
        port.flip(Held::new(spec, at));
        Ok(())
    }

    fn flip_route(
        &mut self,
        at: Moment,
        port: u16,
        route: &RoutePath,
        behaviour: Behaviour,
    ) -> Result<(), ChangeError> {
        self.check_lease(&behaviour)?;
        self.check_route_limit(port, route)?;
        self.port(port)?.flip_route(route, Held::new(behaviour, at));
        Ok(())
    }

    /// Rejects a route of a port without routes.
    fn check_has_routes(&self, at: Moment, port: u16) -> Result<(), ChangeError> {
        let now = self.now(at);
        match self.ports.get(&port) {
            Some(it) if !protocol(&it.spec, now).has_routes() => Err(ChangeError::NoRoutes(port)),
            _ => Ok(()),
        }
    }

    fn port(&mut self, number: u16) -> Result<&mut Port, ChangeError> {
        let known = self.ports();
        let port = self.ports.get_mut(&number).map(|port| &mut **port);
        port.ok_or(ChangeError::NoPort {
            port: number,
            known,
        })
    }

    /// Rejects a new port beyond the maximum.
    fn check_port_limit(&self, port: u16) -> Result<(), ChangeError> {
        let (field, most) = ("port", MOST_PORTS);
        if self.ports.contains_key(&port) || self.ports.len() < most {
            return Ok(());
        }
        Err(ChangeError::Full { field, most })
    }

    /// Rejects a new route beyond the maximum of all ports together.
    fn check_route_limit(&self, port: u16, route: &RoutePath) -> Result<(), ChangeError> {
        let (field, most) = ("path", MOST_ROUTES);
        let port = self.ports.get(&port);
        let routes = self.ports.values().map(|port| port.routes.len());
        let known = port.is_some_and(|port| port.routes.get(route).is_some());
        if known || routes.sum::<usize>() < most {
            return Ok(());
        }
        Err(ChangeError::Full { field, most })
    }

    fn check_lease(&self, set: &impl Bounded) -> Result<(), ChangeError> {
        if set.leased() && self.lease.is_none() {
            return Err(ChangeError::NoLease);
        }
        Ok(())
    }

    fn heal_all(&mut self, at: Moment) {
        self.process.heal(at, None);
        for port in self.ports.values_mut() {
            port.heal();
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
            let planned = port.spec.base.as_ref().map(|base| base.set.protocol);
            port.set_by_routes.retain(|held| !held.has_ended(now));
            port.spec.prune(now);
            if let Some(protocol) = planned
                && port.spec.base.is_none()
            {
                let open = PortSpec {
                    protocol,
                    ..PortSpec::default()
                };
                port.spec.base = Some(Held::new(open, at));
            }
            port.routes.prune(now);
            port.spec.base.is_some() || port.spec.flip.is_some()
        });
    }

    /// The state of a port, with `stop-accepting` of the process taken into account.
    fn port_state(&self, port: &Port, now: Now) -> PortState {
        match port.state(now).0 {
            PortState::Open if self.process.stops_accepting(now) => PortState::StopAccepting,
            state => state,
        }
    }

    fn now(&self, at: Moment) -> Now {
        Now {
            at,
            lease: self.lease,
        }
    }
}

#[cfg(test)]
mod tests;
