//! The state of a target: ports, routes, the process, their bases and flips, the lease. At a moment, given a request, it says what to do.
//! Pure: it holds no listener and no connection, reads no clock and answers nobody.

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
    /// What is never opened.
    control: Option<u16>,
}

/// One change from outside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    /// Lays an opening over a port's base; opens the port if it has none.
    Open(u16, PortSpec),
    /// Takes it away; a port without base is gone.
    Unopen(u16),
    /// Lays a behaviour over a route's base.
    Lay(u16, RoutePath, Behaviour),
    /// Takes it away.
    Unlay(u16, RoutePath),
    /// Takes away all flips.
    Heal,
    /// Lets a lease run from now.
    Lease(Duration),
    /// Does something to the process.
    Afflict(ProcessFault),
    /// Takes it away, by its name.
    Unafflict(String),
}

/// Why a change was not taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ChangeError {
    /// A leased flip without a running lease would never end.
    NoLease,
    /// A route of a port that is neither in the base nor opened.
    NoPort {
        /// The port.
        port: u16,
        /// Those there are.
        known: Vec<u16>,
    },
    /// The port of the control address, which is none to be probed.
    Control(u16),
    /// A route of a port that has none, as it speaks tcp.
    NoRoutes(u16),
    /// One more port or route than there may be.
    Full {
        /// `port` or `path`.
        field: &'static str,
        /// How many there may be.
        most: usize,
    },
}

/// Ports and routes that may be told of, so that whoever invents them does not fill the memory.
const MOST_PORTS: usize = 256;
const MOST_ROUTES: usize = 1024;

/// What to do with a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Decision {
    pub(crate) effect: Effect,
    pub(crate) delay: Duration,
    /// Whether the next request may be given another effect because this one was counted.
    pub(crate) turns: bool,
    /// Whether a flip said so.
    pub(crate) flipped: bool,
    /// The revision in force.
    pub(crate) revision: u64,
}

/// How a port is to be now, and until when at most that holds by time alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct WantedPort {
    /// Where it is listened on; `[::]` is every address of the host.
    pub(crate) address: SocketAddr,
    pub(crate) protocol: Protocol,
    pub(crate) state: PortState,
    pub(crate) until: Option<Moment>,
}

impl TargetState {
    /// A target that starts with this plan.
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

    /// The same, which keeps off the port of its control address.
    pub(crate) fn beside(self, control: u16) -> Self {
        Self {
            control: Some(control),
            ..self
        }
    }

    /// How many changes were taken.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// When the lease lapses that runs at `now`.
    pub(crate) fn lease(&self, now: Moment) -> Option<Moment> {
        self.lease.filter(|end| now < *end)
    }

    /// The ports there are, open or not.
    pub(crate) fn ports(&self) -> Vec<u16> {
        self.ports.keys().copied().collect()
    }

    /// What to do with a request for a decoded path, which is counted.
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

    /// What the port's state does to a request that no behaviour is given to, and whether a flip says so. It is counted if it is a fault.
    pub(crate) fn ailing(&mut self, at: Moment, port: u16) -> Option<(Fault, bool)> {
        let now = self.now(at);
        self.ports.get_mut(&port)?.ailing(now)
    }

    /// What to do with a new connection, which is counted if the port's state is a fault.
    pub(crate) fn admit(&mut self, at: Moment, port: u16) -> (PortState, bool) {
        let now = self.now(at);
        let port = self.ports.get_mut(&port);
        port.map_or((PortState::Open, false), |port| port.admit(now))
    }

    /// What a request would be given now, uncounted, and until when at most that holds by time alone. A share of the requests is
    /// taken for all of them, but 0 for none.
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

    /// The routes of a port about which something is said.
    pub(crate) fn routes(&self, port: u16) -> Vec<RoutePath> {
        let port = self.ports.get(&port);
        let routes = port.into_iter().flat_map(|port| port.routes.iter());
        routes.map(|(route, _)| route).collect()
    }

    /// How a port is to be; `None` if there is none.
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

    /// Takes a change, or leaves everything as it was.
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

    /// What `state` shows of the ports; whether they listen is for others to say.
    pub(crate) fn shown(&mut self, at: Moment) -> BTreeMap<u16, answer::Port> {
        let now = self.now(at);
        self.prune(at);
        let ports = self.ports.iter();
        ordered(ports.map(|(number, port)| {
            let state = self.port_state(port, now);
            (*number, port.shown(now, state))
        }))
    }

    /// What is in force, as a plan for a new start.
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

    /// Refuses a route where none would ever be asked for.
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

    /// Refuses a new port where there are too many.
    fn room_for_port(&self, port: u16) -> Result<(), ChangeError> {
        let (field, most) = ("port", MOST_PORTS);
        if self.ports.contains_key(&port) || self.ports.len() < most {
            return Ok(());
        }
        Err(ChangeError::Full { field, most })
    }

    /// Refuses a new route where all ports together have too many.
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

    /// Forgets what has ended, so that a later lease does not bring it back.
    fn prune(&mut self, at: Moment) {
        self.lease = self.lease(at);
        let now = self.now(at);
        self.process.prune(now);
        self.ports.retain(|_, port| {
            // A port of the base stays when its first opening has ended: it is then open.
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

/// Collected, they would be sorted first, with 40 KB of code that nothing else needs.
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
