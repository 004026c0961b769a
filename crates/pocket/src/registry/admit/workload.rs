//! Admission of Deployments and ReplicaSets: defaults and checks.
//!
//! Rule: `pkg/apis/apps/v1/defaults.go` and `pkg/apis/apps/validation/validation.go`.

use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentSpec, DeploymentStatus, ReplicaSet, ReplicaSetStatus,
    RollingUpdateDeployment,
};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;

use super::{Admit, fields, pod};
use crate::api_status::FieldErrors;
use crate::kinds::selector;

impl Admit for Deployment {
    fn begin(&mut self) {
        self.status = Some(DeploymentStatus::default());
    }

    fn complete(&mut self) {
        let spec = &mut self.spec;
        spec.replicas.get_or_insert(1);
        spec.revision_history_limit.get_or_insert(10);
        spec.progress_deadline_seconds.get_or_insert(600);
        complete_strategy(spec);
        complete_template(&mut spec.template);
    }

    fn check(&self, faults: &mut FieldErrors) {
        let spec = &self.spec;
        fields::check_not_negative(spec.replicas.map(i64::from), "spec.replicas", faults);
        let wait = spec.min_ready_seconds;
        fields::check_not_negative(wait.map(i64::from), "spec.minReadySeconds", faults);
        if let Some(deadline) = spec.progress_deadline_seconds
            && deadline <= wait.unwrap_or_default()
        {
            let why = "must be greater than minReadySeconds";
            faults.invalid("spec.progressDeadlineSeconds", deadline, why);
        }
        check_strategy(spec, faults);
        check_selector(&spec.selector, &spec.template, faults);
        pod::check_template(&spec.template, faults);
    }

    fn check_change(&self, before: &Self, faults: &mut FieldErrors) {
        let (now, before) = (&self.spec, &before.spec);
        fields::check_immutable(&now.selector, &before.selector, "spec.selector", faults);
    }
}

impl Admit for ReplicaSet {
    fn begin(&mut self) {
        self.status = Some(ReplicaSetStatus::default());
    }

    fn complete(&mut self) {
        let spec = &mut self.spec;
        spec.replicas.get_or_insert(1);
        complete_template(spec.template.get_or_insert_default());
    }

    fn check(&self, faults: &mut FieldErrors) {
        let spec = &self.spec;
        fields::check_not_negative(spec.replicas.map(i64::from), "spec.replicas", faults);
        let Some(template) = &spec.template else {
            return faults.required("spec.template", "");
        };
        check_selector(&spec.selector, template, faults);
        pod::check_template(template, faults);
    }

    fn check_change(&self, before: &Self, faults: &mut FieldErrors) {
        let (now, before) = (&self.spec, &before.spec);
        fields::check_immutable(&now.selector, &before.selector, "spec.selector", faults);
    }
}

fn complete_template(template: &mut PodTemplateSpec) {
    template.metadata.get_or_insert_default();
    pod::complete(template.spec.get_or_insert_default());
}

fn complete_strategy(spec: &mut DeploymentSpec) {
    let strategy = spec.strategy.get_or_insert_default();
    fields::text(&mut strategy.type_, "RollingUpdate");
    if strategy.type_.as_deref() == Some("RollingUpdate") {
        let quarter = || IntOrString::String("25%".to_owned());
        let rolling = strategy
            .rolling_update
            .get_or_insert_with(RollingUpdateDeployment::default);
        rolling.max_surge.get_or_insert_with(quarter);
        rolling.max_unavailable.get_or_insert_with(quarter);
    }
}

fn check_strategy(spec: &DeploymentSpec, faults: &mut FieldErrors) {
    let Some(strategy) = &spec.strategy else {
        return;
    };
    let types = ["Recreate", "RollingUpdate"];
    fields::check_word(
        strategy.type_.as_ref(),
        &types,
        "spec.strategy.type",
        faults,
    );
    let Some(rolling) = &strategy.rolling_update else {
        return;
    };
    if strategy.type_.as_deref() == Some("Recreate") {
        let why = "may not be specified when strategy `type` is 'Recreate'";
        return faults.forbidden("spec.strategy.rollingUpdate", why);
    }
    let (surge, unavailable) = (&rolling.max_surge, &rolling.max_unavailable);
    check_share(
        surge.as_ref(),
        "spec.strategy.rollingUpdate.maxSurge",
        faults,
    );
    let path = "spec.strategy.rollingUpdate.maxUnavailable";
    check_share(unavailable.as_ref(), path, faults);
    if surge.as_ref().is_some_and(is_zero) && unavailable.as_ref().is_some_and(is_zero) {
        faults.invalid(
            path,
            json!(unavailable),
            "may not be 0 when `maxSurge` is 0",
        );
    }
}

/// Checks a count, or a percentage such as `25%`.
fn check_share(share: Option<&IntOrString>, path: &str, faults: &mut FieldErrors) {
    match share {
        Some(IntOrString::Int(count)) => {
            fields::check_not_negative(Some((*count).into()), path, faults);
        }
        Some(IntOrString::String(text)) => {
            let digits = text.strip_suffix('%').unwrap_or_default();
            if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
                let why = "a valid percent string must be a numeric string followed by an ending '%' \
                           (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
                faults.invalid(path, text.as_str(), why);
            }
        }
        None => {}
    }
}

fn is_zero(share: &IntOrString) -> bool {
    match share {
        IntOrString::Int(count) => *count == 0,
        IntOrString::String(text) => text
            .trim_end_matches('%')
            .bytes()
            .all(|digit| digit == b'0'),
    }
}

fn check_selector(selector: &LabelSelector, template: &PodTemplateSpec, faults: &mut FieldErrors) {
    let empty = selector
        .match_labels
        .as_ref()
        .is_none_or(std::collections::BTreeMap::is_empty)
        && selector
            .match_expressions
            .as_ref()
            .is_none_or(Vec::is_empty);
    if empty {
        return faults.required("spec.selector", "");
    }
    let labels = template
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.labels.clone());
    let labels = labels.unwrap_or_default();
    let Some(selector) = selector::of(selector) else {
        let operators = ["DoesNotExist", "Exists", "In", "NotIn"];
        return faults.unsupported("spec.selector.matchExpressions", "", &operators);
    };
    if !selector.matches(&labels) {
        let why = "`selector` does not match template `labels`";
        faults.invalid("spec.template.metadata.labels", json!(labels), why);
    }
}
