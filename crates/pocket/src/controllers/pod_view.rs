//! A Pod's phase, readiness, age, restarts and sidecars, as controllers read them from the object.

use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod, PodSpec, PodStatus};
use rules::Moment;
use rules::replica_set::Phase;

use crate::clock::Clock;
use crate::kinds::pod::ready;

pub(super) fn phase(pod: &Pod) -> Phase {
    let status = pod.status.as_ref();
    match status.and_then(|status| status.phase.as_deref()) {
        Some("Running") => Phase::Running,
        Some("Succeeded" | "Failed") => Phase::Ended,
        Some("Unknown") => Phase::Unknown,
        _ => Phase::Pending,
    }
}

/// Whether all containers of the Pod have ended for good.
pub(super) fn has_ended(pod: &Pod) -> bool {
    phase(pod) == Phase::Ended
}

/// Whether the Pod counts as active: it has not ended and is not being deleted.
///
/// Rule: `pkg/controller/controller_utils.go`, `IsPodActive`.
pub(super) fn is_active(pod: &Pod) -> bool {
    !has_ended(pod) && pod.metadata.deletion_timestamp.is_none()
}

/// Whether the Pod's `Ready` condition is True.
pub(super) fn is_ready(pod: &Pod) -> bool {
    ready(pod).is_some()
}

/// Since when the Pod's `Ready` condition has been True, if it is.
pub(super) fn ready_since(pod: &Pod, clock: &Clock) -> Option<Moment> {
    let since = ready(pod)?.last_transition_time.as_ref();
    Some(since.map_or(Moment::ZERO, |time| clock.moment_of(time)))
}

pub(super) fn created(pod: &Pod, clock: &Clock) -> Moment {
    let time = pod.metadata.creation_timestamp.as_ref();
    time.map_or(Moment::ZERO, |time| clock.moment_of(time))
}

/// The sidecars of a Pod: init containers that run as long as its main containers.
pub(super) fn sidecars(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    let init = spec.init_containers.iter().flatten();
    init.filter(|container| container.restart_policy.as_deref() == Some("Always"))
}

/// The most restarts of a regular container, and those of a sidecar.
///
/// Rule: `pkg/controller/controller_utils.go`, `maxContainerRestarts`.
pub(super) fn most_restarts(pod: &Pod) -> (i32, i32) {
    let Some(status) = &pod.status else {
        return (0, 0);
    };
    let regular = status.container_statuses.iter().flatten();
    (most(regular), most(sidecar_statuses(pod, status)))
}

fn most<'a>(containers: impl Iterator<Item = &'a ContainerStatus>) -> i32 {
    let counts = containers.map(|container| container.restart_count);
    counts.max().unwrap_or_default()
}

/// The statuses of the Pod's sidecars.
pub(super) fn sidecar_statuses<'a>(
    pod: &'a Pod,
    status: &'a PodStatus,
) -> impl Iterator<Item = &'a ContainerStatus> {
    let sidecars = pod.spec.iter().flat_map(sidecars);
    let names: Vec<&str> = sidecars.map(|container| container.name.as_str()).collect();
    let statuses = status.init_container_statuses.iter().flatten();
    statuses.filter(move |status| names.contains(&status.name.as_str()))
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
        assert_eq!(most_restarts(&pod), (1, 2));
    }
}
