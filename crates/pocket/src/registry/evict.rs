//! Evictions: deletes a Pod if the disruption budgets that select it allow that.
//!
//! [`rules::disruption::eviction`] decides. Budget and Pod are read and written in one call, so
//! that evictions at the same time cannot exceed a budget.
//!
//! Rule: `pkg/registry/core/pod/storage/eviction.go`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, PodCondition};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use rules::disruption::eviction::{Budget, Denial, EvictedPod, Eviction, evict};

use super::delete::{Deletion, check_preconditions};
use super::state::{Registry, State};
use crate::api_status::ApiError;
use crate::kinds::disruption_budget::{condition, selects, update_condition};
use crate::kinds::{Kind, name, pod};
use crate::store::Key;

/// Seconds after which a client may try again, if the status of a budget is not known yet.
const RETRY: u32 = 10;

impl Registry {
    /// Deletes a Pod, unless a disruption budget keeps it.
    pub(crate) fn evict(
        &self,
        namespace: &str,
        name: &str,
        deletion: &Deletion,
    ) -> Result<(), ApiError> {
        let kind = Kind::of::<Pod>();
        let mut state = self.state();
        let stored = state.current(kind, namespace, name)?;
        let pod = stored.typed::<Pod>();
        let budgets = state.budgets_of(namespace, &pod);
        let rules: Vec<Budget> = budgets.iter().map(budget).collect();
        let now = self.clock().time();
        match evict(evicted(&pod), &rules) {
            Eviction::Uncounted => {}
            Eviction::Counted if deletion.dry_run => {}
            Eviction::Counted => {
                if let Some(budget) = budgets.into_iter().next() {
                    state.count(budget, name, now.clone());
                }
            }
            Eviction::SeveralBudgets => return Err(ApiError::several_budgets()),
            Eviction::NotYet(cause) => return Err(ApiError::too_disruptive(&cause, RETRY)),
            Eviction::Exhausted(cause) => return Err(ApiError::too_disruptive(&cause, 0)),
            Eviction::Forbidden(why) => {
                let budget = rules.first().map_or("", |budget| budget.name.as_str());
                return Err(ApiError::impossible_budget(budget, why));
            }
        }
        check_preconditions(kind, name, &stored.value(), deletion)?;
        // The version was that of the Pod before it got its condition.
        let deletion = &Deletion {
            version: None,
            ..deletion.clone()
        };
        if !deletion.dry_run {
            let pod = with_condition(Pod::clone(&pod), now);
            state
                .store
                .put_typed(Key::new(kind.plural, namespace, name), pod);
        }
        self.delete_in(&mut state, kind, namespace, name, deletion)
            .map(drop)
    }
}

impl State {
    /// The budgets that select a Pod.
    fn budgets_of(&self, namespace: &str, pod: &Pod) -> Vec<PodDisruptionBudget> {
        let kind = Kind::of::<PodDisruptionBudget>();
        let budgets = self.store.list(kind.plural, Some(namespace));
        let budgets = budgets.map(|budget| budget.to_typed::<PodDisruptionBudget>());
        budgets.filter(|budget| selects(budget, pod)).collect()
    }

    /// Lets a budget allow one disruption fewer, as `pod` is about to be deleted.
    fn count(&mut self, mut budget: PodDisruptionBudget, pod: &str, now: Time) {
        let kind = Kind::of::<PodDisruptionBudget>();
        let key = Key::new(kind.plural, crate::kinds::namespace(&budget), name(&budget));
        let status = budget.status.get_or_insert_default();
        let allowed = status.disruptions_allowed.unwrap_or_default() - 1;
        status.disruptions_allowed = Some(allowed);
        let disrupted = status.disrupted_pods.get_or_insert_default();
        disrupted.insert(pod.to_owned(), now.clone());
        if allowed == 0 {
            update_condition(status, now);
        }
        self.store.put_typed(key, budget);
    }
}

fn evicted(pod: &Pod) -> EvictedPod {
    let phase = pod.status.as_ref().and_then(|it| it.phase.as_deref());
    let has_disruption = matches!(phase, Some("Pending" | "Succeeded" | "Failed"));
    EvictedPod {
        is_disrupted: has_disruption || pod.metadata.deletion_timestamp.is_some(),
        is_ready: pod::ready(pod).is_some(),
    }
}

fn budget(budget: &PodDisruptionBudget) -> Budget {
    let status = budget.status.clone().unwrap_or_default();
    let policy = budget
        .spec
        .as_ref()
        .and_then(|spec| spec.unhealthy_pod_eviction_policy.as_deref());
    let denial = condition(&status).filter(|it| it.status == "False" && !it.message.is_empty());
    Budget {
        name: name(budget).to_owned(),
        is_observed: status.observed_generation.unwrap_or_default()
            >= budget.metadata.generation.unwrap_or_default(),
        allowed: status.disruptions_allowed.unwrap_or_default(),
        healthy: status.current_healthy.unwrap_or_default(),
        desired: status.desired_healthy.unwrap_or_default(),
        disrupted: status.disrupted_pods.as_ref().map_or(0, BTreeMap::len),
        always_allows_unhealthy: policy == Some("AlwaysAllow"),
        denial: denial.map(|it| Denial {
            reason: it.reason.clone(),
            message: it.message.clone(),
        }),
    }
}

/// The Pod with the condition that it is the target of a disruption.
///
/// Rule: `addConditionAndDeletePod`.
fn with_condition(mut pod: Pod, now: Time) -> Pod {
    let condition = PodCondition {
        type_: pod::DISRUPTION_TARGET.to_owned(),
        status: "True".to_owned(),
        reason: Some("EvictionByEvictionAPI".to_owned()),
        message: Some("Eviction API: evicting".to_owned()),
        last_transition_time: Some(now),
        ..PodCondition::default()
    };
    pod::set_condition(&mut pod, condition);
    pod
}
