//! The cluster's only node as an API object, as `kubectl get nodes` shows it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Node, NodeAddress, NodeCondition, NodeSpec, NodeStatus, NodeSystemInfo,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

use super::KUBERNETES_VERSION;
use crate::subnets::Subnets;

/// The node's name, as in `spec.nodeName` of Pods.
pub(crate) const NAME: &str = "pocket";
/// A limit that is never reached in practice: a Pod costs only memory.
const MOST_PODS: &str = "10000";

/// The node, ready since `time`.
pub(crate) fn node(time: Time, subnets: Subnets) -> Node {
    let labels = [
        ("kubernetes.io/arch", architecture()),
        ("kubernetes.io/hostname", NAME),
        ("kubernetes.io/os", "linux"),
    ];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let spec = NodeSpec {
        pod_cidr: Some(subnets.of_pods()),
        pod_cidrs: Some(vec![subnets.of_pods()]),
        ..NodeSpec::default()
    };
    Node {
        metadata: ObjectMeta {
            name: Some(NAME.to_owned()),
            labels: Some(BTreeMap::from(labels)),
            ..ObjectMeta::default()
        },
        spec: Some(spec),
        status: Some(status(time, subnets)),
    }
}

/// The machine's architecture, by its name in image platforms.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn status(time: Time, subnets: Subnets) -> NodeStatus {
    let capacity = BTreeMap::from([("pods".to_owned(), Quantity(MOST_PODS.to_owned()))]);
    let address = |type_: &str, address: &str| NodeAddress {
        type_: type_.to_owned(),
        address: address.to_owned(),
    };
    let ready = NodeCondition {
        type_: "Ready".to_owned(),
        status: "True".to_owned(),
        reason: Some("KubeletReady".to_owned()),
        message: Some("kubelet is posting ready status".to_owned()),
        last_heartbeat_time: Some(time.clone()),
        last_transition_time: Some(time),
    };
    let info = NodeSystemInfo {
        architecture: architecture().to_owned(),
        container_runtime_version: concat!("pocket://", env!("CARGO_PKG_VERSION")).to_owned(),
        kubelet_version: KUBERNETES_VERSION.to_owned(),
        operating_system: "linux".to_owned(),
        ..NodeSystemInfo::default()
    };
    NodeStatus {
        addresses: Some(vec![
            address("InternalIP", &subnets.node().to_string()),
            address("Hostname", NAME),
        ]),
        allocatable: Some(capacity.clone()),
        capacity: Some(capacity),
        conditions: Some(vec![ready]),
        node_info: Some(info),
        ..NodeStatus::default()
    }
}
