//! Admission of DaemonSets: defaults and checks.
//!
//! Rule: `pkg/apis/apps/v1/defaults.go`, `SetDefaults_DaemonSet`, and
//! `pkg/apis/apps/validation/validation.go`, `ValidateDaemonSetSpec`.

use k8s_openapi::api::apps::v1::{
    DaemonSet, DaemonSetSpec, DaemonSetStatus, DaemonSetUpdateStrategy, RollingUpdateDaemonSet,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;

use super::pipeline::Admit;
use super::{fields, pod, workload};
use crate::api_status::FieldErrors;

const ROLLING_UPDATE: &str = "RollingUpdate";

impl Admit for DaemonSet {
    fn begin(&mut self) {
        self.status = Some(DaemonSetStatus::default());
    }

    fn complete(&mut self) {
        let spec = &mut self.spec;
        spec.revision_history_limit.get_or_insert(10);
        complete_strategy(spec.update_strategy.get_or_insert_default());
        workload::complete_template(&mut spec.template);
    }

    fn check(&self, errors: &mut FieldErrors) {
        errors.within("spec", |errors| check(&self.spec, errors));
    }

    fn check_change(&self, before: &Self, errors: &mut FieldErrors) {
        let (now, before) = (&self.spec.selector, &before.spec.selector);
        fields::check_immutable("spec.selector", now, before, errors);
    }
}

fn complete_strategy(strategy: &mut DaemonSetUpdateStrategy) {
    fields::text(&mut strategy.type_, ROLLING_UPDATE);
    if strategy.type_.as_deref() == Some(ROLLING_UPDATE) {
        let rolling = strategy
            .rolling_update
            .get_or_insert_with(RollingUpdateDaemonSet::default);
        rolling.max_unavailable.get_or_insert(IntOrString::Int(1));
        rolling.max_surge.get_or_insert(IntOrString::Int(0));
    }
}

fn check(spec: &DaemonSetSpec, errors: &mut FieldErrors) {
    workload::check_selector(&spec.selector, &spec.template, errors);
    errors.within("template", |errors| {
        pod::check_template(&spec.template, "DaemonSet", errors);
    });
    fields::check_not_negative("minReadySeconds", spec.min_ready_seconds, errors);
    errors.within("updateStrategy", |errors| check_strategy(spec, errors));
    fields::check_not_negative("revisionHistoryLimit", spec.revision_history_limit, errors);
}

fn check_strategy(spec: &DaemonSetSpec, errors: &mut FieldErrors) {
    let Some(strategy) = &spec.update_strategy else {
        return;
    };
    let types = [ROLLING_UPDATE, "OnDelete"];
    fields::check_choice("", strategy.type_.as_ref(), &types, errors);
    if strategy.type_.as_deref() != Some(ROLLING_UPDATE) {
        return;
    }
    let rolling = strategy.rolling_update.clone().unwrap_or_default();
    let (unavailable, surge) = (rolling.max_unavailable.as_ref(), rolling.max_surge.as_ref());
    errors.within("rollingUpdate", |errors| {
        workload::check_amount("maxUnavailable", unavailable, errors);
        workload::check_amount("maxSurge", surge, errors);
        workload::check_at_most_all("maxUnavailable", unavailable, errors);
        workload::check_at_most_all("maxSurge", surge, errors);
        let is_set = |amount: Option<&IntOrString>| !amount.is_some_and(workload::is_zero);
        match (is_set(unavailable), is_set(surge)) {
            (true, true) => {
                let why = "may not be set when maxUnavailable is non-zero";
                errors.invalid("maxSurge", json!(surge), why);
            }
            (false, false) => errors.required("maxUnavailable", "cannot be 0 when maxSurge is 0"),
            _ => {}
        }
    });
}
