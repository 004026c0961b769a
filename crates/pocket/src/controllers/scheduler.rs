//! The scheduler: binds every Pod to the only node, if the Pod fits there.
//!
//! It ignores resource requests.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod, PodCondition, PodSpec};
use rules::host_port::{self, HostPort};
use rules::scheduling::Misfit;
use rules::selector::Selector;
use rules::taint::{self, Taint};

use super::event_recorder::EventRecorder;
use super::{node_taints, pod_view};
use crate::kinds::node::NAME as NODE;
use crate::kinds::{name, namespace};
use crate::registry::{Change, Registry};

pub(super) async fn run(registry: Registry, mut events: EventRecorder) {
    let mut pods = registry.watch::<Pod>(None);
    let mut nodes = registry.watch::<Node>(None);
    loop {
        tokio::select! {
            biased;
            change = pods.next() => receive(&registry, change, &mut events),
            _ = nodes.next() => retry_all(&registry, &mut events),
        }
    }
}

fn receive(registry: &Registry, change: Change<Pod>, events: &mut EventRecorder) {
    match change {
        Change::Deleted(pod) => retry_waiting(registry, &pod, events),
        Change::Added(pod) | Change::Modified(pod) if pod_view::has_ended(&pod) => {
            retry_waiting(registry, &pod, events);
        }
        Change::Added(pod) | Change::Modified(pod) => schedule(registry, &pod, events),
    }
}

/// Retries waiting Pods after a Pod with host ports has ended or was deleted.
fn retry_waiting(registry: &Registry, gone: &Pod, events: &mut EventRecorder) {
    // Host ports are all that Pods compete for here.
    if host_ports(gone).is_empty() {
        return;
    }
    retry_all(registry, events);
}

fn retry_all(registry: &Registry, events: &mut EventRecorder) {
    for pod in registry.list::<Pod>(None) {
        schedule(registry, &pod, events);
    }
}

fn schedule(registry: &Registry, pod: &Pod, events: &mut EventRecorder) {
    let Some(spec) = pod.spec.as_ref().filter(|spec| is_waiting(spec)) else {
        return;
    };
    if pod.metadata.deletion_timestamp.is_some() {
        return;
    }
    if let Some(why) = misfit(registry, pod, spec) {
        return publish_misfit(registry, pod, why, events);
    }
    // An error means that the Pod has changed meanwhile; that change leads back here.
    let (namespace, name) = (namespace(pod), name(pod));
    if registry.bind(namespace, name, NODE).is_ok() {
        let message = format!("Successfully assigned {namespace}/{name} to {NODE}");
        events.record(pod, "Scheduled", &message);
    }
}

fn is_waiting(spec: &PodSpec) -> bool {
    let gated = spec
        .scheduling_gates
        .as_ref()
        .is_some_and(|gates| !gates.is_empty());
    spec.node_name.is_none() && !gated
}

/// Why a Pod cannot run on the node: the first reason in the order of the scheduler's filter
/// plugins.
///
/// Rule: `pkg/scheduler/apis/config/v1/default_plugins.go`.
fn misfit(registry: &Registry, pod: &Pod, spec: &PodSpec) -> Option<Misfit> {
    let node: Node = registry.get("", NODE).unwrap_or_default();
    let labels = node.metadata.labels.unwrap_or_default();
    let node = node.spec.unwrap_or_default();
    let tolerations = node_taints::tolerations(spec);
    let is_unschedulable = node.unschedulable == Some(true);
    if is_unschedulable && !Taint::unschedulable().is_tolerated(&tolerations) {
        return Some(Misfit::Unschedulable);
    }
    if taint::keep_away(&node_taints::taints(&node), &tolerations) {
        return Some(Misfit::Taints);
    }
    if !selects(spec, &labels) {
        return Some(Misfit::Labels);
    }
    let wanted = host_ports(pod);
    if wanted.is_empty() {
        return None;
    }
    let pods = registry.list::<Pod>(None);
    // A Pod that has ended uses no host ports any more.
    let runs = |pod: &&Pod| {
        let spec = pod.spec.as_ref();
        spec.is_some_and(|spec| spec.node_name.is_some()) && !pod_view::has_ended(pod)
    };
    let taken: Vec<HostPort> = pods.iter().filter(runs).flat_map(host_ports).collect();
    (!host_port::are_free(&wanted, &taken)).then_some(Misfit::Ports)
}

/// Whether the node has all labels that the Pod selects.
pub(super) fn selects(spec: &PodSpec, labels: &BTreeMap<String, String>) -> bool {
    let wanted = spec.node_selector.clone().unwrap_or_default();
    Selector::equal(&wanted).matches(labels)
}

/// The host ports that a Pod needs. Those of an init container count only if it is a sidecar.
///
/// Rule: `pkg/scheduler/util/utils.go`, `GetHostPorts`.
fn host_ports(pod: &Pod) -> Vec<HostPort> {
    let spec = pod.spec.iter();
    let containers = spec.flat_map(|spec| pod_view::sidecars(spec).chain(&spec.containers));
    let ports = containers.flat_map(|container| container.ports.iter().flatten());
    let ports = ports.filter_map(|port| {
        Some(HostPort {
            ip: port.host_ip.clone().unwrap_or_default(),
            protocol: port.protocol.clone().unwrap_or_default(),
            port: port.host_port.filter(|port| *port > 0)?,
        })
    });
    ports.collect()
}

/// Publishes why a Pod cannot be scheduled, unless its condition already has that reason and
/// message.
fn publish_misfit(registry: &Registry, pod: &Pod, why: Misfit, events: &mut EventRecorder) {
    let message = why.message();
    let condition = PodCondition {
        type_: "PodScheduled".to_owned(),
        status: "False".to_owned(),
        reason: Some("Unschedulable".to_owned()),
        message: Some(message.clone()),
        observed_generation: pod.metadata.generation,
        last_transition_time: Some(registry.clock().time()),
        ..PodCondition::default()
    };
    let mut is_known = false;
    let change = |pod: &mut Pod| {
        let conditions = pod
            .status
            .get_or_insert_default()
            .conditions
            .get_or_insert_default();
        let same = |found: &PodCondition| {
            (&found.reason, &found.message) == (&condition.reason, &condition.message)
        };
        is_known = conditions.iter().any(same);
        // A waiting Pod is tried again whenever another ends; its event is not repeated.
        if !is_known {
            conditions.retain(|found| found.type_ != condition.type_);
            conditions.push(condition);
        }
    };
    let written = registry.edit_status(namespace(pod), name(pod), change);
    if written.is_ok() && !is_known {
        events.warn(pod, "FailedScheduling", &message);
    }
}
