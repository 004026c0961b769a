//! Checks of a Job's policies about failures and successes.
//!
//! Rule: `pkg/apis/batch/validation/validation.go`, `validatePodFailurePolicy` and
//! `validateSuccessPolicy`.

use std::collections::BTreeSet;

use k8s_openapi::api::batch::v1::{
    JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement,
    PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule, SuccessPolicy, SuccessPolicyRule,
};
use serde_json::{Value, json};

use super::fields;
use crate::api_status::FieldErrors;

/// Rule: `maxPodFailurePolicyRules`, `maxSuccessPolicyRule` and
/// `maxPodFailurePolicyOnPodConditionsPatterns`.
const MOST_RULES: usize = 20;
/// Rule: `maxPodFailurePolicyOnExitCodesValues`.
const MOST_CODES: usize = 255;
const ACTIONS: [&str; 4] = ["Count", "FailIndex", "FailJob", "Ignore"];
const OPERATORS: [&str; 2] = ["In", "NotIn"];
const STATUSES: [&str; 3] = ["False", "True", "Unknown"];

/// Sets the defaults of a failure policy.
pub(super) fn complete(policy: &mut PodFailurePolicy) {
    for rule in &mut policy.rules {
        for pattern in rule.on_pod_conditions.iter_mut().flatten() {
            fields::text(&mut pattern.status, "True");
        }
    }
}

pub(super) fn check_failure_policy(
    policy: &PodFailurePolicy,
    spec: &JobSpec,
    errors: &mut FieldErrors,
) {
    fields::check_count("rules", policy.rules.len(), MOST_RULES, errors);
    errors.each("rules", &policy.rules, |rule, errors| {
        check_failure_rule(rule, spec, errors);
    });
}

fn check_failure_rule(rule: &PodFailurePolicyRule, spec: &JobSpec, errors: &mut FieldErrors) {
    match rule.action.as_str() {
        "" => errors.required("action", &valid_values(&ACTIONS)),
        "FailIndex" if spec.backoff_limit_per_index.is_none() => {
            let why = "requires the backoffLimitPerIndex to be set";
            errors.invalid("action", "FailIndex", why);
        }
        _ => fields::check_choice("action", Some(&rule.action), &ACTIONS, errors),
    }
    if let Some(codes) = &rule.on_exit_codes {
        errors.within("onExitCodes", |errors| check_codes(codes, spec, errors));
    }
    let conditions = rule.on_pod_conditions.as_deref().unwrap_or_default();
    fields::check_count("onPodConditions", conditions.len(), MOST_RULES, errors);
    errors.each("onPodConditions", conditions, check_pattern);
    match (&rule.on_exit_codes, conditions) {
        (Some(_), [_, ..]) => {
            errors
                .invalid_place("specifying both OnExitCodes and OnPodConditions is not supported");
        }
        (None, []) => {
            errors.invalid_place("specifying one of OnExitCodes and OnPodConditions is required");
        }
        _ => {}
    }
}

fn check_pattern(pattern: &PodFailurePolicyOnPodConditionsPattern, errors: &mut FieldErrors) {
    fields::check_choice("status", pattern.status.as_ref(), &STATUSES, errors);
}

fn check_codes(
    codes: &PodFailurePolicyOnExitCodesRequirement,
    spec: &JobSpec,
    errors: &mut FieldErrors,
) {
    if codes.operator.is_empty() {
        errors.required("operator", &valid_values(&OPERATORS));
    } else {
        fields::check_choice("operator", Some(&codes.operator), &OPERATORS, errors);
    }
    if let Some(container) = &codes.container_name
        && !has_container(spec, container)
    {
        let why = "must be one of the container or initContainer names in the pod template";
        errors.invalid("containerName", container.as_str(), why);
    }
    let values = &codes.values;
    if values.is_empty() {
        errors.invalid("values", Value::Null, "at least one value is required");
    }
    fields::check_count("values", values.len(), MOST_CODES, errors);
    let mut seen = BTreeSet::new();
    errors.each("values", values, |code, errors| {
        if *code == 0 && codes.operator == "In" {
            errors.invalid("", 0, "must not be 0 for the In operator");
        }
        if !seen.insert(code) {
            errors.duplicate("", *code);
        }
    });
    if !values.is_sorted() {
        errors.invalid("values", json!(values), "must be ordered");
    }
}

