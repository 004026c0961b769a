//! The traffic Pod: one container per traffic client, from the workload's own probe-target image.
//!
//! Pure: builds the manifest to apply. The clients' journals are read like those of other targets.

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, Service};
use probe_target::model::duration;
use serde_json::{Value, json};

use crate::{
    exit::{Exit, HasExitCode},
    input::{
        experiment::{Connections, TrafficClient},
        manifests::Manifest,
    },
    targets::{self, Address},
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

/// Image settings of the workload's first target, reused for the traffic clients.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Image {
    name: String,
    pull_policy: Option<String>,
    pull_secrets: Value,
}

/// The image of the first target container among the objects, in the order they are applied.
pub(crate) fn image_of(manifests: &[Manifest]) -> Result<Image, TrafficError> {
    manifests
        .iter()
        .filter_map(pod_of)
        .find_map(|pod| image_in(&pod))
        .ok_or(TrafficError::NoImage)
}

/// The traffic Pod of these clients. `services` contains the Services they name, with their cluster
/// IPs.
pub(crate) fn pod(
    clients: &[TrafficClient],
    services: &[Service],
    image: &Image,
) -> Result<Manifest, TrafficError> {
    let containers = clients
        .iter()
        .zip(control_ports())
        .map(|(client, control)| container(client, control, services, image))
        .collect::<Result<Vec<_>, _>>()?;
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": POD },
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "terminationGracePeriodSeconds": 1,
            "imagePullSecrets": image.pull_secrets,
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
    image: &Image,
) -> Result<Value, TrafficError> {
    let address = cluster_ip(services, &client.service).ok_or_else(|| TrafficError::Headless {
        client: client.name.value.clone(),
        service: client.service.value.clone(),
    })?;
    let mut args = vec![
        "traffic".to_owned(),
        destination(address, *client.port),
        format!("--control=127.0.0.1:{control}"),
        format!("--host={}", client.service.value),
        format!("--path={}", client.path),
        format!("--rate={}", client.rate),
        format!("--timeout={}", duration::format(client.timeout)),
    ];
    if client.connections == Connections::Fresh {
        args.push("--fresh".to_owned());
    }
    Ok(json!({
        "name": client.name.value,
        "image": image.name,
        "imagePullPolicy": image.pull_policy,
        "args": args,
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": { "drop": ["ALL"] },
        },
    }))
}

fn cluster_ip<'a>(services: &'a [Service], name: &str) -> Option<&'a str> {
    let named = |service: &&Service| service.metadata.name.as_deref() == Some(name);
    let spec = services.iter().find(named)?.spec.as_ref()?;
    spec.cluster_ip
        .as_deref()
        .filter(|ip| !ip.is_empty() && *ip != "None")
}

fn destination(ip: &str, port: u16) -> String {
    if ip.contains(':') {
        format!("[{ip}]:{port}")
    } else {
        format!("{ip}:{port}")
    }
}

/// The object itself if it is a Pod, else its Pod template.
fn pod_of(manifest: &Manifest) -> Option<Pod> {
    let pod = match manifest.resource.kind.as_str() {
        "Pod" => &manifest.object,
        _ => manifest.object.pointer("/spec/template")?,
    };
    serde_json::from_value(pod.clone()).ok()
}

fn image_in(pod: &Pod) -> Option<Image> {
    let spec: &PodSpec = pod.spec.as_ref()?;
    let target: &Container = targets::containers(pod).find(|each| targets::is_target(pod, each))?;
    Some(Image {
        name: target.image.clone()?,
        pull_policy: target.image_pull_policy.clone(),
        pull_secrets: json!(spec.image_pull_secrets),
    })
}

#[cfg(test)]
mod tests;
