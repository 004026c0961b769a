//! The traffic Pod: one container per traffic client, from the workload's own probe-target images.
//!
//! Pure: builds the manifest to apply. The clients' journals are read like those of other targets.

use k8s_openapi::api::core::v1::{Container, Pod, Service};
use probe_target::model::{duration, port_spec::Protocol};
use serde_json::{Value, json};

use crate::{
    exit::{Exit, HasExitCode},
    input::{
        experiment::{Connections, TrafficClient},
        manifests::Manifest,
    },
    targets::{self, Address, listener},
};

/// Name of the traffic Pod.
pub(crate) const POD: &str = "probeflip-traffic";

/// The control port of the first client; the other clients have the next ports.
const FIRST_CONTROL: u16 = 20_000;

/// Why the traffic Pod cannot be built.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TrafficError {
    /// No container of the workload runs a probe-target image.
    #[error(
        "traffic is sent by the workload's own probe-target image, but no container of the \
         workload runs one"
    )]
    NoImage,
    /// The Service has no cluster IP to send to.
    #[error(
        "traffic `{client}`: service `{service}` has no cluster IP; a headless service cannot be \
         measured"
    )]
    Headless {
        /// The client.
        client: String,
        /// The Service.
        service: String,
    },
}

impl HasExitCode for TrafficError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// The traffic Pod of these clients. `services` contains the Services they name, with their cluster
/// IPs; `workload` is everything that is applied.
pub(crate) fn pod(
    clients: &[TrafficClient],
    services: &[Service],
    workload: &[Manifest],
) -> Result<Manifest, TrafficError> {
    let pods: Vec<Pod> = workload
        .iter()
        .filter_map(|manifest| targets::pod_of(&manifest.object))
        .collect();
    let (pod, first) = pods
        .iter()
        .find_map(first_target)
        .ok_or(TrafficError::NoImage)?;
    let pull_secrets = pod.spec.as_ref().map(|spec| json!(spec.image_pull_secrets));
    let containers = clients
        .iter()
        .zip(control_ports())
        .map(|(client, control)| container(client, control, services, &pods, first))
        .collect::<Result<Vec<_>, _>>()?;
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": POD },
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "terminationGracePeriodSeconds": 1,
            "imagePullSecrets": pull_secrets,
            "securityContext": {
                "runAsNonRoot": true,
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": containers,
        },
    });
    Ok(Manifest::new(pod))
}

/// The clients' control addresses, in the order of the clients. `uid` is the Pod's.
pub(crate) fn addresses(clients: &[TrafficClient], uid: &str) -> Vec<Address> {
    let address = |(client, control): (&TrafficClient, u16)| Address {
        pod: POD.to_owned(),
        uid: uid.to_owned(),
        container: client.name.value.clone(),
        control,
    };
    clients.iter().zip(control_ports()).map(address).collect()
}

fn control_ports() -> impl Iterator<Item = u16> {
    FIRST_CONTROL..
}

fn container(
    client: &TrafficClient,
    control: u16,
    services: &[Service],
    pods: &[Pod],
    first: &Container,
) -> Result<Value, TrafficError> {
    let headless = || TrafficError::Headless {
        client: client.name.value.clone(),
        service: client.service.value.clone(),
    };
    let (service, address) = addressed(services, &client.service).ok_or_else(headless)?;
    let listener = listener(service, *client.port, pods);
    let protocol = listener.map_or(Protocol::Http, |listener| listener.protocol);
    // Only an image with TLS can send it, and a port that serves it has one.
    let secured = listener.filter(|listener| listener.protocol.is_secured());
    let target = secured.map_or(first, |listener| listener.container);
    let mut args = vec![
        "traffic".to_owned(),
        destination(address, *client.port),
        format!("--control=127.0.0.1:{control}"),
        format!("--rate={}", client.rate),
        format!("--timeout={}", duration::format(client.timeout)),
        format!("--protocol={}", protocol.name()),
    ];
    // Without HTTP a request is a connection.
    if matches!(protocol, Protocol::Http | Protocol::Https) {
        args.push(format!("--host={}", client.service.value));
        args.push(format!("--path={}", client.path));
        if client.connections == Connections::Fresh {
            args.push("--fresh".to_owned());
        }
    }
    Ok(json!({
        "name": client.name.value,
        "image": target.image,
        "imagePullPolicy": target.image_pull_policy,
        "args": args,
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": { "drop": ["ALL"] },
        },
    }))
}

/// The Service of that name, with its cluster IP.
fn addressed<'a>(services: &'a [Service], name: &str) -> Option<(&'a Service, &'a str)> {
    let named = |service: &&Service| service.metadata.name.as_deref() == Some(name);
    let service = services.iter().find(named)?;
    let ip = service.spec.as_ref()?.cluster_ip.as_deref();
    let ip = ip.filter(|ip| !ip.is_empty() && *ip != "None")?;
    Some((service, ip))
}

fn destination(ip: &str, port: u16) -> String {
    if ip.contains(':') {
        format!("[{ip}]:{port}")
    } else {
        format!("{ip}:{port}")
    }
}

/// The first target of a Pod.
fn first_target(pod: &Pod) -> Option<(&Pod, &Container)> {
    let mut targets = targets::containers(pod).filter(|each| targets::is_target(pod, each));
    Some((pod, targets.find(|target| target.image.is_some())?))
}

#[cfg(test)]
mod tests;
