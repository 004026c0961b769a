//! Indexed Jobs: which indexes have ended, and the Pods of those that have not.
//!
//! Rule: `pkg/controller/job/indexed_job_utils.go`.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{
    Container, EnvVar, EnvVarSource, ObjectFieldSelector, Pod, PodSpec,
};
use rules::Moment;
use rules::job::failures::Failures;
use rules::job::indexes::{self, Indexes};
use rules::job::policy::Failure;

use super::completion_index::{INDEX, completions, index, number_of};
use super::{convert, policy};
use crate::clock::Clock;
use crate::controllers::{counts, pod_view};
use crate::kinds::{name, uid};

/// The annotations that hold the failures of earlier Pods with the index.
const FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";
const IGNORED_FAILURES: &str = "batch.kubernetes.io/job-index-ignored-failure-count";
const VARIABLE: &str = "JOB_COMPLETION_INDEX";

/// An Indexed Job's indexes.
pub(super) struct Indexed<'a> {
    completions: u32,
    /// Those with a Pod that succeeded.
    pub(super) succeeded: Indexes,
    /// Those that failed, where each index has a back-off limit.
    pub(super) failed: Option<Indexes>,
    /// The failed Pod of each index that waits for its next one. It is kept until then, as it holds
    /// the number of failures.
    awaiting: BTreeMap<u32, &'a Pod>,
}

impl<'a> Indexed<'a> {
    /// `None` for a Job that is not indexed.
    pub(super) fn of(job: &Job, pods: &'a [Pod], active: &[&Pod], clock: &Clock) -> Option<Self> {
        let completions = completions(job)?;
        let status = job.status.clone().unwrap_or_default();
        let parse = |text: &str| Indexes::parse(text, completions);
        let tracked = || {
            let tracked = pods.iter().filter(|pod| convert::is_tracked(pod));
            tracked.filter_map(|pod| Some((index(pod, completions)?, pod)))
        };
        let mut succeeded = parse(&status.completed_indexes.unwrap_or_default());
        let ended = tracked().filter(|(_, pod)| convert::has_succeeded(pod));
        succeeded.extend(ended.map(|(index, _)| index));
        let mut indexed = Self {
            completions,
            succeeded,
            failed: None,
            awaiting: BTreeMap::new(),
        };
        let Some(limit) = limit(job) else {
            return Some(indexed);
        };
        let failing = || tracked().filter(|(_, pod)| convert::has_failed(job, pod));
        let mut failed = parse(&status.failed_indexes.unwrap_or_default());
        let over = failing().filter(|(_, pod)| is_failure_of_index(job, pod, limit));
        failed.extend(over.map(|(index, _)| index));
        let busy = indexes(active, completions);
        for (index, pod) in failing() {
            if indexed.succeeded.contains(index) || failed.contains(index) || busy.contains(index) {
                continue;
            }
            let kept = indexed.awaiting.entry(index).or_insert(pod);
            let rank = |pod| (all_failures(pod), convert::finished_at(pod, clock));
            let (kept_rank, new_rank) = (rank(kept), rank(pod));
            if kept_rank.0 <= new_rank.0 && kept_rank.1 <= new_rank.1 {
                *kept = pod;
            }
        }
        indexed.failed = Some(failed);
        Some(indexed)
    }

    /// Whether the Pod is kept until its index has another one.
    pub(super) fn awaits(&self, pod: &Pod) -> bool {
        let mut kept = self.awaiting.values();
        kept.any(|kept| uid(*kept) == uid(pod))
    }

