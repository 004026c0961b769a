//! Converts PodDisruptionBudgets and their Pods to the rules' form, and the result back.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, Time};
use rules::Moment;
use rules::disruption::{Bound, Member, Status};

use crate::clock::Clock;
use crate::controllers::{counts, pod_view};
use crate::kinds::disruption_budget::{set_failed, update_condition};
use crate::kinds::name;

/// The bound of a budget; `None` if it has none.
pub(super) fn bound(budget: &PodDisruptionBudget) -> Option<Bound> {
    let spec = budget.spec.as_ref()?;
    let most = spec.max_unavailable.as_ref().map(counts::amount);
    let least = spec.min_available.as_ref().map(counts::amount);
    most.map(Bound::MaxUnavailable)
        .or(least.map(Bound::MinAvailable))
}

pub(super) fn member(pod: &Pod) -> Member {
    Member {
        name: name(pod).to_owned(),
        is_ready: pod_view::is_ready(pod),
        is_terminating: pod.metadata.deletion_timestamp.is_some(),
    }
}

/// The evicted Pods, and when they were evicted.
pub(super) fn disrupted(budget: &PodDisruptionBudget, clock: &Clock) -> BTreeMap<String, Moment> {
    let pods = budget
        .status
        .iter()
        .flat_map(|status| status.disrupted_pods.iter().flatten());
    pods.map(|(pod, time)| (pod.clone(), clock.moment_of(time)))
        .collect()
}

/// Writes the status.
pub(super) fn publish(found: &Status, clock: &Clock, budget: &mut PodDisruptionBudget) {
    let generation = budget.metadata.generation;
    let status = budget.status.get_or_insert_default();
    status.current_healthy = Some(counts::to_api(found.healthy));
    status.desired_healthy = Some(counts::to_api(found.desired));
    status.expected_pods = Some(counts::to_api(found.expected));
    status.disruptions_allowed = Some(counts::to_api(found.allowed));
    status.observed_generation = generation;
    let disrupted = found.disrupted.iter();
    let disrupted: BTreeMap<_, _> = disrupted
        .map(|(pod, moment)| (pod.clone(), clock.time_of(*moment)))
        .collect();
    status.disrupted_pods = (!disrupted.is_empty()).then_some(disrupted);
    update_condition(status, clock.time());
}

/// Writes that the status could not be computed.
pub(super) fn publish_failure(error: &str, now: Time, budget: &mut PodDisruptionBudget) {
    let status = budget.status.get_or_insert_default();
    status.disruptions_allowed = Some(0);
    set_failed(status, error, now);
}

/// The message about selected Pods without an owner.
pub(super) fn unmanaged_text(budget: &PodDisruptionBudget) -> String {
    let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    let selector = selector.map_or_else(|| "nil".to_owned(), go_text);
    format!(
        "Pods selected by this PodDisruptionBudget (selector: {selector}) were found to be \
         unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may \
         result in undefined behavior. To account for these pods please set \
         \".spec.minAvailable\" field of the PDB to an integer value."
    )
}

/// A selector as Go prints it.
///
/// Rule: `apimachinery/pkg/apis/meta/v1/generated.pb.go`, `LabelSelector.String`.
fn go_text(selector: &LabelSelector) -> String {
    let labels = selector.match_labels.iter().flatten();
    let labels: Vec<_> = labels
        .map(|(key, value)| format!("{key}: {value},"))
        .collect();
    let expressions = selector.match_expressions.iter().flatten();
    let expressions: Vec<_> = expressions
        .map(|it| {
            let values = it.values.clone().unwrap_or_default().join(" ");
            let (key, operator) = (&it.key, &it.operator);
            format!("LabelSelectorRequirement{{Key:{key},Operator:{operator},Values:[{values}],}},")
        })
        .collect();
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{}}},\
         MatchExpressions:[]LabelSelectorRequirement{{{}}},}}",
        labels.concat(),
        expressions.concat()
    )
}
