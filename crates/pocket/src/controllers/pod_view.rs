//! A Pod's phase, readiness, age and sidecars, as controllers read them from the object.

use k8s_openapi::api::core::v1::{Container, Pod, PodCondition, PodSpec};
use rules::Moment;
use rules::replica_set::Phase;

use crate::clock::Clock;

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

/// Whether the Pod's `Ready` condition is True.
pub(super) fn is_ready(pod: &Pod) -> bool {
    ready(pod).is_some()
}

/// Since when the Pod's `Ready` condition has been True, if it is.
pub(super) fn ready_since(pod: &Pod, clock: &Clock) -> Option<Moment> {
    let since = ready(pod)?.last_transition_time.as_ref();
    Some(since.map_or(Moment::ZERO, |time| clock.moment_of(time)))
}

/// The Pod's `Ready` condition, if it is True.
fn ready(pod: &Pod) -> Option<&PodCondition> {
    let mut conditions = pod.status.as_ref()?.conditions.iter().flatten();
    conditions.find(|found| found.type_ == "Ready" && found.status == "True")
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
