//! Taints the node for as long as it is unschedulable, and converts taints and tolerations to the
//! rules' form.
//!
//! Rule: `pkg/controller/nodelifecycle/node_lifecycle_controller.go`, `doNoScheduleTaintingPass`.

use k8s_openapi::api::core::v1::{Node, NodeSpec, PodSpec, Taint};
use rules::taint::Toleration;

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

/// The node's taints in the rules' form.
pub(super) fn taints(node: &NodeSpec) -> Vec<rules::taint::Taint> {
    let taints = node.taints.iter().flatten();
    taints
        .map(|taint| rules::taint::Taint {
            key: taint.key.clone(),
            value: taint.value.clone().unwrap_or_default(),
            effect: taint.effect.clone(),
        })
        .collect()
}

/// A Pod's tolerations in the rules' form.
pub(super) fn tolerations(pod: &PodSpec) -> Vec<Toleration> {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let tolerations = pod.tolerations.iter().flatten();
    tolerations
        .map(|toleration| Toleration {
            key: text(&toleration.key),
            operator: text(&toleration.operator),
            value: text(&toleration.value),
            effect: text(&toleration.effect),
            seconds: toleration.toleration_seconds,
        })
        .collect()
}
