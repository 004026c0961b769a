//! Converts a Pod to the rules' view of it as a member of a ReplicaSet.

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodStatus};
use rules::replica_set::Member;
use rules::selector::Selector;

use crate::clock::Clock;
use crate::controllers::pod_view;
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
        phase: pod_view::phase(pod),
        ready_since: pod_view::ready_since(pod, clock),
        terminating: pod.metadata.deletion_timestamp.is_some(),
        deletion_cost: cost.unwrap_or(0),
        restarts: most_restarts(status.container_statuses.iter().flatten()),
        sidecar_restarts: most_restarts(sidecars(pod, &status)),
        created: pod_view::created(pod, clock),
        fully_labelled: is_fully_labelled(pod, set),
    }
}

/// Whether the Pod counts as a replica: it has not ended and is not being deleted.
///
/// Rule: `pkg/controller/controller_utils.go`, `IsPodActive`.
pub(super) fn is_active(pod: &Pod) -> bool {
    !pod_view::has_ended(pod) && pod.metadata.deletion_timestamp.is_none()
}

fn most_restarts<'a>(containers: impl Iterator<Item = &'a ContainerStatus>) -> i32 {
    let counts = containers.map(|container| container.restart_count);
    counts.max().unwrap_or_default()
}

/// The statuses of the Pod's sidecars.
///
/// Rule: `pkg/controller/controller_utils.go`, `maxContainerRestarts`.
fn sidecars<'a>(pod: &'a Pod, status: &'a PodStatus) -> impl Iterator<Item = &'a ContainerStatus> {
    let sidecars = pod.spec.iter().flat_map(pod_view::sidecars);
    let names: Vec<&str> = sidecars.map(|container| container.name.as_str()).collect();
    let statuses = status.init_container_statuses.iter().flatten();
    statuses.filter(move |status| names.contains(&status.name.as_str()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn restarts_of_sidecars_are_counted_apart() {
        let pod = json!({
            "spec": {
                "initContainers": [{"name": "init"}, {"name": "side", "restartPolicy": "Always"}],
                "containers": [{"name": "a"}],
            },
            "status": {
                "initContainerStatuses": [
                    {"name": "init", "restartCount": 9, "image": "", "imageID": "", "ready": true},
                    {"name": "side", "restartCount": 2, "image": "", "imageID": "", "ready": true},
                ],
                "containerStatuses": [
                    {"name": "a", "restartCount": 1, "image": "", "imageID": "", "ready": true},
                ],
            },
        });
        let pod: Pod = serde_json::from_value(pod).unwrap();
        let clock = Clock::new("2026-01-02T03:04:05Z".parse().unwrap());
        let member = of(&pod, &ReplicaSet::default(), &clock);
        assert_eq!((member.restarts, member.sidecar_restarts), (1, 2));
    }
}