fn has_container(spec: &JobSpec, name: &str) -> bool {
    let spec = spec.template.spec.as_ref();
    let init = spec.and_then(|spec| spec.init_containers.as_ref());
    let regular = spec.map(|spec| &spec.containers);
    let mut all = init.into_iter().chain(regular).flatten();
    all.any(|container| container.name == name)
}

pub(super) fn check_success_policy(
    policy: &SuccessPolicy,
    completions: i32,
    errors: &mut FieldErrors,
) {
    if policy.rules.is_empty() {
        let why = "at least one rules must be specified when the successPolicy is specified";
        errors.required("rules", why);
    }
    fields::check_count("rules", policy.rules.len(), MOST_RULES, errors);
    errors.each("rules", &policy.rules, |rule, errors| {
        check_success_rule(rule, completions, errors);
    });
}

fn check_success_rule(rule: &SuccessPolicyRule, completions: i32, errors: &mut FieldErrors) {
    if rule.succeeded_count.is_none() && rule.succeeded_indexes.is_none() {
        let why = "at least one of succeededCount or succeededIndexes must be specified";
        errors.required("", why);
    }
    let total = rule
        .succeeded_indexes
        .as_deref()
        .map(|text| count_indexes(text, completions));
    if let (Some(Err(why)), Some(text)) = (&total, &rule.succeeded_indexes) {
        let why = format!("error parsing succeededIndexes: {why}");
        errors.invalid("succeededIndexes", text.as_str(), &why);
    }
    let Some(count) = rule.succeeded_count else {
        return;
    };
    fields::check_not_negative("succeededCount", Some(count), errors);
    if count > completions {
        let why = format!(
            "must be less than or equal to {completions} (the number of specified completions)"
        );
        errors.invalid("succeededCount", count, &why);
    }
    let total = total.map(|total| total.unwrap_or(0));
    if let Some(total) = total.filter(|total| count > *total) {
        let why = format!(
            "must be less than or equal to {total} (the number of indexes in the specified \
             succeededIndexes field)"
        );
        errors.invalid("succeededCount", count, &why);
    }
}

/// The number of indexes in `0,2-4`, or why it is not valid.
///
/// Rule: `validateIndexesFormat` and `parseIndexInterval`.
fn count_indexes(text: &str, completions: i32) -> Result<i32, String> {
    let (mut total, mut before) = (0, None);
    let intervals = text.split(',').filter(|_| !text.is_empty());
    for interval in intervals {
        let (first, last) = interval_of(interval, completions)?;
        if let Some(before) = before
            && before >= first
        {
            return Err(not_increasing(before, first));
        }
        total += last - first + 1;
        before = Some(last);
    }
    Ok(total)
}

fn interval_of(interval: &str, completions: i32) -> Result<(i32, i32), String> {
    let parts: Vec<&str> = interval.split('-').collect();
    if parts.len() > 2 {
        return Err(format!(
            "the fragment {interval:?} violates the requirement that an index interval can have \
             at most two parts separated by '-'"
        ));
    }
    let parse = |part: &str| {
        let index: i32 = part
            .parse()
            .map_err(|_error| format!("cannot convert string to integer for index: {part:?}"))?;
        if index >= completions {
            return Err(format!("too large index: {part:?}"));
        }
        Ok(index)
    };
    let first = parse(parts[0])?;
    let Some(last) = parts.get(1) else {
        return Ok((first, first));
    };
    let last = parse(last)?;
    if first >= last {
        return Err(not_increasing(first, last));
    }
    Ok((first, last))
}

fn not_increasing(before: i32, now: i32) -> String {
    format!("non-increasing order, previous: {before}, current: {now}")
}

/// Rule: `fmt.Sprintf("valid values: %q", …)` of a list.
fn valid_values(values: &[&str]) -> String {
    let quoted: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
    format!("valid values: [{}]", quoted.join(" "))
}
