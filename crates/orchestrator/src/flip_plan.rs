//! What a flip does at a target: a container's probe and a behaviour's word become one control call.
//!
//! Pure. It refuses what cannot be done to a probe, and what would touch another one unasked. It knows
//! nothing of connections, instances or leases.

use std::fmt;

use k8s_openapi::api::core::v1::{Pod, Service};
use probe_target::{
    Invalid,
    behaviour::{Behaviour as Laid, Effect, Fault},
    bound::Bounds,
    opening::{Opening, PortState},
};

use crate::{
    exit::{Ends, Exit},
    experiment::{Behaviour, Does, Probe},
    probed::{Asks, Probed, port_number, probes_of},
    targets::containers,
};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The container whose probe is meant.
    pub container: &'a str,
    /// Which probe of it.
    pub probe: Probe,
    /// What the probe gets.
    pub to: &'a Behaviour,
    /// Whether other probes may be touched too.
    pub shared: bool,
}

/// What to send to the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The port it acts on.
    pub port: u16,
    /// What is done there.
    pub act: Act,
    /// The Service ports that are closed by it, as `web:80`.
    pub closes: Vec<String>,
}

/// What is done to a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// A reply or fault is laid over one path.
    Route {
        /// The path.
        path: String,
        /// What requests for it get, not leased.
        gets: Box<Laid>,
    },
    /// The whole port changes how it treats connections.
    Port(Opening),
}

impl Act {
    /// What ends it by itself.
    pub fn bounds(&self) -> &Bounds {
        match self {
            Self::Route { gets, .. } => &gets.bounds,
            Self::Port(opening) => &opening.bounds,
        }
    }
}

/// Why a flip is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The container has no such probe.
    #[error("container `{container}` has no {probe} probe; {}", has(there))]
    NoSuchProbe {
        /// The container.
        container: String,
        /// What was asked for.
        probe: Probe,
        /// What it has.
        there: Vec<Probe>,
    },
    /// A startup probe that will not be asked again.
    #[error(
        "the startup probe of `{0}` has succeeded and is not asked again until the container restarts; to fail it from the start, \
         use `--plan` or `--route`"
    )]
    Started(String),
    /// An exec probe of a command that is not ours, or a port without a number.
    #[error(
        "the {probe} probe of `{container}` ({asks}) does not ask a probe-target; nothing can be flipped for it"
    )]
    NotOurs {
        /// The container.
        container: String,
        /// The probe.
        probe: Probe,
        /// What it asks.
        asks: String,
    },
    /// The probe would not notice.
    #[error(
        "the {probe} probe of `{container}` is {kind} and would not see `{to}`: {why}; expected {expected}"
    )]
    Unseen {
        /// The container.
        container: String,
        /// The probe.
        probe: Probe,
        /// `tcp` or `grpc`.
        kind: &'static str,
        /// What was asked for.
        to: String,
        /// How that is.
        why: &'static str,
        /// The words it can see.
        expected: &'static str,
    },
    /// It means something, but not with that bound or detail.
    #[error("`{to}` at the {probe} probe of `{container}`: {invalid}")]
    Impossible {
        /// The container.
        container: String,
        /// The probe.
        probe: Probe,
        /// What was asked for.
        to: String,
        /// The field and what is wrong with it.
        invalid: Invalid,
    },
    /// Other probes would see it too.
    #[error("that would also touch {}; if that is meant, say `{SHARED}`", others.join(", "))]
    Shared {
        /// The other probes.
        others: Vec<String>,
    },
}

const SHARED: &str = "--shared` or `shared: true";

impl Ends for Refusal {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// Plans a flip of a probe of this Pod. `services` are all of its namespace.
pub fn plan(pod: &Pod, services: &[Service], wish: Wish<'_>) -> Result<Plan, Refusal> {
    let probes = probes_of(pod);
    let flipped = find(&probes, wish)?;
    if wish.probe == Probe::Startup && has_started(pod, wish.container) {
        return Err(Refusal::Started(wish.container.to_owned()));
    }
    let (port, act) = Flipped {
        probed: flipped,
        to: wish.to,
    }
    .act()?;
    let others = touched(&probes, flipped, port, &act);
    if !others.is_empty() && !wish.shared {
        return Err(Refusal::Shared { others });
    }
    let closes = match &act {
        Act::Port(opening) if opening.state != PortState::Open => {
            service_ports(pod, services, port)
        }
        Act::Port(_) | Act::Route { .. } => Vec::new(),
    };
    Ok(Plan { port, act, closes })
}

fn find<'a>(probes: &'a [Probed], wish: Wish<'_>) -> Result<&'a Probed, Refusal> {
    let of_container = || {
        probes
            .iter()
            .filter(|probed| probed.container == wish.container)
    };
    of_container()
        .find(|probed| probed.probe == wish.probe)
        .ok_or_else(|| Refusal::NoSuchProbe {
            container: wish.container.to_owned(),
            probe: wish.probe,
            there: of_container().map(|probed| probed.probe).collect(),
        })
}

fn has_started(pod: &Pod, container: &str) -> bool {
    let status = pod.status.as_ref();
    status
        .into_iter()
        .flat_map(|status| {
            status
                .container_statuses
                .iter()
                .chain(&status.init_container_statuses)
                .flatten()
        })
        .any(|status| status.name == container && status.started == Some(true))
}

/// A probe and what it is to get.
#[derive(Clone, Copy)]
struct Flipped<'a> {
    probed: &'a Probed,
    to: &'a Behaviour,
}

