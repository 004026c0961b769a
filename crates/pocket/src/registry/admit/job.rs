//! Admission of Jobs: defaults, the generated selector, and checks.
//!
//! Rule: `pkg/apis/batch/v1/defaults.go`, `SetDefaults_Job`, `pkg/registry/batch/job/strategy.go`,
//! and `pkg/apis/batch/validation/validation.go`, `ValidateJob`.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{Job, JobSpec, JobStatus};
use serde_json::json;

use super::pipeline::Admit;
use super::{fields, job_policies, names, pod, workload};
use crate::api_status::FieldErrors;
use crate::kinds::{name, uid};

/// The label that a generated selector names.
const CONTROLLER_UID: &str = "batch.kubernetes.io/controller-uid";
const UID_LABELS: [&str; 2] = ["controller-uid", CONTROLLER_UID];
const NAME_LABELS: [&str; 2] = ["job-name", "batch.kubernetes.io/job-name"];

const NON_INDEXED: &str = "NonIndexed";
const INDEXED: &str = "Indexed";

/// Rule: `maxParallelismForIndexedJob` and `maxFailedIndexesForIndexedJob`.
const MOST_INDEXED_AT_A_TIME: i32 = 100_000;

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
        let limit = if spec.backoff_limit_per_index.is_some() {
            i32::MAX
        } else {
            6
        };
        spec.backoff_limit.get_or_insert(limit);
        fields::text(&mut spec.completion_mode, NON_INDEXED);
        spec.suspend.get_or_insert(false);
        let replacement = match &mut spec.pod_failure_policy {
            Some(policy) => {
                job_policies::complete(policy);
                "Failed"
            }
            None => "TerminatingOrFailed",
        };
        fields::text(&mut spec.pod_replacement_policy, replacement);
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
        check_host_names(self, spec, errors);
    }

    fn check_change(&self, before: &Self, errors: &mut FieldErrors) {
        let (Some(now), Some(before)) = (&self.spec, &before.spec) else {
            return;
        };
        errors.within("spec", |errors| {
            check_completions(now, before, errors);
            fields::check_immutable("selector", &now.selector, &before.selector, errors);
            fields::check_immutable("template", &now.template, &before.template, errors);
            let (mode, before_mode) = (&now.completion_mode, &before.completion_mode);
            fields::check_immutable("completionMode", mode, before_mode, errors);
            let (failures, failures_before) = (&now.pod_failure_policy, &before.pod_failure_policy);
            fields::check_immutable("podFailurePolicy", failures, failures_before, errors);
            let (limit, limit_before) = (
                &now.backoff_limit_per_index,
                &before.backoff_limit_per_index,
            );
            fields::check_immutable("backoffLimitPerIndex", limit, limit_before, errors);
            fields::check_immutable("managedBy", &now.managed_by, &before.managed_by, errors);
            let (successes, successes_before) = (&now.success_policy, &before.success_policy);
            fields::check_immutable("successPolicy", successes, successes_before, errors);
        });
    }
}

/// Those of an Indexed Job change with its parallelism.
///
/// Rule: `validateCompletions`.
fn check_completions(now: &JobSpec, before: &JobSpec, errors: &mut FieldErrors) {
    if now.completion_mode.as_deref() != Some(INDEXED) {
        fields::check_immutable("completions", &now.completions, &before.completions, errors);
    } else if let Some(completions) = now.completions
        && before.completions != now.completions
        && now.parallelism != now.completions
    {
        let why = "can only be modified in tandem with spec.parallelism";
        errors.invalid("completions", completions, why);
    }
}

/// The names of an Indexed Job's Pods are those of hosts.
///
/// Rule: `ValidateJob`.
fn check_host_names(job: &Job, spec: &JobSpec, errors: &mut FieldErrors) {
    let completions = spec.completions.unwrap_or(0);
    if spec.completion_mode.as_deref() != Some(INDEXED) || completions < 1 {
        return;
    }
    let last = format!("{}-{}", name(job), completions - 1);
    if !names::Names::Label.refuse(&last).is_empty() {
        let why = format!("will not able to create pod with invalid DNS label: {last}");
        errors.invalid("metadata.name", name(job), &why);
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
    check_indexes(spec, errors);
    check_mode(spec, errors);
    if let Some(policy) = &spec.pod_failure_policy {
        errors.within("podFailurePolicy", |errors| {
            job_policies::check_failure_policy(policy, spec, errors);
        });
    }
    if let Some(policy) = &spec.success_policy
        && spec.completion_mode.as_deref() == Some(INDEXED)
    {
        errors.within("successPolicy", |errors| {
            job_policies::check_success_policy(policy, spec.completions.unwrap_or(0), errors);
        });
    }
    let replacements: &[&str] = match spec.pod_failure_policy {
        Some(_) => &["Failed"],
        None => &["Failed", "TerminatingOrFailed"],
    };
    let replacement = spec.pod_replacement_policy.as_ref();
    fields::check_choice("podReplacementPolicy", replacement, replacements, errors);
    errors.within("template", |errors| {
        pod::check_ending_template(&spec.template, spec.pod_failure_policy.is_some(), errors);
    });
    match &spec.selector {
        Some(selector) => workload::check_selector(selector, &spec.template, errors),
        None => errors.required("selector", ""),
    }
}

fn check_mode(spec: &JobSpec, errors: &mut FieldErrors) {
    let modes = [NON_INDEXED, INDEXED];
    let mode = spec.completion_mode.as_ref();
    fields::check_choice("completionMode", mode, &modes, errors);
    match mode.map(String::as_str) {
        Some(INDEXED) => check_indexed(spec, errors),
        Some(NON_INDEXED) => check_not_indexed(spec, errors),
        _ => {}
    }
}

fn check_indexes(spec: &JobSpec, errors: &mut FieldErrors) {
    let limit = spec.backoff_limit_per_index;
    fields::check_not_negative("backoffLimitPerIndex", limit, errors);
    fields::check_not_negative("maxFailedIndexes", spec.max_failed_indexes, errors);
    if spec.max_failed_indexes.is_some() && limit.is_none() {
        let why = "when maxFailedIndexes is specified";
        errors.required("backoffLimitPerIndex", why);
    }
}

fn check_indexed(spec: &JobSpec, errors: &mut FieldErrors) {
    let parallelism = spec.parallelism.unwrap_or(1);
    if parallelism > MOST_INDEXED_AT_A_TIME {
        let why = format!(
            "must be less than or equal to {MOST_INDEXED_AT_A_TIME} when completion mode is Indexed"
        );
        errors.invalid("parallelism", parallelism, &why);
    }
    let Some(completions) = spec.completions else {
        return errors.required("completions", "when completion mode is Indexed");
    };
    let Some(most) = spec.max_failed_indexes else {
        return;
    };
    if most > completions {
        let why = "must be less than or equal to completions";
        errors.invalid("maxFailedIndexes", most, why);
    }
    if most > MOST_INDEXED_AT_A_TIME {
        let why = format!("must be less than or equal to {MOST_INDEXED_AT_A_TIME}");
        errors.invalid("maxFailedIndexes", most, &why);
    }
}

fn check_not_indexed(spec: &JobSpec, errors: &mut FieldErrors) {
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
