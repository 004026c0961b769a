//! Converts a Pod to the rules' view of it as a member of a ReplicaSet.

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;
use rules::replica_set::Member;
use rules::selector::Selector;

use crate::clock::Clock;
use crate::controllers::pod_view;
use crate::kinds::{labels, name, uid};

const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// `template` selects the Pods with all labels of the set's template.
pub(super) fn of(pod: &Pod, template: &Selector, clock: &Clock) -> Member {
    let (restarts, sidecar_restarts) = pod_view::most_restarts(pod);
    let spec = pod.spec.as_ref();
    let annotations = pod.metadata.annotations.as_ref();
    let cost = annotations.and_then(|all| all.get(DELETION_COST)?.parse().ok());
    Member {
        name: name(pod).to_owned(),
        uid: uid(pod).to_owned(),
        bound: spec.is_some_and(|spec| spec.node_name.is_some()),
        phase: pod_view::phase(pod),
        ready_since: pod_view::ready_since(pod, clock),
        terminating: pod.metadata.deletion_timestamp.is_some(),
        deletion_cost: cost.unwrap_or(0),
        restarts,
        sidecar_restarts,
        created: pod_view::created(pod, clock),
        fully_labelled: template.matches(labels(pod)),
    }
}

/// Selects the Pods with all labels of the set's template.
pub(super) fn template_labels(set: &ReplicaSet) -> Selector {
    let template = set.spec.template.as_ref();
    let metadata = template.and_then(|template| template.metadata.as_ref());
    let labels = metadata.and_then(|metadata| metadata.labels.as_ref());
    labels.map(Selector::equal).unwrap_or_default()
}