impl Flipped<'_> {
    /// What that means, one arm a kind of probe.
    fn act(self) -> Result<(u16, Act), Refusal> {
        match &self.probed.asks {
            Asks::Http { port, path } => Ok((*port, self.on_route(path)?)),
            Asks::Tcp { port } => Ok((*port, self.on_connections()?)),
            Asks::Grpc { port, service } => Ok((*port, self.on_service(service)?)),
            Asks::Unreadable(asks) => Err(Refusal::NotOurs {
                container: self.probed.container.clone(),
                probe: self.probed.probe,
                asks: asks.clone(),
            }),
        }
    }

    fn on_route(self, path: &str) -> Result<Act, Refusal> {
        match self
            .to
            .on_routes()
            .map_err(|invalid| self.impossible(invalid))?
        {
            Does::Port(opening) => Ok(Act::Port(opening)),
            Does::Route(gets) => Ok(Act::Route {
                path: path.to_owned(),
                gets,
            }),
        }
    }

    /// A service is a route; of what a route can do, it does what there is in gRPC.
    fn on_service(self, service: &str) -> Result<Act, Refusal> {
        let act = self.on_route(&format!("/{service}"))?;
        if let Act::Route { gets, .. } = &act {
            let mut effects = [&gets.effect].into_iter().chain(&gets.then);
            if let Some(why) = effects.find_map(foreign_to_grpc) {
                return Err(self.unseen("grpc", why, SEEN_BY_GRPC));
            }
        }
        Ok(act)
    }

    /// Seen on 1.36.3: a port that is a black hole or stops accepting passes every tcp probe, and one that resets passes about half of them.
    fn on_connections(self) -> Result<Act, Refusal> {
        let unseen = |why| Err(self.unseen("tcp", why, "`pass`, `fail` or `refuse`"));
        let opening = self.to.on_connections();
        let Some(opening) = opening.map_err(|invalid| self.impossible(invalid))? else {
            return unseen("it asks nothing and hears nothing");
        };
        match opening.state {
            PortState::Open | PortState::Closed => Ok(Act::Port(opening)),
            PortState::Blackhole | PortState::StopAccepting => {
                unseen("the system completes connections that nobody accepts or reads")
            }
            PortState::Reset => {
                unseen("it is connected by then, and whether it hears of the reset is chance")
            }
        }
    }

    fn unseen(self, kind: &'static str, why: &'static str, expected: &'static str) -> Refusal {
        Refusal::Unseen {
            container: self.probed.container.clone(),
            probe: self.probed.probe,
            kind,
            to: self.to.to_string(),
            why,
            expected,
        }
    }

    fn impossible(self, invalid: Invalid) -> Refusal {
        Refusal::Impossible {
            container: self.probed.container.clone(),
            probe: self.probed.probe,
            to: self.to.to_string(),
            invalid,
        }
    }
}

const SEEN_BY_GRPC: &str = "`pass`, `fail`, `404` (NOT_FOUND), `501` (UNIMPLEMENTED), `hang`, `close`, `reset`, `refuse`, `blackhole` or `stop-accepting`";

/// Why a health check in gRPC cannot be given that, if so. A probe-target means `SERVING` by 200 and `NOT_SERVING` by 503.
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

/// The other probes of the Pod that would see it. Ports belong to the Pod, not to a container.
fn touched(probes: &[Probed], flipped: &Probed, port: u16, act: &Act) -> Vec<String> {
    probes
        .iter()
        .filter(|other| *other != flipped && other.asks.port() == Some(port))
        .filter(|other| match act {
            Act::Port(_) => true,
            Act::Route { .. } => other.asks == flipped.asks,
        })
        .map(|other| {
            format!(
                "the {} probe of `{}` ({})",
                other.probe, other.container, other.asks
            )
        })
        .collect()
}

/// The Service ports that lead to this port of the Pod.
fn service_ports(pod: &Pod, services: &[Service], port: u16) -> Vec<String> {
    let selecting = services.iter().filter(|service| selects(service, pod));
    selecting
        .flat_map(|service| {
            let name = service.metadata.name.as_deref().unwrap_or_default();
            let ports = service
                .spec
                .iter()
                .flat_map(|spec| spec.ports.iter().flatten());
            ports
                .filter(|entry| match &entry.target_port {
                    None => entry.port == i32::from(port),
                    Some(target) => {
                        containers(pod).any(|each| port_number(each, target) == Some(port))
                    }
                })
                .map(move |entry| format!("{name}:{}", entry.port))
        })
        .collect()
}

/// Whether a Service's selector picks the Pod; one without a selector picks none.
pub(crate) fn selects(service: &Service, pod: &Pod) -> bool {
    let selector = service
        .spec
        .as_ref()
        .and_then(|spec| spec.selector.as_ref());
    selector.is_some_and(|selector| {
        let labels = pod.metadata.labels.as_ref();
        !selector.is_empty()
            && selector
                .iter()
                .all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
    })
}

fn has(probes: &[Probe]) -> String {
    if probes.is_empty() {
        return "it has none".to_owned();
    }
    let words: Vec<_> = probes.iter().map(|probe| probe.word()).collect();
    format!("it has {}", words.join(" and "))
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route { path, gets } => write!(f, "{path} {}", gets.effect.word()),
            Self::Port(opening) => f.write_str(opening.state.name()),
        }
    }
}

#[cfg(test)]
mod tests;
