//! Admission of PodDisruptionBudgets: checks.
//!
//! Rule: `pkg/apis/policy/validation/validation.go`, `ValidatePodDisruptionBudgetSpec`.

use k8s_openapi::api::policy::v1::{
    PodDisruptionBudget, PodDisruptionBudgetSpec, PodDisruptionBudgetStatus,
};
use serde_json::json;

use super::pipeline::Admit;
use super::{fields, names, workload};
use crate::api_status::FieldErrors;

impl Admit for PodDisruptionBudget {
    fn begin(&mut self) {
        self.status = Some(PodDisruptionBudgetStatus {
            current_healthy: Some(0),
            desired_healthy: Some(0),
            disruptions_allowed: Some(0),
            expected_pods: Some(0),
            ..PodDisruptionBudgetStatus::default()
        });
    }

    fn complete(&mut self) {
        self.spec.get_or_insert_default();
    }

    fn check(&self, errors: &mut FieldErrors) {
        if let Some(spec) = &self.spec {
            check_both(spec, errors);
            errors.within("spec", |errors| check(spec, errors));
        }
    }
}

fn check_both(spec: &PodDisruptionBudgetSpec, errors: &mut FieldErrors) {
    if spec.min_available.is_some() && spec.max_unavailable.is_some() {
        // The fields of Go's type, in its order and by its names.
        let shown = format!(
            "{{\"MinAvailable\":{},\"Selector\":{},\"MaxUnavailable\":{},\
             \"UnhealthyPodEvictionPolicy\":{}}}",
            json!(spec.min_available),
            json!(spec.selector),
            json!(spec.max_unavailable),
            json!(spec.unhealthy_pod_eviction_policy),
        );
        let why = "minAvailable and maxUnavailable cannot be both set";
        errors.invalid_shown("spec", &shown, why);
    }
}

fn check(spec: &PodDisruptionBudgetSpec, errors: &mut FieldErrors) {
    for (field, amount) in [
        ("minAvailable", spec.min_available.as_ref()),
        ("maxUnavailable", spec.max_unavailable.as_ref()),
    ] {
        workload::check_amount(field, amount, errors);
        workload::check_at_most_all(field, amount, errors);
    }
    if let Some(selector) = &spec.selector {
        errors.within("selector", |errors| {
            names::check_label_selector(selector, errors);
        });
    }
    let policies = ["AlwaysAllow", "IfHealthyBudget"];
    let policy = spec.unhealthy_pod_eviction_policy.as_ref();
    fields::check_choice("unhealthyPodEvictionPolicy", policy, &policies, errors);
}
