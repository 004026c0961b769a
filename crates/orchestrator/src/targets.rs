//! Finds the targets among a Pod's containers and the ports of their control APIs.
//!
//! Pure: everything comes from the Pod's metadata and spec. Only a call shows whether a control API
//! really listens there.

pub mod control;
pub(crate) mod control_pool;
pub(crate) mod flip;
pub(crate) mod flip_plan;
pub(crate) mod journal;
pub(crate) mod lease;
mod listener;
pub(crate) mod probe_spec;
pub(crate) mod probe_timing;
pub(crate) mod propagation;
pub(crate) mod retry_revert;
pub(crate) mod select;
pub(crate) mod status;

use std::{net::SocketAddr, time::Duration};

use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod};
pub(crate) use listener::{Listener, listener};
use probe_target::model::{duration, port_spec::Protocol};
use serde_json::Value;

use crate::input::experiment::Rate;

/// The prefix of the annotation that makes a container a target regardless of its image. The
/// container's name follows; the value is the control address.
pub(crate) const CONTROL_ANNOTATION: &str = "control.probeflip.dev/";

/// The difference between a target's first port and its default control port.
const CONTROL_OFFSET: u16 = 10_000;

/// The address of a container's control API, independent of the process that runs there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// The Pod's name.
    pub pod: String,
    /// The Pod's UID, which distinguishes it from a later Pod with the same name.
    pub uid: String,
    /// The container's name.
    pub container: String,
    /// The port of the control API on the Pod's loopback.
    pub control: u16,
}

/// Why a container cannot be reached as a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotATarget {
    /// The Pod has no container with this name.
    #[error("pod `{pod}` has no container `{container}`; it has {}", names(there))]
    NoSuchContainer {
        /// The Pod.
        pod: String,
        /// The requested container.
        container: String,
        /// The Pod's containers.
        there: Vec<String>,
    },
    /// The image is not probe-target's, and no annotation makes the container a target.
    #[error(
        "container `{container}` of pod `{pod}` runs `{image}`, which is no probe-target; if it \
         is one under another name, \
         annotate the pod with `{CONTROL_ANNOTATION}{container}: ADDRESS:PORT`"
    )]
    OtherImage {
        /// The Pod.
        pod: String,
        /// The container.
        container: String,
        /// Its image.
        image: String,
    },
    /// Neither the annotation nor the container's spec gives a control address.
    #[error(
        "container `{container}` of pod `{pod}` does not say where its control API listens; give \
         it `--control` or a containerPort, \
         or annotate the pod with `{CONTROL_ANNOTATION}{container}: ADDRESS:PORT`"
    )]
    NoControlAddress {
        /// The Pod.
        pod: String,
        /// The container.
        container: String,
    },
}

/// All targets of a Pod, in the order of its spec. Other containers are skipped.
pub(crate) fn targets_of(pod: &Pod) -> Vec<Result<Address, NotATarget>> {
    containers(pod)
        .filter(|container| is_target(pod, container))
        .map(|container| locate(pod, container))
        .collect()
}

/// A traffic client among a Pod's containers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TrafficSender {
    /// The address of its control API.
    pub(crate) address: Address,
    /// The rate at which it sends.
    pub(crate) rate: Rate,
    /// How long it waits for an answer.
    pub(crate) timeout: Duration,
}

/// The traffic clients that a run has put into a Pod.
pub(crate) fn traffic_of(pod: &Pod) -> Vec<TrafficSender> {
    let sends = |container: &&Container| {
        let first = container.args.iter().flatten().next();
        is_ours(container.image.as_deref().unwrap_or_default())
            && first.is_some_and(|word| word == "traffic")
    };
    let senders = containers(pod).filter(sends).filter_map(|container| {
        let option = |name| options(container, name).next();
        Some(TrafficSender {
            address: locate(pod, container).ok()?,
            rate: option("--rate")?.parse().ok()?,
            timeout: duration::parse(option("--timeout")?)?,
        })
    });
    senders.collect()
}

/// The address of the Pod's container with this name, if it is a target.
pub(crate) fn target(pod: &Pod, name: &str) -> Result<Address, NotATarget> {
    let Some(container) = containers(pod).find(|container| container.name == name) else {
        let there = containers(pod)
            .map(|container| container.name.clone())
            .collect();
        let (pod, container) = (name_of(pod), name.to_owned());
        return Err(NotATarget::NoSuchContainer {
            pod,
            container,
            there,
        });
    };
    if !is_target(pod, container) {
        let image = container.image.clone().unwrap_or_default();
        let (pod, container) = (name_of(pod), name.to_owned());
        return Err(NotATarget::OtherImage {
            pod,
            container,
            image,
        });
    }
    locate(pod, container)
}

/// The object of a manifest itself if it is a Pod, else a Pod of its template.
pub(crate) fn pod_of(object: &Value) -> Option<Pod> {
    let pod = match object["kind"].as_str() {
        Some("Pod") => object,
        _ => object.pointer("/spec/template")?,
    };
    serde_json::from_value(pod.clone()).ok()
}

/// The containers that can have probes: regular containers, then restartable init containers.
pub(crate) fn containers(pod: &Pod) -> impl Iterator<Item = &Container> {
    let sidecars = pod
        .spec
        .iter()
        .flat_map(|spec| spec.init_containers.iter().flatten())
        .filter(|container| container.restart_policy.as_deref() == Some("Always"));
    pod.spec
        .iter()
        .flat_map(|spec| &spec.containers)
        .chain(sidecars)
}

