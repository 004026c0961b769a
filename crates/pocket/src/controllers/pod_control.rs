//! Creates and deletes the Pods of a workload, with an Event about each.
//!
//! Rule: `pkg/controller/controller_utils.go`, `RealPodControl`.

use k8s_openapi::api::core::v1::Pod;

use super::event_recorder::EventRecorder;
use crate::api_status::ApiError;
use crate::kinds::{Object, name, namespace};
use crate::registry::Registry;

/// Creates a Pod of `owner`. Each controller has its own Event about a refusal.
pub(super) fn create(
    registry: &Registry,
    events: &mut EventRecorder,
    owner: &impl Object,
    pod: &Pod,
) -> Result<(), ApiError> {
    let pod = registry.create(pod)?;
    let message = format!("Created pod: {}", name(&pod));
    events.record(owner, "SuccessfulCreate", &message);
    Ok(())
}

/// Deletes a Pod of `owner`. A refusal has no Event.
pub(super) fn delete(
    registry: &Registry,
    events: &mut EventRecorder,
    owner: &impl Object,
    pod: &str,
) {
    let deleted = registry.delete::<Pod>(namespace(owner), pod, None);
    if deleted.is_ok() {
        let message = format!("Deleted pod: {pod}");
        events.record(owner, "SuccessfulDelete", &message);
    }
}
