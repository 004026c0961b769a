//! What the registry and the disruption controller read from a PodDisruptionBudget, and its
//! condition.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::{labels, selector};

/// The condition that says whether a budget allows a disruption.
const DISRUPTION_ALLOWED: &str = "DisruptionAllowed";

/// Whether a budget selects a Pod. Without a selector it selects none.
pub(crate) fn selects(budget: &PodDisruptionBudget, pod: &Pod) -> bool {
    let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    let selector = selector.and_then(selector::of);
    selector.is_some_and(|selector| selector.matches(labels(pod)))
}

/// The condition that says whether a budget allows a disruption, if it has one.
pub(crate) fn condition(status: &PodDisruptionBudgetStatus) -> Option<&Condition> {
    let mut conditions = status.conditions.iter().flatten();
    conditions.find(|found| found.type_ == DISRUPTION_ALLOWED)
}

/// Makes the condition say what `disruptionsAllowed` says.
///
/// Rule: `component-helpers/apps/poddisruptionbudget/helpers.go`,
/// `UpdateDisruptionAllowedCondition`.
pub(crate) fn update_condition(status: &mut PodDisruptionBudgetStatus, now: Time) {
    if status.disruptions_allowed > Some(0) {
        set_condition(status, "True", "SufficientPods", "", now);
    } else {
        set_condition(status, "False", "InsufficientPods", "", now);
    }
}

/// Makes the condition say that the status could not be computed.
pub(crate) fn set_failed(status: &mut PodDisruptionBudgetStatus, error: &str, now: Time) {
    set_condition(status, "False", "SyncFailed", error, now);
}

/// Rule: `apimachinery/pkg/api/meta/conditions.go`, `SetStatusCondition`.
fn set_condition(
    status: &mut PodDisruptionBudgetStatus,
    value: &str,
    reason: &str,
    message: &str,
    now: Time,
) {
    let before = condition(status).filter(|before| before.status == value);
    let condition = Condition {
        type_: DISRUPTION_ALLOWED.to_owned(),
        status: value.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        last_transition_time: before.map_or(now, |before| before.last_transition_time.clone()),
        observed_generation: status.observed_generation,
    };
    let conditions = status.conditions.get_or_insert_default();
    conditions.retain(|found| found.type_ != DISRUPTION_ALLOWED);
    conditions.push(condition);
}
