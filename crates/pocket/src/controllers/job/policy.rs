//! A Job's policies and its failed Pods in the rules' form.

use k8s_openapi::api::batch::v1::{
    Job, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyRule, SuccessPolicyRule,
};
use k8s_openapi::api::core::v1::Pod;
use rules::job::indexes::Indexes;
use rules::job::policy::{self, Action, FailedPod, Failure, FailureRule, Requirement, SuccessRule};

use super::{completion_index, convert};
use crate::controllers::counts;
use crate::kinds::{name, namespace};

/// What a failed Pod means for its Job.
pub(super) fn failure(job: &Job, pod: &Pod) -> Failure {
    let spec = job.spec.as_ref();
    let Some(written) = spec.and_then(|spec| spec.pod_failure_policy.as_ref()) else {
        return Failure::Counted;
    };
    let rules: Vec<FailureRule> = written.rules.iter().map(failure_rule).collect();
    policy::failure(&rules, &failed_pod(pod))
}

/// The message about the first Pod whose failure ends the Job.
///
/// Rule: `getFailJobMessage`.
pub(super) fn fatal(job: &Job, pods: &[Pod]) -> Option<String> {
    let mut failed = pods.iter().filter(|pod| convert::has_failed(job, pod));
    failed.find_map(|pod| match failure(job, pod) {
        Failure::OfJob(message) => Some(message),
        Failure::Counted | Failure::Ignored | Failure::OfIndex => None,
    })
}

/// The rule of `successPolicy` that the indexes fulfil.
pub(super) fn success(job: &Job, succeeded: &Indexes) -> Option<usize> {
    let written = job.spec.as_ref()?.success_policy.as_ref()?;
    let completions = completion_index::completions(job)?;
    let rule = |rule: &SuccessPolicyRule| SuccessRule {
        indexes: rule
            .succeeded_indexes
            .as_deref()
            .map(|text| Indexes::parse(text, completions)),
        count: rule
            .succeeded_count
            .map(|count| counts::from_api(Some(count))),
    };
    let rules: Vec<SuccessRule> = written.rules.iter().map(rule).collect();
    policy::success(&rules, succeeded)
}

fn failure_rule(rule: &PodFailurePolicyRule) -> FailureRule {
    let codes = rule.on_exit_codes.as_ref().map(exit_codes);
    let requirement = codes.unwrap_or_else(|| conditions(rule));
    let action = match rule.action.as_str() {
        "FailJob" => Action::FailJob,
        "FailIndex" => Action::FailIndex,
        "Ignore" => Action::Ignore,
        _ => Action::Count,
    };
    FailureRule {
        requirement,
        action,
    }
}

fn conditions(rule: &PodFailurePolicyRule) -> Requirement {
    let patterns = rule.on_pod_conditions.iter().flatten();
    let conditions = patterns.map(|pattern| {
        let status = pattern.status.clone().unwrap_or_default();
        (pattern.type_.clone(), status)
    });
    Requirement::Conditions(conditions.collect())
}

fn exit_codes(codes: &PodFailurePolicyOnExitCodesRequirement) -> Requirement {
    Requirement::ExitCodes {
        container: codes.container_name.clone(),
        values: codes.values.clone(),
        is_one_of: codes.operator == "In",
    }
}

fn failed_pod(pod: &Pod) -> FailedPod {
    let status = pod.status.clone().unwrap_or_default();
    let regular = status.container_statuses.into_iter().flatten();
    let init = status.init_container_statuses.into_iter().flatten();
    let exits = regular.chain(init).filter_map(|container| {
        let code = container.state?.terminated?.exit_code;
        Some((container.name, code))
    });
    let conditions = status.conditions.into_iter().flatten();
    FailedPod {
        name: format!("{}/{}", namespace(pod), name(pod)),
        exits: exits.collect(),
        conditions: conditions.map(|it| (it.type_, it.status)).collect(),
    }
}
