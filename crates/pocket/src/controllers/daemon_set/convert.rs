//! Converts DaemonSets and their Pods between API objects and the rules' form.

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{
    Affinity, Node, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod,
    PodSpec, Toleration,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use rules::daemon_set::{self, Counts, Member, Phase, Placement, UpdateStrategy};
use rules::replica_set;

use crate::clock::{Clock, seconds};
use crate::controllers::{counts, history, node_taints, pod_template, pod_view, scheduler};
use crate::kinds::name;
use crate::kinds::node::NAME as NODE;

/// Taints that a daemon's Pod tolerates, with their effects.
///
/// Rule: `pkg/controller/daemon/util/daemonset_util.go`, `AddOrUpdateDaemonPodTolerations`.
const TOLERATED: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

/// The rules' view of a set on the node.
pub(super) fn rules(set: &DaemonSet, node: Option<&Node>) -> daemon_set::DaemonSet {
    let mut spec = set.spec.template.spec.clone().unwrap_or_default();
    tolerate(&mut spec);
    let is_named = spec.node_name.as_deref().is_none_or(|named| named == NODE);
    let labels = node.and_then(|node| node.metadata.labels.clone());
    let is_selected = is_named && scheduler::selects(&spec, &labels.unwrap_or_default());
    let taints = node.and_then(|node| node.spec.as_ref());
    let taints = taints.map(node_taints::taints);
    let tolerations = node_taints::tolerations(&spec);
    daemon_set::DaemonSet {
        placement: Placement::of(is_selected, &taints.unwrap_or_default(), &tolerations),
        strategy: strategy(set),
        min_ready: seconds(set.spec.min_ready_seconds.unwrap_or(0)),
    }
}

fn strategy(set: &DaemonSet) -> UpdateStrategy {
    let strategy = set.spec.update_strategy.clone().unwrap_or_default();
    if strategy.type_.as_deref() == Some("OnDelete") {
        return UpdateStrategy::OnDelete;
    }
    // Both bounds round up, so that of one node any share but none is all.
    let surge = strategy
        .rolling_update
        .and_then(|rolling| rolling.max_surge);
    match surge {
        None | Some(IntOrString::Int(0)) => UpdateStrategy::Unavailable,
        Some(IntOrString::String(share)) if share.trim_end_matches('%').parse() == Ok(0) => {
            UpdateStrategy::Unavailable
        }
        Some(_) => UpdateStrategy::Surge,
    }
}

/// The rules' view of a Pod. `hash` is the present template's.
pub(super) fn member(pod: &Pod, hash: &str, clock: &Clock) -> Member {
    let status = pod.status.as_ref();
    let spec = pod.spec.as_ref();
    let has_failed = status.is_some_and(|it| it.phase.as_deref() == Some("Failed"));
    Member {
        name: name(pod).to_owned(),
        updated: history::revision_label(pod) == Some(hash),
        phase: match pod_view::phase(pod) {
            replica_set::Phase::Ended if has_failed => Phase::Failed,
            replica_set::Phase::Ended => Phase::Succeeded,
            _ => Phase::Live,
        },
        ready_since: pod_view::ready_since(pod, clock),
        terminating: pod.metadata.deletion_timestamp.is_some(),
        bound: spec.is_some_and(|spec| spec.node_name.is_some()),
        created: pod_view::created(pod, clock),
    }
}

/// A new Pod of the set, for the node.
///
/// Rule: `pkg/controller/daemon/daemon_controller.go`, `syncNodes`.
pub(super) fn pod(set: &DaemonSet, hash: &str) -> Pod {
    let mut pod = pod_template::pod(set, set.spec.template.clone());
    let labels = pod.metadata.labels.get_or_insert_default();
    labels.insert(history::REVISION_LABEL.to_owned(), hash.to_owned());
    let spec = pod.spec.get_or_insert_default();
    require_node(spec);
    tolerate(spec);
    pod
}

/// Rule: `pkg/controller/daemon/util/daemonset_util.go`, `ReplaceDaemonSetPodNodeNameNodeAffinity`.
fn require_node(spec: &mut PodSpec) {
    let by_name = NodeSelectorRequirement {
        key: "metadata.name".to_owned(),
        operator: "In".to_owned(),
        values: Some(vec![NODE.to_owned()]),
    };
    let affinity: &mut Affinity = spec.affinity.get_or_insert_default();
    let node: &mut NodeAffinity = affinity.node_affinity.get_or_insert_default();
    node.required_during_scheduling_ignored_during_execution = Some(NodeSelector {
        node_selector_terms: vec![NodeSelectorTerm {
            match_fields: Some(vec![by_name]),
            ..NodeSelectorTerm::default()
        }],
    });
}

fn tolerate(spec: &mut PodSpec) {
    let tolerations = spec.tolerations.get_or_insert_default();
    for (key, effect) in TOLERATED {
        let toleration = Toleration {
            key: Some(key.to_owned()),
            operator: Some("Exists".to_owned()),
            effect: Some(effect.to_owned()),
            ..Toleration::default()
        };
        if !tolerations.contains(&toleration) {
            tolerations.push(toleration);
        }
    }
}

/// Writes the status. Numbers that Kubernetes calls optional are left out if they are zero.
pub(super) fn publish(numbers: &Counts, set: &mut DaemonSet) {
    let generation = set.metadata.generation;
    let status = set.status.get_or_insert_default();
    status.desired_number_scheduled = counts::to_api(numbers.desired);
    status.current_number_scheduled = counts::to_api(numbers.current);
    status.number_misscheduled = counts::to_api(numbers.misscheduled);
    status.number_ready = counts::to_api(numbers.ready);
    status.updated_number_scheduled = counts::unless_zero(numbers.updated);
    status.number_available = counts::unless_zero(numbers.available);
    status.number_unavailable = counts::unless_zero(numbers.desired - numbers.available);
    status.observed_generation = generation;
}
