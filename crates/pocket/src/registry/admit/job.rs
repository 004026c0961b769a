//! Admission of Jobs: defaults, the generated selector, and checks.
//!
//! Rule: `pkg/apis/batch/v1/defaults.go`, `SetDefaults_Job`, `pkg/registry/batch/job/strategy.go`,
//! and `pkg/apis/batch/validation/validation.go`, `ValidateJob`.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{Job, JobSpec, JobStatus};
use serde_json::json;

use super::pipeline::Admit;
use super::{fields, pod, workload};
use crate::api_status::FieldErrors;
use crate::kinds::{name, uid};

/// The label that a generated selector names.
const CONTROLLER_UID: &str = "batch.kubernetes.io/controller-uid";
const UID_LABELS: [&str; 2] = ["controller-uid", CONTROLLER_UID];
const NAME_LABELS: [&str; 2] = ["job-name", "batch.kubernetes.io/job-name"];

const NON_INDEXED: &str = "NonIndexed";

impl Admit for Job {
    fn begin(&mut self) {
        self.status = Some(JobStatus::default());
        // Before the template has the generated labels.
        take_labels(self);
        generate_selector(self);
    }

    fn complete(&mut self) {
        let spec = self.spec.get_or_insert_default();
        if spec.completions.is_none() && spec.parallelism.is_none() {
            spec.completions = Some(1);
        }
        spec.parallelism.get_or_insert(1);
        spec.backoff_limit.get_or_insert(6);
        fields::text(&mut spec.completion_mode, NON_INDEXED);
        spec.suspend.get_or_insert(false);
        fields::text(&mut spec.pod_replacement_policy, "TerminatingOrFailed");
        spec.manual_selector.get_or_insert(false);
        // A field of Kubernetes 1.37.
        spec.scheduling = None;
        workload::complete_template(&mut spec.template);
        // Upstream sets defaults on every read too, so that a Job without labels shows those that
        // its template was given.
        take_labels(self);
    }

    fn check(&self, errors: &mut FieldErrors) {
        let Some(spec) = &self.spec else {
            return errors.required("spec", "");
        };
        errors.within("spec", |errors| {
            check_generated_labels(self, spec, errors);
            check_spec(spec, errors);
        });
    }

    fn check_change(&self, before: &Self, errors: &mut FieldErrors) {
        let (Some(now), Some(before)) = (&self.spec, &before.spec) else {
            return;
        };
        errors.within("spec", |errors| {
            fields::check_immutable("completions", &now.completions, &before.completions, errors);
            fields::check_immutable("selector", &now.selector, &before.selector, errors);
            fields::check_immutable("template", &now.template, &before.template, errors);
            let (mode, before_mode) = (&now.completion_mode, &before.completion_mode);
            fields::check_immutable("completionMode", mode, before_mode, errors);
            fields::check_immutable("managedBy", &now.managed_by, &before.managed_by, errors);
        });
    }
}

/// A Job without labels takes those of its template.
fn take_labels(job: &mut Job) {
    let template = job
        .spec
        .as_ref()
        .and_then(|it| it.template.metadata.as_ref());
    let of_template = template.and_then(|metadata| metadata.labels.clone());
    let labels = &mut job.metadata.labels;
    if labels.as_ref().is_none_or(BTreeMap::is_empty) && of_template.is_some() {
        *labels = of_template;
    }
}

/// The labels that the template of a Job is given.
fn generated_labels(job: &Job) -> impl Iterator<Item = (&'static str, String)> + use<> {
    let (name, uid) = (name(job).to_owned(), uid(job).to_owned());
    let uids = UID_LABELS.map(|label| (label, uid.clone()));
    let names = NAME_LABELS.map(|label| (label, name.clone()));
    uids.into_iter().chain(names)
}

