//! The objects that a cluster starts with.

use k8s_openapi::api::core::v1::{Endpoints, Namespace, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde_json::{Value, json};

use crate::kinds::{Object, node, typed};
use crate::registry::Registry;

/// The port of the API on the node's address in the cluster's network.
///
/// Rule: `pkg/controlplane/controller/kubernetesservice/controller.go`.
pub(super) const API_PORT: u16 = 6443;

/// The namespaces that every cluster has.
const NAMESPACES: [&str; 2] = ["default", "kube-system"];
/// The other namespaces of a cluster with its system's objects.
const SYSTEM_NAMESPACES: [&str; 2] = ["kube-node-lease", "kube-public"];

/// Creates the initial namespaces and the node.
pub(super) fn create(registry: &Registry) {
    create_namespaces(registry, &NAMESPACES);
    create_one(
        registry,
        &node::node(registry.clock().time(), registry.subnets()),
    );
}

/// Creates what every cluster has besides: namespaces that some programs expect, and the Service
/// `kubernetes` with its endpoints.
pub(super) fn create_system(registry: &Registry) {
    create_namespaces(registry, &SYSTEM_NAMESPACES);
    create_one(registry, &service(registry));
    create_one(registry, &slice(registry));
    create_one(registry, &endpoints(registry));
}

fn create_namespaces(registry: &Registry, names: &[&str]) {
    for name in names {
        create_one::<Namespace>(registry, &typed(&json!({"metadata": {"name": name}})));
    }
}

fn create_one<K: Object>(registry: &Registry, object: &K) {
    registry
        .create(object)
        .expect("a new cluster must take its own objects");
}

/// The Service of the API server. As upstream it has no selector.
fn service(registry: &Registry) -> Service {
    let port = json!({"name": "https", "port": 443, "targetPort": API_PORT});
    let labels = json!({"component": "apiserver", "provider": "kubernetes"});
    let spec = json!({"clusterIP": registry.subnets().kubernetes(), "ports": [port]});
    typed(&json!({"metadata": metadata(&labels), "spec": spec}))
}

fn slice(registry: &Registry) -> EndpointSlice {
    let endpoint = json!({"addresses": [registry.subnets().node()], "conditions": {"ready": true}});
    typed(&json!({
        "metadata": metadata(&json!({"kubernetes.io/service-name": "kubernetes"})),
        "addressType": "IPv4",
        "endpoints": [endpoint],
        "ports": [{"name": "https", "port": API_PORT, "protocol": "TCP"}],
    }))
}

/// The endpoints of that Service for older programs. Nobody makes a slice of them.
fn endpoints(registry: &Registry) -> Endpoints {
    let labels = json!({"endpointslice.kubernetes.io/skip-mirror": "true"});
    let address = json!({"ip": registry.subnets().node()});
    let port = json!({"name": "https", "port": API_PORT, "protocol": "TCP"});
    typed(&json!({
        "metadata": metadata(&labels),
        "subsets": [{"addresses": [address], "ports": [port]}],
    }))
}

fn metadata(labels: &Value) -> Value {
    json!({"name": "kubernetes", "namespace": "default", "labels": labels})
}
