//! What a flip does at a target: a container's probe and a behaviour, or something for its process, become one control call.
//!
//! Pure. It refuses what cannot be done to a probe, and what would touch another one unasked. It knows
//! nothing of connections, instances or leases.

mod call;

use std::{collections::BTreeSet, fmt};

use k8s_openapi::api::core::v1::{Pod, Service};
use probe_target::{
    ParseError,
    model::{
        behaviour::Behaviour as Laid,
        bound::Bounds,
        port_spec::{PortSpec, PortState},
        process_fault::{ProcessAction as Done, ProcessFault},
        route_path::RoutePath,
    },
};

use crate::{
    exit::{Exit, HasExitCode},
    input::experiment::{Behaviour, FlipTarget, Probe, words},
    targets::{
        containers,
        probe_spec::{ProbeSpec, port_number, probes_of},
    },
};
use call::Flipped;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct WantedFlip<'a> {
    /// The container that is meant.
    pub container: &'a str,
    /// A probe of it or its process, and what that gets.
    pub aim: &'a FlipTarget,
    /// Whether other probes may be touched too.
    pub shared: bool,
}

/// What to send to the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlipPlan {
    /// The port it acts on; none for the process.
    pub port: Option<u16>,
    /// What is done there.
    pub act: FlipAction,
    /// The probes that are touched beside the one that is meant; all of the container's, where it is the process.
    pub touches: Vec<String>,
    /// The Service ports that are closed by it, as `web:80`.
    pub closes: Vec<String>,
}

/// What is done to a port or to the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlipAction {
    /// A reply or fault is laid over one path.
    Route {
        /// The route.
        path: RoutePath,
        /// What requests for it get, not leased.
        gets: Box<Laid>,
    },
    /// The whole port changes how it treats connections.
    Port(PortSpec),
    /// Something is done to the process.
    Process(ProcessFault),
}

impl FlipPlan {
    /// Whether it lies exactly where the other does. What is done to a port for the sake of a route takes the place of what that route does, and
    /// the other way round.
    pub fn is_where(&self, other: &Self) -> bool {
        match (&self.act, &other.act) {
            // Of one process: aimed at the same, it has the same name.
            (FlipAction::Process(_), FlipAction::Process(_)) => true,
            (FlipAction::Process(_), _) | (_, FlipAction::Process(_)) => false,
            (act, others) => self.port == other.port && act.route() == others.route(),
        }
    }
}

impl FlipAction {
    /// The route it is laid on, whether it acts there or on the whole port for its sake.
    pub fn route(&self) -> Option<&RoutePath> {
        match self {
            Self::Route { path, .. } => Some(path),
            Self::Port(opening) => opening.route.as_ref(),
            Self::Process(_) => None,
        }
    }

    /// What ends it by itself.
    pub fn bounds(&self) -> &Bounds {
        match self {
            Self::Route { gets, .. } => &gets.bounds,
            Self::Port(opening) => &opening.bounds,
            Self::Process(fault) => &fault.bounds,
        }
    }
}

/// Why a flip is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlipProblem {
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
    /// An exec probe of a command that is not ours, another host, or a port without a number.
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
        invalid: ParseError,
    },
    /// Other probes would see it too.
    #[error("that would also touch {}; if that is meant, say `{SHARED}`", others.join(", "))]
    Shared {
        /// The other probes.
        others: Vec<String>,
    },
}

const SHARED: &str = "--shared` or `shared: true";

impl HasExitCode for FlipProblem {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// Plans a flip in this Pod. `services` are all of its namespace.
pub fn plan(
    pod: &Pod,
    services: &[Service],
    wish: WantedFlip<'_>,
) -> Result<FlipPlan, FlipProblem> {
    match wish.aim {
        FlipTarget::Probe { probe, to } => of_probe(pod, services, wish, *probe, to),
        FlipTarget::Process(fault) => Ok(of_process(pod, services, wish.container, fault)),
    }
}

fn of_probe(
    pod: &Pod,
    services: &[Service],
    wish: WantedFlip<'_>,
    probe: Probe,
    to: &Behaviour,
) -> Result<FlipPlan, FlipProblem> {
    let probes = probes_of(pod);
    let meant = find(&probes, wish.container, probe)?;
    if probe == Probe::Startup && has_started(pod, wish.container) {
        return Err(FlipProblem::Started(wish.container.to_owned()));
    }
    let (port, act) = Flipped { probed: meant, to }.act()?;
    let touches = touched(&probes, meant, port, &act);
    if !touches.is_empty() && !wish.shared {
        return Err(FlipProblem::Shared { others: touches });
    }
    let closes = match &act {
        FlipAction::Port(opening) if opening.state != PortState::Open => {
            service_ports(pod, services, port)
        }
        FlipAction::Port(_) | FlipAction::Route { .. } | FlipAction::Process(_) => Vec::new(),
    };
    Ok(FlipPlan {
        port: Some(port),
        act,
        touches,
        closes,
    })
}

/// What is done to a process is done to everything in its container, so nothing of it is refused for being shared.
fn of_process(pod: &Pod, services: &[Service], container: &str, fault: &ProcessFault) -> FlipPlan {
    let silences = match fault.act {
        Done::Exit { .. } | Done::Signal { .. } | Done::StopAccepting => true,
        // Both may come to that, by a SIGTERM or a limit that somebody else sets.
        Done::Sigterm(_) | Done::Memory { .. } => false,
    };
    let probes = probes_of(pod);
    let own = || {
        let own = probes.iter().filter(|probed| probed.container == container);
        own.filter(|_| silences)
    };
    let declared = containers(pod)
        .filter(|each| each.name == container && silences)
        .flat_map(|each| each.ports.iter().flatten())
        .filter_map(|port| u16::try_from(port.container_port).ok());
    let asked = own().filter_map(|probed| probed.asks.port());
    let ports: BTreeSet<u16> = declared.chain(asked).collect();
    let closes = ports
        .iter()
        .flat_map(|port| service_ports(pod, services, *port));
    FlipPlan {
        port: None,
        act: FlipAction::Process(fault.clone()),
        touches: own().map(told).collect(),
        closes: closes.collect(),
    }
}

fn find<'a>(
    probes: &'a [ProbeSpec],
    container: &str,
    probe: Probe,
) -> Result<&'a ProbeSpec, FlipProblem> {
    let of_container = || probes.iter().filter(|probed| probed.container == container);
    of_container()
        .find(|probed| probed.probe == probe)
        .ok_or_else(|| FlipProblem::NoSuchProbe {
            container: container.to_owned(),
            probe,
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

/// The other probes of the Pod that would see it. Ports belong to the Pod, not to a container.
fn touched(probes: &[ProbeSpec], flipped: &ProbeSpec, port: u16, act: &FlipAction) -> Vec<String> {
    probes
        .iter()
        .filter(|other| *other != flipped && other.asks.port() == Some(port))
        .filter(|other| match act {
            FlipAction::Port(_) | FlipAction::Process(_) => true,
            FlipAction::Route { .. } => other.asks == flipped.asks,
        })
        .map(told)
        .collect()
}

fn told(probed: &ProbeSpec) -> String {
    let ProbeSpec {
        container,
        probe,
        asks,
    } = probed;
    format!("the {probe} probe of `{container}` ({asks})")
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

impl fmt::Display for FlipAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route { path, gets } => write!(f, "{path} {}", words(gets)),
            Self::Port(opening) => f.write_str(opening.state.name()),
            Self::Process(fault) => f.write_str(fault.name()),
        }
    }
}

#[cfg(test)]
mod tests;
