//! The node's Lease, by which a cluster knows that its kubelet is alive.
//!
//! Rule: `staging/src/k8s.io/component-helpers/apimachinery/lease/controller.go`.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::Node;
use serde_json::json;

use crate::kinds::node::NAME;
use crate::kinds::{typed, uid};
use crate::registry::Registry;

const NAMESPACE: &str = "kube-node-lease";
/// `nodeLeaseDurationSeconds` by default.
const DURATION: i32 = 40;
/// A quarter of the duration.
const PERIOD: Duration = Duration::from_secs(10);

/// Creates the Lease and renews it, forever.
pub(crate) async fn renew(registry: Registry) {
    loop {
        let renewed = registry.edit(NAMESPACE, NAME, |lease: &mut Lease| {
            let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
            spec.renew_time = Some(registry.clock().exact_time());
        });
        // Also if it was deleted.
        if renewed.is_err() {
            drop(registry.create(&lease(&registry)));
        }
        tokio::time::sleep(PERIOD).await;
    }
}

fn lease(registry: &Registry) -> Lease {
    let node: Option<Node> = registry.get("", NAME);
    let owner = node
        .map(|node| json!({"apiVersion": "v1", "kind": "Node", "name": NAME, "uid": uid(&node)}));
    let owners: Vec<_> = owner.into_iter().collect();
    typed(&json!({
        "metadata": {"name": NAME, "namespace": NAMESPACE, "ownerReferences": owners},
        "spec": {
            "holderIdentity": NAME, "leaseDurationSeconds": DURATION,
            "renewTime": registry.clock().exact_time(),
        },
    }))
}
