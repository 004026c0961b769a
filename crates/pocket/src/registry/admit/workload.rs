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

use super::pipeline::Admit;
use super::{fields, names, pod};
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

    fn check(&self, errors: &mut FieldErrors) {
        let spec = &self.spec;
        errors.within("spec", |errors| {
            fields::check_not_negative("replicas", spec.replicas, errors);
            fields::check_not_negative("minReadySeconds", spec.min_ready_seconds, errors);
            let limit = spec.revision_history_limit;
            fields::check_not_negative("revisionHistoryLimit", limit, errors);
            let deadline = spec.progress_deadline_seconds;
            fields::check_not_negative("progressDeadlineSeconds", deadline, errors);
            // A shorter deadline would pass before any Pod can count as available.
            if let Some(deadline) = spec.progress_deadline_seconds
                && deadline <= spec.min_ready_seconds.unwrap_or_default()
            {
                let why = "must be greater than minReadySeconds";
                errors.invalid("progressDeadlineSeconds", deadline, why);
            }
            errors.within("strategy", |errors| check_strategy(spec, errors));
            check_selector(&spec.selector, &spec.template, errors);
            errors.within("template", |errors| {
                pod::check_template(&spec.template, "ReplicaSet", errors);
            });
        });
    }

    fn check_change(&self, before: &Self, errors: &mut FieldErrors) {
        let (now, before) = (&self.spec.selector, &before.spec.selector);
        fields::check_immutable("spec.selector", now, before, errors);
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

    fn check(&self, errors: &mut FieldErrors) {
        let spec = &self.spec;
        errors.within("spec", |errors| {
            fields::check_not_negative("replicas", spec.replicas, errors);
            let Some(template) = &spec.template else {
                return errors.required("template", "");
            };
            check_selector(&spec.selector, template, errors);
            errors.within("template", |errors| {
                pod::check_template(template, "ReplicaSet", errors);
            });
        });
    }

    fn check_change(&self, before: &Self, errors: &mut FieldErrors) {
        let (now, before) = (&self.spec.selector, &before.spec.selector);
        fields::check_immutable("spec.selector", now, before, errors);
    }
}

pub(super) fn complete_template(template: &mut PodTemplateSpec) {
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

fn check_strategy(spec: &DeploymentSpec, errors: &mut FieldErrors) {
    let Some(strategy) = &spec.strategy else {
        return;
    };
    let types = ["Recreate", "RollingUpdate"];
    if let Some(other) = strategy.type_.as_deref().filter(|it| !types.contains(it)) {
        // Upstream prints the whole strategy, by the names of its internal type.
        let shown = format!("{{\"Type\":{},\"RollingUpdate\":null}}", json!(other));
        return errors.unsupported_shown("", &shown, &types);
    }
    let Some(rolling) = &strategy.rolling_update else {
        return;
    };
    if strategy.type_.as_deref() == Some("Recreate") {
        let why = "may not be specified when strategy `type` is 'Recreate'";
        return errors.forbidden("rollingUpdate", why);
    }
    let (surge, unavailable) = (rolling.max_surge.as_ref(), rolling.max_unavailable.as_ref());
    check_amount("rollingUpdate.maxSurge", surge, errors);
    let field = "rollingUpdate.maxUnavailable";
    check_amount(field, unavailable, errors);
    // A set cannot lack more Pods than it has; a surge has no limit.
    check_at_most_all(field, unavailable, errors);
    // A rollout that may neither add nor remove a Pod could never begin.
    if surge.is_some_and(is_zero) && unavailable.is_some_and(is_zero) {
        errors.invalid(
            field,
            json!(unavailable),
            "may not be 0 when `maxSurge` is 0",
        );
    }
}

/// Checks a count, or a percentage such as `25%`.
pub(super) fn check_amount(field: &str, amount: Option<&IntOrString>, errors: &mut FieldErrors) {
    match amount {
        Some(IntOrString::Int(count)) => fields::check_not_negative(field, Some(*count), errors),
        Some(IntOrString::String(text)) if percentage(text).is_none() => {
            let why = "a valid percent string must be a numeric string followed by an ending '%' \
                       (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
            errors.invalid(field, text.as_str(), why);
        }
        _ => {}
    }
}

/// Reports more than 100%.
///
/// Rule: `IsNotMoreThan100Percent`.
pub(super) fn check_at_most_all(
    field: &str,
    amount: Option<&IntOrString>,
    errors: &mut FieldErrors,
) {
    if let Some(IntOrString::String(text)) = amount
        && percentage(text).is_some_and(|percent| percent > 100)
    {
        errors.invalid(field, text.as_str(), "must not be greater than 100%");
    }
}

/// The number of a percentage; the largest one if it is larger still.
fn percentage(text: &str) -> Option<u32> {
    let digits = text.strip_suffix('%')?;
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u32::MAX))
}

pub(super) fn is_zero(amount: &IntOrString) -> bool {
    match amount {
        IntOrString::Int(count) => *count == 0,
        IntOrString::String(text) => text
            .trim_end_matches('%')
            .bytes()
            .all(|digit| digit == b'0'),
    }
}

pub(super) fn check_selector(
    selector: &LabelSelector,
    template: &PodTemplateSpec,
    errors: &mut FieldErrors,
) {
    let labels = template.metadata.as_ref().and_then(|it| it.labels.clone());
    let mismatch = |errors: &mut FieldErrors| {
        let why = "`selector` does not match template `labels`";
        errors.invalid("template.metadata.labels", json!(labels), why);
    };
    // An empty selector would adopt every Pod of the namespace.
    if is_empty(selector) {
        errors.required("selector", "");
        return mismatch(errors);
    }
    let before = errors.len();
    errors.within("selector", |errors| {
        names::check_label_selector(selector, errors);
    });
    let is_valid = errors.len() == before;
    match selector::of(selector).filter(|_| is_valid) {
        None => {
            let shown = names::shown_selector(selector);
            errors.invalid_shown("selector", &shown, "invalid label selector");
        }
        Some(selector) => {
            if !selector.matches(&labels.clone().unwrap_or_default()) {
                mismatch(errors);
            }
        }
    }
}

fn is_empty(selector: &LabelSelector) -> bool {
    let labels = selector.match_labels.iter().flatten().next();
    let expressions = selector.match_expressions.iter().flatten().next();
    labels.is_none() && expressions.is_none()
}
