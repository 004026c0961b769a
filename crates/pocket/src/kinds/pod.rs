//! What several components read from a Pod.

use k8s_openapi::api::core::v1::{Pod, PodCondition};

/// The Pod's `Ready` condition, if it is True.
pub(crate) fn ready(pod: &Pod) -> Option<&PodCondition> {
    let mut conditions = pod.status.as_ref()?.conditions.iter().flatten();
    conditions.find(|found| found.type_ == "Ready" && found.status == "True")
}
