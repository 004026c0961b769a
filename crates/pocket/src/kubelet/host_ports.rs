//! Host ports: ports of the node's address that lead to a Pod.
//!
//! Rule: `pkg/kubelet/kuberuntime/kuberuntime_sandbox.go`, `generatePodSandboxConfig`, and the CNI
//! plugin `portmap`. A `hostIP` other than the node's is not served.

use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::{ContainerPort, Pod};
use rules::container::Role;

use super::spec;
use crate::net::Network;

/// Leads the Pod's host ports to its address `ip`.
pub(super) fn open(network: &Network, node: IpAddr, pod: &Pod, ip: IpAddr) {
    for (host, port) in of(pod, node) {
        let backend = SocketAddr::new(ip, port);
        network.route(SocketAddr::new(node, host), vec![backend]);
    }
}

/// Ends what [`open`] began. The scheduler gives a host port to one Pod at a time.
pub(super) fn close(network: &Network, node: IpAddr, pod: &Pod) {
    for (host, _) in of(pod, node) {
        network.route(SocketAddr::new(node, host), Vec::new());
    }
}

/// The host ports with the container ports behind them.
fn of(pod: &Pod, node: IpAddr) -> Vec<(u16, u16)> {
    let containers = pod.spec.iter().flat_map(spec::containers);
    let running = containers.filter(|(role, _)| *role != Role::Init);
    let ports = running.flat_map(|(_, container)| container.ports.iter().flatten());
    let served = ports.filter(|port| is_served(port, node));
    let pairs = served.filter_map(|port| {
        let host = u16::try_from(port.host_port?).ok().filter(|it| *it > 0)?;
        Some((host, port.container_port.try_into().ok()?))
    });
    pairs.collect()
}

fn is_served(port: &ContainerPort, node: IpAddr) -> bool {
    let protocol = port.protocol.as_deref().unwrap_or("TCP");
    let ip = port.host_ip.as_deref().unwrap_or_default();
    protocol == "TCP" && (["", "0.0.0.0", "::"].contains(&ip) || ip == node.to_string())
}
