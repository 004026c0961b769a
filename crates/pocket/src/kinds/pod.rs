//! What several components read from a Pod.

use k8s_openapi::api::core::v1::{Pod, PodCondition};

/// The Pod's `Ready` condition, if it is True.
pub(crate) fn ready(pod: &Pod) -> Option<&PodCondition> {
    let mut conditions = pod.status.as_ref()?.conditions.iter().flatten();
    conditions.find(|found| found.type_ == "Ready" && found.status == "True")
}

/// The condition of a Pod that is about to be deleted by the cluster.
pub(crate) const DISRUPTION_TARGET: &str = "DisruptionTarget";

/// Sets a condition. Its date stays if its status does.
///
/// Rule: `pkg/api/v1/pod/util.go`, `UpdatePodCondition`.
pub(crate) fn set_condition(pod: &mut Pod, condition: PodCondition) {
    let conditions = pod
        .status
        .get_or_insert_default()
        .conditions
        .get_or_insert_default();
    match conditions
        .iter_mut()
        .find(|found| found.type_ == condition.type_)
    {
        Some(found) => {
            let is_same = found.status == condition.status;
            let since = found.last_transition_time.take().filter(|_| is_same);
            let last_transition_time = since.or(condition.last_transition_time);
            *found = PodCondition {
                last_transition_time,
                ..condition
            };
        }
        None => conditions.push(condition),
    }
}