/// Gives the template labels with the Job's name and UID, and selects the UID. Labels that are
/// there already are kept, and refused later if they are others.
fn generate_selector(job: &mut Job) {
    let generated = generated_labels(job);
    let selected_uid = uid(job).to_owned();
    let spec = job.spec.get_or_insert_default();
    if spec.manual_selector == Some(true) {
        return;
    }
    let metadata = spec.template.metadata.get_or_insert_default();
    let labels = metadata.labels.get_or_insert_default();
    for (label, value) in generated {
        labels.entry(label.to_owned()).or_insert(value);
    }
    let selector = spec.selector.get_or_insert_default();
    let selected = selector.match_labels.get_or_insert_default();
    selected
        .entry(CONTROLLER_UID.to_owned())
        .or_insert(selected_uid);
}

/// Rule: `validateGeneratedSelector`.
fn check_generated_labels(job: &Job, spec: &JobSpec, errors: &mut FieldErrors) {
    if spec.manual_selector == Some(true) {
        return;
    }
    let metadata = spec.template.metadata.as_ref();
    let labels = metadata
        .and_then(|it| it.labels.clone())
        .unwrap_or_default();
    for (label, expected) in generated_labels(job) {
        let field = format!("template.metadata.labels[{label}]");
        let why = format!("must be '{expected}'");
        match labels.get(label) {
            None => errors.required(&field, &why),
            Some(found) if *found != expected => errors.invalid(&field, json!(labels), &why),
            Some(_) => {}
        }
    }
}

fn check_spec(spec: &JobSpec, errors: &mut FieldErrors) {
    fields::check_not_negative("parallelism", spec.parallelism, errors);
    fields::check_not_negative("completions", spec.completions, errors);
    fields::check_not_negative(
        "activeDeadlineSeconds",
        spec.active_deadline_seconds,
        errors,
    );
    fields::check_not_negative("backoffLimit", spec.backoff_limit, errors);
    let ttl = spec.ttl_seconds_after_finished;
    fields::check_not_negative("ttlSecondsAfterFinished", ttl, errors);
    let policies = ["Failed", "TerminatingOrFailed"];
    let policy = spec.pod_replacement_policy.as_ref();
    fields::check_choice("podReplacementPolicy", policy, &policies, errors);
    check_mode(spec, errors);
    errors.lacking(|errors| refuse_what_is_missing(spec, errors));
    errors.within("template", |errors| {
        pod::check_ending_template(&spec.template, errors);
    });
    match &spec.selector {
        Some(selector) => workload::check_selector(selector, &spec.template, errors),
        None => errors.required("selector", ""),
    }
}

fn check_mode(spec: &JobSpec, errors: &mut FieldErrors) {
    let modes = [NON_INDEXED, "Indexed"];
    fields::check_choice(
        "completionMode",
        spec.completion_mode.as_ref(),
        &modes,
        errors,
    );
    if spec.completion_mode.as_deref() != Some(NON_INDEXED) {
        return;
    }
    let why = "requires indexed completion mode";
    if let Some(limit) = spec.backoff_limit_per_index {
        errors.invalid("backoffLimitPerIndex", limit, why);
    }
    if let Some(most) = spec.max_failed_indexes {
        errors.invalid("maxFailedIndexes", most, why);
    }
    if let Some(policy) = &spec.success_policy {
        errors.invalid("successPolicy", json!(policy), why);
    }
}

/// Refuses what Kubernetes allows and pocket lacks: a Job would end otherwise than on a node.
fn refuse_what_is_missing(spec: &JobSpec, errors: &mut FieldErrors) {
    if spec.completion_mode.as_deref() == Some("Indexed") {
        errors.forbidden("completionMode", "pocket has no Indexed Jobs");
    }
    if spec.pod_failure_policy.is_some() {
        errors.forbidden("podFailurePolicy", "pocket has no Pod failure policies");
    }
    if spec.manual_selector == Some(true) {
        let why = "pocket generates the selector of every Job";
        errors.forbidden("manualSelector", why);
    }
}
