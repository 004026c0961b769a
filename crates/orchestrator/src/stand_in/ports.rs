//! Which container opens which port, what each port speaks, and where the control APIs listen.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::{
    api::core::v1::{Container, ContainerPort, HTTPGetAction, LifecycleHandler, Probe, Service},
    apimachinery::pkg::util::intstr::IntOrString,
};
use probe_target::model::port_spec::Protocol;

use super::notes::{Notes, Topic};
use crate::{input::problem::ProblemText, targets::probe_spec::port_number};

/// The ports of the containers that serve, in their order.
#[derive(Debug)]
pub(super) struct PodPorts {
    pub(super) containers: Vec<ContainerPorts>,
    protocols: BTreeMap<u16, Protocol>,
}

/// The ports of one container.
#[derive(Debug)]
pub(super) struct ContainerPorts {
    /// Those that it opens.
    pub(super) opened: BTreeMap<u16, Protocol>,
    /// That of its control API, on loopback.
    pub(super) control: u16,
    /// That which its exec probes ask, on loopback, if it has any.
    pub(super) exec: Option<u16>,
}

/// The first control port. Above the ports that programs use, and outside the range from which
/// Linux takes the ports of outgoing connections (`net.ipv4.ip_local_port_range`, to 60999).
const FIRST_CONTROL: u16 = 61_000;

impl PodPorts {
    /// Assigns ports. A port belongs to the container that declares it, else to the first that
    /// names it in a probe or hook, else, if a Service names it by number, to the first container.
    pub(super) fn new(
        containers: &[Container],
        services: &[&Service],
        place: &str,
        notes: &mut Notes,
    ) -> Result<Self, ProblemText> {
        let mut owners: BTreeMap<u16, usize> = BTreeMap::new();
        for (at, container) in containers.iter().enumerate() {
            for port in container.ports.iter().flatten().filter(|port| is_tcp(port)) {
                let Some(number) = valid(port.container_port) else {
                    continue;
                };
                let owner = *owners.entry(number).or_insert(at);
                if owner != at {
                    let (first, second) = (&containers[owner].name, &container.name);
                    notes.add(
                        Topic::DuplicatePorts,
                        format!("{place} {number} of {second} by {first}"),
                    );
                }
            }
        }
        for (at, container) in containers.iter().enumerate() {
            for (number, _) in asked(container) {
                owners.entry(number).or_insert(at);
            }
        }
        for (service, number) in services.iter().flat_map(|service| numbers(service)) {
            if !containers.is_empty() && !owners.contains_key(&number) {
                owners.insert(number, 0);
                let name = service.metadata.name.as_deref().unwrap_or_default();
                let first = &containers[0].name;
                notes.add(
                    Topic::ServicePorts,
                    format!("{place} {number} of service/{name} by {first}"),
                );
            }
        }
        let protocols = owners
            .iter()
            .map(|(number, owner)| {
                let owner = &containers[*owner];
                (*number, protocol(*number, owner, containers, services))
            })
            .collect();
        let containers = assign(containers, &owners, &protocols)?;
        Ok(Self {
            containers,
            protocols,
        })
    }

    /// Whether the port that a probe asks speaks another protocol than the probe.
    pub(super) fn contradicts(&self, container: &Container, probe: &Probe) -> bool {
        asked_by(container, probe).is_some_and(|(number, needed)| {
            let speaks = self.protocols.get(&number);
            needed.is_some() && speaks.is_some() && needed.as_ref() != speaks
        })
    }

    /// Whether a port below 1024 is opened.
    pub(super) fn opens_low_port(&self) -> bool {
        self.protocols
            .keys()
            .next()
            .is_some_and(|port| *port < 1024)
    }
}

/// Gives each container its ports, a control port and, if needed, one for exec probes. None of
/// these meet, as the containers of a Pod share a network namespace.
fn assign(
    containers: &[Container],
    owners: &BTreeMap<u16, usize>,
    protocols: &BTreeMap<u16, Protocol>,
) -> Result<Vec<ContainerPorts>, ProblemText> {
    let has_exec = |container: &Container| probes(container).any(|(_, probe)| probe.exec.is_some());
    let needed = containers.len() + containers.iter().filter(|each| has_exec(each)).count();
    let free = (FIRST_CONTROL..=u16::MAX).filter(|port| !owners.contains_key(port));
    let left = free.clone().count();
    if left < needed {
        let what = format!("the containers of this Pod need {needed} ports for control and probes");
        let expected = format!("at most {left}, as so many from {FIRST_CONTROL} on are free");
        return Err(ProblemText::new(what).expected(expected));
    }
    let mut free = free;
    let mut next = || free.next().expect("enough ports must be free");
    let controls: Vec<u16> = containers.iter().map(|_| next()).collect();
    let assigned = containers.iter().zip(controls).enumerate();
    let ports = assigned.map(|(at, (container, control))| {
        let own = owners.iter().filter(|(_, owner)| **owner == at);
        ContainerPorts {
            opened: own.map(|(port, _)| (*port, protocols[port])).collect(),
            control,
            exec: has_exec(container).then(&mut next),
        }
    });
    Ok(ports.collect())
}

/// The probes of a container with their names, in a fixed order.
pub(super) fn probes(container: &Container) -> impl Iterator<Item = (&'static str, &Probe)> {
    let probes = [
        ("liveness", &container.liveness_probe),
        ("readiness", &container.readiness_probe),
        ("startup", &container.startup_probe),
    ];
    probes
        .into_iter()
        .filter_map(|(name, probe)| Some((name, probe.as_ref()?)))
}

