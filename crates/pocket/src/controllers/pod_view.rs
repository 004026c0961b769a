//! A Pod's phase, readiness and age, as controllers read them from the object.

use k8s_openapi::api::core::v1::{Pod, PodCondition};
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

/// Since when the Pod's `Ready` condition has been True, if it is.
pub(super) fn ready_since(pod: &Pod, clock: &Clock) -> Option<Moment> {
    let is_ready = |found: &&PodCondition| found.type_ == "Ready" && found.status == "True";
    let mut conditions = pod.status.as_ref()?.conditions.iter().flatten();
    let since = conditions.find(is_ready)?.last_transition_time.as_ref();
    Some(since.map_or(Moment::ZERO, |time| clock.moment_of(time)))
}

pub(super) fn created(pod: &Pod, clock: &Clock) -> Moment {
    let time = pod.metadata.creation_timestamp.as_ref();
    time.map_or(Moment::ZERO, |time| clock.moment_of(time))
}
