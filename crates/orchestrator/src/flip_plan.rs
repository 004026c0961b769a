//! What a flip does at a target: a container's probe and a behaviour's word become one control call.
//!
//! Pure. It refuses what cannot be done to a probe, and what would touch another one unasked. It knows
//! nothing of connections, instances or leases.

use std::fmt;

use k8s_openapi::api::core::v1::{Pod, Service};
use probe_target::{
    behaviour::{Behaviour as Laid, Fault},
    opening::PortState,
};

use crate::{
    exit::{Ends, Exit},
    experiment::{Behaviour, Probe},
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
    pub to: Behaviour,
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
        /// What requests for it get, without bounds.
        gets: Box<Laid>,
    },
    /// The whole port changes how it treats connections.
    Port(PortState),
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
    /// The behaviour means nothing to such a probe.
    #[error(
        "the {probe} probe of `{container}` is {kind}, which never sees `{to}`; expected {expected}"
    )]
    Meaningless {
        /// The container.
        container: String,
        /// The probe.
        probe: Probe,
        /// `tcp` or `grpc`.
        kind: &'static str,
        /// What was asked for.
        to: Behaviour,
        /// The words it can see.
        expected: &'static str,
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
    let (port, act) = act(flipped, wish.to)?;
    let others = touched(&probes, flipped, port, &act);
    if !others.is_empty() && !wish.shared {
        return Err(Refusal::Shared { others });
    }
    let closes = match act {
        Act::Port(PortState::Open) | Act::Route { .. } => Vec::new(),
        Act::Port(_) => service_ports(pod, services, port),
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

/// The words' meanings, one arm a kind of probe.
fn act(probed: &Probed, to: Behaviour) -> Result<(u16, Act), Refusal> {
    let meaningless = |kind, expected| Refusal::Meaningless {
        container: probed.container.clone(),
        probe: probed.probe,
        kind,
        to,
        expected,
    };
    match &probed.asks {
        Asks::Http { port, path } => {
            let route = |gets: Laid| Act::Route {
                path: path.clone(),
                gets: Box::new(gets),
            };
            let act = match to {
                Behaviour::Pass => route(Laid::status(200)),
                Behaviour::Fail => route(Laid::status(503)),
                Behaviour::Status(status) => route(Laid::status(status)),
                Behaviour::Reset => route(Laid::fault(Fault::Reset)),
                Behaviour::Close => route(Laid::fault(Fault::Close)),
                Behaviour::Hang => route(Laid::fault(Fault::Hang)),
                Behaviour::Refuse => Act::Port(PortState::Closed),
            };
            Ok((*port, act))
        }
        Asks::Tcp { port } => match to {
            Behaviour::Pass => Ok((*port, Act::Port(PortState::Open))),
            Behaviour::Fail | Behaviour::Refuse => Ok((*port, Act::Port(PortState::Closed))),
            Behaviour::Reset => Ok((*port, Act::Port(PortState::Reset))),
            _ => Err(meaningless("tcp", "`pass`, `fail`, `refuse` or `reset`")),
        },
        Asks::Grpc { port, .. } => match to {
            Behaviour::Refuse => Ok((*port, Act::Port(PortState::Closed))),
            _ => Err(meaningless("grpc", "`refuse`")),
        },
        Asks::Unreadable(asks) => Err(Refusal::NotOurs {
            container: probed.container.clone(),
            probe: probed.probe,
            asks: asks.clone(),
        }),
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
            Self::Port(state) => f.write_str(state.name()),
        }
    }
}

#[cfg(test)]
mod tests;
