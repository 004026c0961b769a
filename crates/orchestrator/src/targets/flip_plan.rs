//! Plans a flip: turns a probe and a behaviour, or a process fault, into one control API call.
//!
//! Pure. Rejects behaviours that the probe cannot observe, and flips that would affect other probes
//! without permission. Independent of connections, instances and leases.

mod call;

use std::{collections::BTreeSet, fmt};

use k8s_openapi::api::core::v1::{Pod, Service};
use probe_target::{
    ParseError,
    model::{
        behaviour::Behaviour,
        bound::Bounds,
        flip_spec::FlipSpec,
        port_spec::{PortSpec, PortState},
        process_fault::{ProcessAction, ProcessFault},
        route_path::RoutePath,
    },
};

use crate::{
    exit::{Exit, HasExitCode},
    input::experiment::{FlipTarget, Probe},
    targets::{
        containers, opener,
        probe_spec::{ProbeSpec, port_number, probes_of},
        statuses,
    },
};
use call::Flipped;

/// A flip as requested.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WantedFlip<'a> {
    /// The container to flip.
    pub(crate) container: &'a str,
    /// The container's probe or process, with the behaviour.
    pub(crate) aim: &'a FlipTarget,
    /// Whether the flip may affect other probes.
    pub(crate) shared: bool,
}

/// The control call that makes a flip, and its side effects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FlipPlan {
    /// The container whose target gets the call.
    pub(crate) container: String,
    /// The port that the flip acts on; `None` for the process.
    pub(crate) port: Option<u16>,
    /// The change to make.
    pub(crate) act: FlipAction,
    /// The other probes that the flip affects. If it stops the process from answering, all of the
    /// container's probes.
    pub(crate) touches: Vec<String>,
    /// The Service ports that the flip closes, as `web:80`.
    pub(crate) closes: Vec<String>,
}

/// A change to a route, a port or the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FlipAction {
    /// Lays a reply or fault over one route.
    Route {
        /// The route.
        path: RoutePath,
        /// The behaviour, without the lease.
        gets: Box<Behaviour>,
    },
    /// Changes how the whole port handles connections.
    Port(PortSpec),
    /// Sets a process fault.
    Process(ProcessFault),
}

impl FlipPlan {
    /// Whether the target replaces one of the two flips with the other. A flip of a port on behalf
    /// of a route replaces a flip of that route, and vice versa.
    pub(crate) fn is_where(&self, other: &Self) -> bool {
        match (&self.act, &other.act) {
            // Flips with the same `FlipTarget::target` name the same fault, and the later one
            // replaces it.
            (FlipAction::Process(_), FlipAction::Process(_)) => true,
            (FlipAction::Process(_), _) | (_, FlipAction::Process(_)) => false,
            (act, others) => self.port == other.port && act.route() == others.route(),
        }
    }

    /// Whether the later of the two decides what requests or connections get.
    pub(crate) fn contradicts(&self, other: &Self) -> bool {
        match (&self.act, &other.act) {
            (FlipAction::Process(_), _) | (_, FlipAction::Process(_)) => false,
            _ if self.port != other.port => false,
            (
                FlipAction::Route { path, gets },
                FlipAction::Route {
                    path: others,
                    gets: theirs,
                },
            ) => path == others && gets != theirs,
            (FlipAction::Port(one), FlipAction::Port(two)) => {
                // The route only says for whom; the whole port changes.
                let of_port = |opening: &PortSpec| PortSpec {
                    route: None,
                    ..opening.clone()
                };
                of_port(one) != of_port(two)
            }
            (FlipAction::Port(opening), FlipAction::Route { .. })
            | (FlipAction::Route { .. }, FlipAction::Port(opening)) => {
                // An open port leaves its routes alone. Any other state, or another protocol, hides
                // them.
                opening.state != PortState::Open || opening.protocol.is_some()
            }
        }
    }
}

impl FlipAction {
    /// The route that is flipped, either directly or by a state of its whole port.
    pub(crate) fn route(&self) -> Option<&RoutePath> {
        match self {
            Self::Route { path, .. } => Some(path),
            Self::Port(opening) => opening.route.as_ref(),
            Self::Process(_) => None,
        }
    }

    /// The bounds that end the change without a revert.
    pub(crate) fn bounds(&self) -> &Bounds {
        match self {
            Self::Route { gets, .. } => &gets.bounds,
            Self::Port(opening) => &opening.bounds,
            Self::Process(fault) => &fault.bounds,
        }
    }
}

