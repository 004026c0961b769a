//! Taints the node for as long as it is unschedulable.
//!
//! Rule: `pkg/controller/nodelifecycle/node_lifecycle_controller.go`, `doNoScheduleTaintingPass`.

use k8s_openapi::api::core::v1::{Node, Taint};

use crate::kinds::name;
use crate::registry::{Change, Registry};

pub(super) async fn run(registry: Registry) {
    let mut nodes = registry.watch::<Node>(None);
    loop {
        if let Change::Added(node) | Change::Modified(node) = nodes.next().await {
            let (is_unschedulable, is_tainted) = state(&node);
            if is_unschedulable != is_tainted {
                let time = registry.clock().time();
                // An error means that the node has changed meanwhile; that change leads back here.
                drop(registry.edit("", name(&*node), |node: &mut Node| {
                    let taints = node.spec.get_or_insert_default().taints.take();
                    let mut taints = taints.unwrap_or_default();
                    taints.retain(|taint| !is_of_unschedulable(taint));
                    if is_unschedulable {
                        let taint = rules::taint::Taint::unschedulable();
                        taints.push(Taint {
                            key: taint.key,
                            effect: taint.effect,
                            time_added: Some(time),
                            value: None,
                        });
                    }
                    let taints = (!taints.is_empty()).then_some(taints);
                    node.spec.get_or_insert_default().taints = taints;
                }));
            }
        }
    }
}

/// Whether a node is unschedulable, and whether it has the taint for that.
fn state(node: &Node) -> (bool, bool) {
    let spec = node.spec.as_ref();
    let is_unschedulable = spec.and_then(|spec| spec.unschedulable) == Some(true);
    let mut taints = spec
        .into_iter()
        .flat_map(|spec| spec.taints.iter().flatten());
    (is_unschedulable, taints.any(is_of_unschedulable))
}

fn is_of_unschedulable(taint: &Taint) -> bool {
    let known = rules::taint::Taint::unschedulable();
    taint.key == known.key && taint.effect == known.effect
}