    /// The next indexes that get a Pod, at most `number`; or when the first of them does.
    pub(super) fn next(
        &self,
        job: &Job,
        pods: &[Pod],
        active: &[&Pod],
        number: u32,
        clock: &Clock,
    ) -> Result<Vec<u32>, Moment> {
        let mut taken = self.succeeded.clone();
        taken.add(&indexes(active, self.completions));
        if convert::awaits_terminating(job) {
            let is_ending =
                |pod: &&Pod| pod.metadata.deletion_timestamp.is_some() && !pod_view::has_ended(pod);
            let ending: Vec<&Pod> = pods.iter().filter(is_ending).collect();
            taken.add(&indexes(&ending, self.completions));
        }
        if let Some(failed) = &self.failed {
            taken.add(failed);
        }
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let pending = taken.first_missing(number, self.completions);
        let wait = |(index, pod): (&u32, &&Pod)| {
            let failures = Failures::of(all_failures(pod) + 1, convert::finished_at(pod, clock));
            Some((*index, failures.next_pod()?))
        };
        let due = self.awaiting.iter().filter_map(wait).collect();
        indexes::due(pending, &due, clock.now())
    }

    /// A new Pod of an index.
    pub(super) fn pod(&self, job: &Job, index: u32) -> Pod {
        let mut pod = convert::pod(job);
        let metadata = &mut pod.metadata;
        metadata.generate_name = Some(indexes::name_prefix(name(job), index));
        let labels = metadata.labels.get_or_insert_default();
        labels.insert(INDEX.to_owned(), index.to_string());
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(INDEX.to_owned(), index.to_string());
        if limit(job).is_some() {
            let (counted, ignored) = failures_before(job, self.awaiting.get(&index).copied());
            annotations.insert(FAILURES.to_owned(), counted.to_string());
            if ignored > 0 {
                annotations.insert(IGNORED_FAILURES.to_owned(), ignored.to_string());
            }
        }
        let spec = pod.spec.get_or_insert_default();
        spec.hostname = Some(format!("{}-{index}", name(job)));
        add_variables(spec);
        pod
    }
}

fn indexes(pods: &[&Pod], completions: u32) -> Indexes {
    let mut found = Indexes::default();
    found.extend(pods.iter().filter_map(|pod| index(pod, completions)));
    found
}

/// `backoffLimitPerIndex`.
fn limit(job: &Job) -> Option<u32> {
    let limit = job.spec.as_ref()?.backoff_limit_per_index?;
    Some(counts::from_api(Some(limit)))
}

/// Rule: `isIndexFailed`.
fn is_failure_of_index(job: &Job, pod: &Pod, limit: u32) -> bool {
    match policy::failure(job, pod) {
        Failure::OfIndex => true,
        Failure::Ignored => false,
        Failure::Counted | Failure::OfJob(_) => number_of(pod, FAILURES).unwrap_or(0) >= limit,
    }
}

/// Failures of earlier Pods with the index of this one.
fn all_failures(pod: &Pod) -> u32 {
    let numbers = [FAILURES, IGNORED_FAILURES].map(|key| number_of(pod, key).unwrap_or(0));
    numbers.into_iter().fold(0, u32::saturating_add)
}

/// The failures before the Pod that replaces `replaced`: those that count, and those that do not.
///
/// Rule: `getNewIndexFailureCounts`.
fn failures_before(job: &Job, replaced: Option<&Pod>) -> (u32, u32) {
    let Some(replaced) = replaced else {
        return (0, 0);
    };
    let number = |key| number_of(replaced, key).unwrap_or(0);
    let (counted, ignored) = (number(FAILURES), number(IGNORED_FAILURES));
    match policy::failure(job, replaced) {
        Failure::Ignored => (counted, ignored + 1),
        Failure::Counted | Failure::OfIndex | Failure::OfJob(_) => (counted + 1, ignored),
    }
}

/// Gives each container the variable with the index, unless it has one of this name.
fn add_variables(spec: &mut PodSpec) {
    let init = spec.init_containers.iter_mut().flatten();
    for container in init.chain(&mut spec.containers) {
        add_variable(container);
    }
}

fn add_variable(container: &mut Container) {
    let variables = container.env.get_or_insert_default();
    if variables.iter().any(|variable| variable.name == VARIABLE) {
        return;
    }
    variables.push(EnvVar {
        name: VARIABLE.to_owned(),
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                field_path: format!("metadata.labels['{INDEX}']"),
                ..ObjectFieldSelector::default()
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    });
}