/// The statuses of a Pod's regular and init containers.
pub(crate) fn statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    pod.status.iter().flat_map(|status| {
        let regular = status.container_statuses.iter();
        regular.chain(&status.init_container_statuses).flatten()
    })
}

/// Whether a container is a target, by its annotation or by its image's name.
pub(crate) fn is_target(pod: &Pod, container: &Container) -> bool {
    let image = container.image.as_deref().unwrap_or_default();
    annotation(pod, container).is_some() || (is_ours(image) && serves(container))
}

/// Whether the arguments start probe-target's server rather than another subcommand.
fn serves(container: &Container) -> bool {
    let first = container.args.iter().flatten().next();
    // Without a subcommand, probe-target serves.
    first.is_none_or(|word| word == "serve" || word.starts_with("--"))
}

/// Whether an image is probe-target's, by its name.
pub(crate) fn is_ours(image: &str) -> bool {
    image_name(image) == "probe-target"
}

/// The last path component of an image reference, without tag and digest.
fn image_name(image: &str) -> &str {
    let path = image.split_once('@').map_or(image, |(path, _)| path);
    let last = path.rsplit_once('/').map_or(path, |(_, last)| last);
    last.split_once(':').map_or(last, |(name, _)| name)
}

fn locate(pod: &Pod, container: &Container) -> Result<Address, NotATarget> {
    let control = match annotation(pod, container) {
        Some(address) => port_of(address),
        None => control_port(container),
    };
    let (pod_name, container) = (name_of(pod), container.name.clone());
    let Some(control) = control else {
        return Err(NotATarget::NoControlAddress {
            pod: pod_name,
            container,
        });
    };
    let uid = pod.metadata.uid.clone().unwrap_or_default();
    Ok(Address {
        pod: pod_name,
        uid,
        container,
        control,
    })
}

fn annotation<'a>(pod: &'a Pod, container: &Container) -> Option<&'a str> {
    let key = format!("{CONTROL_ANNOTATION}{}", container.name);
    pod.metadata
        .annotations
        .as_ref()?
        .get(&key)
        .map(String::as_str)
}

/// The control port that the container's spec implies, in probe-target's order of precedence:
/// argument, environment variable, first port plus [`CONTROL_OFFSET`].
fn control_port(container: &Container) -> Option<u16> {
    let given = options(container, "--control")
        .next()
        .or_else(|| environment(container, "PROBE_TARGET_CONTROL"));
    match given {
        Some(address) => port_of(address),
        None => first_port(container)?.checked_add(CONTROL_OFFSET),
    }
}

fn first_port(container: &Container) -> Option<u16> {
    let listed = listed_ports(container).first().map(|(port, _)| *port);
    listed.or_else(|| declared_ports(container).next())
}

/// The container that opens a port of the Pod: one whose arguments list it, else one that declares
/// it. Of several, the container that asks the port comes first.
fn opener<'p>(pod: &'p Pod, port: u16, asking: &str) -> Option<&'p Container> {
    let first = |opens: &dyn Fn(&Container) -> bool| {
        let own = containers(pod).find(|each| each.name == asking && opens(each));
        own.or_else(|| containers(pod).find(|each| opens(each)))
    };
    let lists = |each: &Container| listed_ports(each).iter().any(|(listed, _)| *listed == port);
    let declares = |each: &Container| declared_ports(each).any(|declared| declared == port);
    first(&lists).or_else(|| first(&declares))
}

fn declared_ports(container: &Container) -> impl Iterator<Item = u16> {
    let ports = container.ports.iter().flatten();
    ports.filter_map(|port| u16::try_from(port.container_port).ok())
}

/// The ports that probe-target opens, by its arguments or, without any there, its environment.
fn listed_ports(container: &Container) -> Vec<(u16, Protocol)> {
    let mut lists: Vec<&str> = options(container, "--port").collect();
    if lists.is_empty() {
        lists.extend(environment(container, "PROBE_TARGET_PORTS"));
    }
    let ports = lists.into_iter().flat_map(|list| list.split(','));
    ports.filter_map(listed_port).collect()
}

/// A port in `8080`, `9000=grpc` or `127.0.0.1:8080`.
fn listed_port(text: &str) -> Option<(u16, Protocol)> {
    let text = text.trim();
    let (place, protocol) = text.split_once('=').unwrap_or((text, "http"));
    Some((port_of(place)?, Protocol::named(protocol)?))
}

/// The values of a long option on the container's command line: `--name value` or `--name=value`.
fn options<'a>(container: &'a Container, name: &str) -> impl Iterator<Item = &'a str> {
    let mut words = container.command.iter().chain(&container.args).flatten();
    std::iter::from_fn(move || {
        loop {
            let word = words.next()?;
            match word.strip_prefix(name).map(|rest| rest.strip_prefix('=')) {
                Some(Some(value)) => return Some(value),
                Some(None) if word == name => return words.next().map(String::as_str),
                _ => {}
            }
        }
    })
}

fn environment<'a>(container: &'a Container, name: &str) -> Option<&'a str> {
    let variable = container
        .env
        .iter()
        .flatten()
        .find(|variable| variable.name == name)?;
    variable.value.as_deref()
}

/// The port of `ADDRESS:PORT` or `PORT`, if it is not 0.
fn port_of(address: &str) -> Option<u16> {
    let port = match address.parse::<SocketAddr>() {
        Ok(address) => address.port(),
        Err(_) => address.parse().ok()?,
    };
    (port != 0).then_some(port)
}

fn name_of(pod: &Pod) -> String {
    pod.metadata.name.clone().unwrap_or_default()
}

fn names(containers: &[String]) -> String {
    let quoted: Vec<_> = containers.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests;