/// The ports that probes and then hooks of a container ask, and the protocol that they need.
fn asked(container: &Container) -> impl Iterator<Item = (u16, Option<Protocol>)> {
    let of_probes = probes(container).filter_map(|(_, probe)| asked_by(container, probe));
    of_probes.chain(hooks(container).filter_map(|hook| {
        let get = hook.http_get.as_ref()?;
        Some((port_number(container, &get.port)?, Some(of_scheme(get))))
    }))
}

fn asked_by(container: &Container, probe: &Probe) -> Option<(u16, Option<Protocol>)> {
    if let Some(get) = &probe.http_get {
        return Some((port_number(container, &get.port)?, Some(of_scheme(get))));
    }
    if let Some(grpc) = &probe.grpc {
        let is_secured = grpc.mode.as_deref() == Some("TLS");
        let protocol = if is_secured {
            Protocol::Grpcs
        } else {
            Protocol::Grpc
        };
        return Some((valid(grpc.port)?, Some(protocol)));
    }
    let socket = probe.tcp_socket.as_ref()?;
    Some((port_number(container, &socket.port)?, None))
}

fn hooks(container: &Container) -> impl Iterator<Item = &LifecycleHandler> {
    let lifecycle = container.lifecycle.iter();
    lifecycle.flat_map(|lifecycle| lifecycle.post_start.iter().chain(&lifecycle.pre_stop))
}

fn of_scheme(get: &HTTPGetAction) -> Protocol {
    let is_https = |scheme: &String| scheme.eq_ignore_ascii_case("https");
    if get.scheme.as_ref().is_some_and(is_https) {
        Protocol::Https
    } else {
        Protocol::Http
    }
}

/// What a port speaks: what the first probe or hook that asks it needs, else what `appProtocol` of
/// a Service or the port's own name says, else http.
fn protocol(
    number: u16,
    owner: &Container,
    containers: &[Container],
    services: &[&Service],
) -> Protocol {
    let asked = containers.iter().flat_map(asked);
    let needed = asked
        .filter(|(port, _)| *port == number)
        .find_map(|(_, protocol)| protocol);
    let of_service = || {
        let ports = services.iter().flat_map(|service| tcp_ports(service));
        let targeting = ports.filter(|port| target(port, containers) == Some(number));
        targeting
            .filter_map(|port| port.app_protocol.as_deref())
            .find_map(protocol_of_name)
    };
    let of_name = || {
        let ports = owner.ports.iter().flatten();
        let mut ports = ports.filter(|port| valid(port.container_port) == Some(number));
        protocol_of_name(ports.find_map(|port| port.name.as_deref())?)
    };
    needed
        .or_else(of_service)
        .or_else(of_name)
        .unwrap_or(Protocol::Http)
}

/// The protocol that a name stands for, alone or before a `-`.
// kubernetes.io/docs › Service › Application protocol, and istio.io › Protocol selection.
pub(crate) fn protocol_of_name(name: &str) -> Option<Protocol> {
    let name = name.strip_prefix("kubernetes.io/").unwrap_or(name);
    let first = name.split('-').next().unwrap_or_default();
    Some(match first.to_ascii_lowercase().as_str() {
        "http" | "http2" | "h2c" | "ws" => Protocol::Http,
        "https" | "tls" | "wss" => Protocol::Https,
        "grpc" if name == "grpc-web" => Protocol::Http,
        "grpc" => Protocol::Grpc,
        "grpcs" => Protocol::Grpcs,
        "tcp" => Protocol::Tcp,
        _ => return None,
    })
}

/// The port of the Pod that a Service's port leads to.
fn target(port: &k8s_openapi::api::core::v1::ServicePort, containers: &[Container]) -> Option<u16> {
    match &port.target_port {
        None => valid(port.port),
        Some(IntOrString::Int(number)) => valid(*number),
        Some(IntOrString::String(name)) => {
            let mut ports = containers
                .iter()
                .flat_map(|each| each.ports.iter().flatten());
            let port = ports.find(|port| port.name.as_ref() == Some(name) && is_tcp(port));
            port.map_or_else(|| name.parse().ok(), |port| valid(port.container_port))
        }
    }
}

/// The ports that a Service names by number, each with the Service.
fn numbers(service: &Service) -> impl Iterator<Item = (&Service, u16)> {
    let numbers = tcp_ports(service).filter_map(|port| match &port.target_port {
        Some(IntOrString::String(_)) => None,
        _ => target(port, &[]),
    });
    let numbers: BTreeSet<u16> = numbers.collect();
    numbers.into_iter().map(move |number| (service, number))
}

/// The TCP ports of a Service.
fn tcp_ports(service: &Service) -> impl Iterator<Item = &k8s_openapi::api::core::v1::ServicePort> {
    let spec = service.spec.iter();
    let ports = spec.flat_map(|spec| spec.ports.iter().flatten());
    ports.filter(|port| is_tcp_name(port.protocol.as_deref()))
}

/// Whether a container's port is a TCP port.
pub(super) fn is_tcp(port: &ContainerPort) -> bool {
    is_tcp_name(port.protocol.as_deref())
}

/// Whether a protocol is TCP, as it is by default.
pub(crate) fn is_tcp_name(protocol: Option<&str>) -> bool {
    matches!(protocol, None | Some("" | "TCP"))
}

fn valid(number: i32) -> Option<u16> {
    u16::try_from(number).ok().filter(|number| *number != 0)
}