/// The reason why a flip cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FlipProblem {
    /// The container does not have this probe.
    #[error("container `{container}` has no {probe} probe; {}", has(there))]
    NoSuchProbe {
        /// The container.
        container: String,
        /// The requested probe.
        probe: Probe,
        /// The container's probes.
        there: Vec<Probe>,
    },
    /// The startup probe has succeeded, so the kubelet does not run it again.
    #[error(
        "the startup probe of `{0}` has succeeded and is not asked again until the container restarts; to fail it from the start, \
         use `--plan` or `--route`"
    )]
    Started(String),
    /// The probe runs a command other than `probe-target check`, or names another host or an
    /// unknown port.
    #[error(
        "the {probe} probe of `{container}` ({asks}) does not ask a probe-target; nothing can be flipped for it"
    )]
    NotOurs {
        /// The container.
        container: String,
        /// The probe.
        probe: Probe,
        /// What the probe requests.
        asks: String,
    },
    /// The probe cannot observe this behaviour.
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
        /// The requested behaviour.
        to: String,
        /// The reason.
        why: &'static str,
        /// The behaviours that the probe can observe.
        expected: &'static str,
    },
    /// The behaviour fits the probe, but one of its fields does not.
    #[error("`{to}` at the {probe} probe of `{container}`: {invalid}")]
    Impossible {
        /// The container.
        container: String,
        /// The probe.
        probe: Probe,
        /// The requested behaviour.
        to: String,
        /// The field and its error.
        invalid: Box<ParseError>,
    },
    /// The flip would also affect other probes.
    #[error("that would also touch {}; if that is meant, say `{SHARED}`", others.join(", "))]
    Shared {
        /// The other probes.
        others: Vec<String>,
    },
}

// The message puts backticks around it.
const SHARED: &str = "--shared` or `shared: true";

impl HasExitCode for FlipProblem {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// Plans a flip in this Pod. `services` are all Services of its namespace.
pub(crate) fn plan(
    pod: &Pod,
    services: &[Service],
    wanted: WantedFlip<'_>,
) -> Result<FlipPlan, FlipProblem> {
    match wanted.aim {
        FlipTarget::Probe { probe, to } => of_probe(pod, services, wanted, *probe, to),
        FlipTarget::Process(fault) => Ok(of_process(pod, services, wanted.container, fault)),
    }
}

/// The container whose target gets a flip: the container that opens the port of the probe, which
/// may be another one of the Pod.
pub(crate) fn recipient(pod: &Pod, container: &str, aim: &FlipTarget) -> String {
    let port = match aim {
        FlipTarget::Probe { probe, .. } => {
            let probes = probes_of(pod);
            let flipped = find(&probes, container, *probe).ok();
            flipped.and_then(|probed| probed.asks.port())
        }
        FlipTarget::Process(_) => None,
    };
    let opener = port.and_then(|port| opener(pod, port, container));
    opener.map_or(container, |opener| &opener.name).to_owned()
}

fn of_probe(
    pod: &Pod,
    services: &[Service],
    wanted: WantedFlip<'_>,
    probe: Probe,
    to: &FlipSpec,
) -> Result<FlipPlan, FlipProblem> {
    let probes = probes_of(pod);
    let flipped = find(&probes, wanted.container, probe)?;
    if probe == Probe::Startup && has_started(pod, wanted.container) {
        return Err(FlipProblem::Started(wanted.container.to_owned()));
    }
    let (port, act) = Flipped {
        probed: flipped,
        to,
    }
    .act()?;
    let touches = touched(&probes, flipped, port, &act);
    if !touches.is_empty() && !wanted.shared {
        return Err(FlipProblem::Shared { others: touches });
    }
    let closes = match &act {
        FlipAction::Port(opening) if opening.state != PortState::Open => {
            service_ports(pod, services, port)
        }
        FlipAction::Port(_) | FlipAction::Route { .. } | FlipAction::Process(_) => Vec::new(),
    };
    Ok(FlipPlan {
        container: recipient(pod, wanted.container, wanted.aim),
        port: Some(port),
        act,
        touches,
        closes,
    })
}

/// Plans a process fault. It always affects the whole container, so it needs no `shared`.
fn of_process(pod: &Pod, services: &[Service], container: &str, fault: &ProcessFault) -> FlipPlan {
    let silences = match fault.act {
        ProcessAction::Exit { .. }
        | ProcessAction::Signal { .. }
        | ProcessAction::StopAccepting => true,
        // These end the process only together with a SIGTERM or a memory limit from elsewhere.
        ProcessAction::Sigterm(_) | ProcessAction::Memory { .. } => false,
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
        container: container.to_owned(),
        port: None,
        act: FlipAction::Process(fault.clone()),
        touches: own().map(description).collect(),
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
    statuses(pod).any(|status| status.name == container && status.started == Some(true))
}

/// The other probes of the Pod that would observe the flip. They may be another container's: the
/// containers of a Pod share its ports.
fn touched(probes: &[ProbeSpec], flipped: &ProbeSpec, port: u16, act: &FlipAction) -> Vec<String> {
    probes
        .iter()
        .filter(|other| *other != flipped && other.asks.port() == Some(port))
        .filter(|other| match act {
            FlipAction::Port(_) | FlipAction::Process(_) => true,
            FlipAction::Route { .. } => other.asks == flipped.asks,
        })
        .map(description)
        .collect()
}

fn description(probed: &ProbeSpec) -> String {
    let ProbeSpec {
        container,
        probe,
        asks,
    } = probed;
    format!("the {probe} probe of `{container}` ({asks})")
}

/// The Service ports that forward to this port of the Pod.
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

/// Whether a Service selects the Pod. A Service without a selector selects no Pods.
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
            Self::Route { path, gets } => write!(f, "{path} {}", gets.word()),
            Self::Port(opening) => f.write_str(opening.state.name()),
            Self::Process(fault) => f.write_str(fault.name()),
        }
    }
}

#[cfg(test)]
mod tests;
