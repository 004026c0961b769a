//! Converts a Pod to the rules' view of it as a member of a ReplicaSet.

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use rules::Moment;
use rules::replica_set::{Member, Phase};
use rules::selector::Selector;

use crate::clock::Clock;
use crate::kinds::{name, uid};

const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

pub(super) fn of(pod: &Pod, set: &ReplicaSet, clock: &Clock) -> Member {
    let status = pod.status.clone().unwrap_or_default();
    let spec = pod.spec.as_ref();
    let annotations = pod.metadata.annotations.as_ref();
    let cost = annotations.and_then(|all| all.get(DELETION_COST)?.parse().ok());
    Member {
        name: name(pod).to_owned(),
        uid: uid(pod).to_owned(),
        bound: spec.is_some_and(|spec| spec.node_name.is_some()),
        phase: phase(&status),
        ready_since: ready_since(&status, clock),
        terminating: pod.metadata.deletion_timestamp.is_some(),
        deletion_cost: cost.unwrap_or(0),
        restarts: restarts(&status),
        created: created(pod, clock),
        fully_labelled: is_fully_labelled(pod, set),
    }
}

fn phase(status: &PodStatus) -> Phase {
    match status.phase.as_deref() {
        Some("Running") => Phase::Running,
        Some("Succeeded" | "Failed") => Phase::Ended,
        Some("Unknown") => Phase::Unknown,
        _ => Phase::Pending,
    }
}

fn ready_since(status: &PodStatus, clock: &Clock) -> Option<Moment> {
    let mut conditions = status.conditions.iter().flatten();
    let ready = conditions.find(|found| found.type_ == "Ready" && found.status == "True")?;
    Some(
        ready
            .last_transition_time
            .as_ref()
            .map_or(Moment::ZERO, |time| clock.moment_of(time)),
    )
}

fn restarts(status: &PodStatus) -> i32 {
    let containers = status.container_statuses.iter().flatten();
    containers
        .map(|container| container.restart_count)
        .max()
        .unwrap_or_default()
}

fn created(pod: &Pod, clock: &Clock) -> Moment {
    let time = pod.metadata.creation_timestamp.as_ref();
    time.map_or(Moment::ZERO, |time| clock.moment_of(time))
}

fn is_fully_labelled(pod: &Pod, set: &ReplicaSet) -> bool {
    let template = set
        .spec
        .template
        .as_ref()
        .and_then(|template| template.metadata.as_ref());
    let wanted = template
        .and_then(|metadata| metadata.labels.clone())
        .unwrap_or_default();
    Selector::equal(&wanted).matches(&pod.metadata.labels.clone().unwrap_or_default())
}
