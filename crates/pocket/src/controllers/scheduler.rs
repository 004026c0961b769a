//! Binds every Pod to the one node there is, if the Pod may run there at all. Resources are not counted.

use k8s_openapi::api::core::v1::{Node, Pod, PodCondition, PodSpec};
use rules::selector::Selector;

use super::Voice;
use super::mirror::{name, namespace};
use crate::node::NAME as NODE;
use crate::registry::{Change, Registry};

pub(super) async fn run(registry: Registry, mut voice: Voice) {
    let mut pods = registry.watch::<Pod>(None);
    loop {
        if let Change::Added(pod) | Change::Modified(pod) = pods.next().await {
            place(&registry, &pod, &mut voice);
        }
    }
}

fn place(registry: &Registry, pod: &Pod, voice: &mut Voice) {
    let Some(spec) = pod.spec.as_ref().filter(|spec| waits(spec)) else {
        return;
    };
    if pod.metadata.deletion_timestamp.is_some() {
        return;
    }
    let (namespace, name) = (namespace(pod), name(pod));
    if !fits(registry, spec) {
        return refuse(registry, pod, voice);
    }
    // A refusal means that somebody was faster, which the next change will show.
    if registry.bind(namespace, name, NODE).is_ok() {
        let message = format!("Successfully assigned {namespace}/{name} to {NODE}");
        voice.say(pod, "Scheduled", &message);
    }
}

fn waits(spec: &PodSpec) -> bool {
    let gated = spec
        .scheduling_gates
        .as_ref()
        .is_some_and(|gates| !gates.is_empty());
    spec.node_name.is_none() && !gated
}

fn fits(registry: &Registry, spec: &PodSpec) -> bool {
    let node: Option<Node> = registry.get("", NODE);
    let labels = node
        .and_then(|node| node.metadata.labels)
        .unwrap_or_default();
    let wanted = spec.node_selector.clone().unwrap_or_default();
    Selector::equal(&wanted).matches(&labels)
}

/// Says so once: a Pod that carries the condition already is left alone.
fn refuse(registry: &Registry, pod: &Pod, voice: &mut Voice) {
    let message = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.";
    let condition = PodCondition {
        type_: "PodScheduled".to_owned(),
        status: "False".to_owned(),
        reason: Some("Unschedulable".to_owned()),
        message: Some(message.to_owned()),
        observed_generation: pod.metadata.generation,
        last_transition_time: Some(registry.clock().time()),
        ..PodCondition::default()
    };
    let mut said = false;
    let change = |pod: &mut Pod| {
        let conditions = pod
            .status
            .get_or_insert_default()
            .conditions
            .get_or_insert_default();
        let same = |found: &PodCondition| found.reason == condition.reason;
        said = conditions.iter().any(same);
        if !said {
            conditions.retain(|found| found.type_ != condition.type_);
            conditions.push(condition);
        }
    };
    let written = registry.edit_status(namespace(pod), name(pod), change);
    if written.is_ok() && !said {
        voice.warn(pod, "FailedScheduling", message);
    }
}
