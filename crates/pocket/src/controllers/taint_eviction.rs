//! Deletes Pods that do not tolerate the node's taints with the effect `NoExecute`, at once or when
//! their tolerations end.
//!
//! [`rules::taint::stay`] decides.
//!
//! Rule: `pkg/controller/tainteviction/taint_eviction.go`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod, PodCondition, Taint};
use rules::Moment;
use rules::taint::{Stay, stay};

use super::event_recorder::EventRecorder;
use super::informer::{Informer, Key, key};
use super::node_taints;
use super::queue::Queue;
use super::reconcile::{Reconcile, drive, ignore_refusal};
use crate::kinds::node::NAME as NODE;
use crate::kinds::{name, namespace, pod};
use crate::registry::Registry;

struct Controller {
    registry: Registry,
    events: EventRecorder,
    nodes: Informer<Node>,
    pods: Informer<Pod>,
    queue: Queue,
    /// When Pods whose tolerations end are deleted.
    due: BTreeMap<Key, Moment>,
}

pub(super) async fn run(registry: Registry, events: EventRecorder) {
    let controller = Controller {
        events,
        nodes: Informer::new(&registry),
        pods: Informer::new(&registry),
        registry,
        queue: Queue::default(),
        due: BTreeMap::new(),
    };
    drive(controller).await;
}

impl Reconcile for Controller {
    fn next(&mut self) -> Option<Key> {
        self.queue.pop(self.registry.clock().now())
    }

    fn catch_up(&mut self) {
        let mut is_node_changed = false;
        self.nodes.compare(|before, change| {
            let taints = before.map(evicting).unwrap_or_default();
            is_node_changed |= taints != evicting(change.object());
        });
        let queue = &mut self.queue;
        self.pods.compare(|before, change| {
            let pod = change.object();
            if before.is_none_or(|before| concerns(before) != concerns(pod)) {
                queue.add(key(pod));
            }
        });
        if is_node_changed {
            queue.extend(self.pods.iter().map(key));
        }
    }

    async fn wait(&mut self) {
        tokio::select! {
            biased;
            () = self.nodes.changed() => {}
            () = self.pods.changed() => {}
            () = self.queue.due(self.registry.clock()) => {}
        }
    }

    fn sync(&mut self, key: &Key) {
        let Some(pod) = self.pods.get(key).filter(|pod| is_staying(pod)).cloned() else {
            self.due.remove(key);
            return;
        };
        let node = self.nodes.get(&(String::new(), NODE.to_owned()));
        let taints = node.and_then(|node| node.spec.as_ref());
        let taints = taints.map(node_taints::taints).unwrap_or_default();
        let tolerations = pod.spec.as_ref().map(node_taints::tolerations);
        match stay(&taints, &tolerations.unwrap_or_default()) {
            Stay::ForEver => {
                if self.due.remove(key).is_some() {
                    let message = format!("Cancelling deletion of Pod {}/{}", key.0, key.1);
                    self.events.record(&pod, EVENT, &message);
                }
            }
            Stay::For(time) if time.is_zero() => self.evict(&pod),
            Stay::For(time) => {
                let now = self.registry.clock().now();
                // The time began with the taint.
                let due = *self.due.entry(key.clone()).or_insert(now + time);
                if due <= now {
                    self.evict(&pod);
                } else {
                    self.queue.add_at(key.clone(), Some(due));
                }
            }
        }
    }
}

/// The reason of the controller's Events.
const EVENT: &str = "TaintManagerEviction";

impl Controller {
    fn evict(&mut self, pod: &Pod) {
        let (namespace, name) = (namespace(pod), name(pod));
        self.due.remove(&key(pod));
        let message = format!("Marking for deletion Pod {namespace}/{name}");
        self.events.record(pod, EVENT, &message);
        let now = self.registry.clock().time();
        let target = |pod: &mut Pod| {
            let condition = PodCondition {
                type_: pod::DISRUPTION_TARGET.to_owned(),
                status: "True".to_owned(),
                reason: Some("DeletionByTaintManager".to_owned()),
                message: Some("Taint manager: deleting due to NoExecute taint".to_owned()),
                observed_generation: pod.metadata.generation,
                last_transition_time: Some(now),
                ..PodCondition::default()
            };
            pod::set_condition(pod, condition);
        };
        ignore_refusal(self.registry.edit_status(namespace, name, target));
        ignore_refusal(self.registry.delete::<Pod>(namespace, name, None));
    }
}

/// Whether a Pod is on the node, and its deletion has not begun.
fn is_staying(pod: &Pod) -> bool {
    let spec = pod.spec.as_ref();
    spec.is_some_and(|spec| spec.node_name.is_some()) && pod.metadata.deletion_timestamp.is_none()
}

/// What of a Pod decides whether it stays.
fn concerns(pod: &Pod) -> impl PartialEq {
    let spec = pod.spec.clone().unwrap_or_default();
    (spec.node_name, spec.tolerations)
}

/// The node's taints that end Pods.
fn evicting(node: &Node) -> Vec<Taint> {
    let taints = node
        .spec
        .iter()
        .flat_map(|spec| spec.taints.iter().flatten());
    taints
        .filter(|taint| taint.effect == "NoExecute")
        .cloned()
        .collect()
}
