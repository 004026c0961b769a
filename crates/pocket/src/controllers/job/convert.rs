//! Converts Jobs and their Pods between API objects and the rules' form.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use rules::Moment;
use rules::job::surplus::{self, Candidate};
use rules::job::{self, Finish, Pods, State};

use super::completion_index;
use crate::clock::{Clock, seconds};
use crate::controllers::{counts, pod_template, pod_view};
use crate::kinds::name;

/// The finalizer of a Pod that its Job has not counted.
const TRACKING: &str = "batch.kubernetes.io/job-tracking";

/// The rules' view of a Job. `finishing` is how it ends, if that is published.
pub(super) fn rules(job: &Job, finishing: Option<Finish>, clock: &Clock) -> job::Job {
    let spec = job.spec.clone().unwrap_or_default();
    let template = spec.template.spec.as_ref();
    let policy = template.and_then(|spec| spec.restart_policy.as_deref());
    let started = job.status.as_ref().and_then(|it| it.start_time.as_ref());
    job::Job {
        parallelism: counts::from_api(spec.parallelism),
        completions: spec.completions.map(|it| counts::from_api(Some(it))),
        back_off_limit: counts::from_api(spec.backoff_limit),
        restarts_containers: policy == Some("OnFailure"),
        awaits_terminating: awaits_terminating(job),
        backs_off_by_index: spec.backoff_limit_per_index.is_some(),
        max_failed_indexes: spec
            .max_failed_indexes
            .map(|most| counts::from_api(Some(most))),
        deadline: spec.active_deadline_seconds.map(seconds),
        started: started.map_or_else(|| clock.now(), |time| clock.moment_of(time)),
        state: state(job, finishing),
    }
}

fn state(job: &Job, finishing: Option<Finish>) -> State {
    match finishing {
        Some(finish) => State::Finishing(finish),
        None if job.metadata.deletion_timestamp.is_some() => State::Deleted,
        None if is_suspended(job) => State::Suspended,
        None => State::Active,
    }
}

/// Rule: `onlyReplaceFailedPods`.
pub(super) fn awaits_terminating(job: &Job) -> bool {
    let spec = job.spec.as_ref();
    let policy = spec.and_then(|spec| spec.pod_replacement_policy.as_deref());
    policy == Some("Failed")
}

pub(super) fn is_suspended(job: &Job) -> bool {
    job.spec.as_ref().and_then(|spec| spec.suspend) == Some(true)
}

/// Whether another controller is responsible for the Job.
pub(super) fn is_managed_elsewhere(job: &Job) -> bool {
    let spec = job.spec.as_ref();
    let manager = spec.and_then(|spec| spec.managed_by.as_deref());
    manager.is_some_and(|manager| manager != "kubernetes.io/job-controller")
}

/// Numbers of Pods and their restarts. Those that have ended are counted with the Job's status.
pub(super) fn count(pods: &[Pod], active: &[&Pod]) -> Pods {
    let is_terminating =
        |pod: &&Pod| pod.metadata.deletion_timestamp.is_some() && !pod_view::has_ended(pod);
    let present = pods.iter().filter(|pod| !pod_view::has_ended(pod));
    let restarts: i32 = present
        .flat_map(containers)
        .map(|it| it.restart_count)
        .sum();
    Pods {
        active: number(active),
        terminating: number(&pods.iter().filter(is_terminating).collect::<Vec<_>>()),
        restarts: counts::from_api(Some(restarts)),
        ..Pods::default()
    }
}

pub(super) fn number<T>(pods: &[T]) -> u32 {
    pods.len().try_into().unwrap_or(u32::MAX)
}

pub(super) fn active(pods: &[Pod]) -> Vec<&Pod> {
    pods.iter().filter(|pod| pod_view::is_active(pod)).collect()
}

/// Active Pods of an Indexed Job that have no index of their own.
pub(super) fn misplaced(job: &Job, active: &[&Pod], clock: &Clock) -> u32 {
    sorted(job, active, clock).1
}

/// Active Pods, those that are deleted first in front, and how many of them are misplaced.
fn sorted(job: &Job, active: &[&Pod], clock: &Clock) -> (Vec<Candidate>, u32) {
    let completions = completion_index::completions(job);
    let candidate = |pod: &&Pod| Candidate {
        index: completions.and_then(|completions| completion_index::index(pod, completions)),
        ..candidate(pod, clock)
    };
    let mut candidates: Vec<Candidate> = active.iter().map(candidate).collect();
    if completions.is_none() {
        surplus::sort(&mut candidates);
        return (candidates, 0);
    }
    let misplaced = surplus::sort_indexed(&mut candidates);
    (candidates, misplaced.try_into().unwrap_or(u32::MAX))
}

/// Removes the Pods that are deleted first from `active`, and returns them.
pub(super) fn split_surplus<'a>(
    job: &Job,
    active: &mut Vec<&'a Pod>,
    number: u32,
    clock: &Clock,
) -> Vec<&'a Pod> {
    let (mut candidates, _) = sorted(job, active, clock);
    candidates.truncate(usize::try_from(number).unwrap_or(usize::MAX));
    let is_surplus = |pod: &Pod| candidates.iter().any(|it| it.name == name(pod));
    let (surplus, staying) = active.drain(..).partition(|pod| is_surplus(pod));
    *active = staying;
    surplus
}

fn candidate(pod: &Pod, clock: &Clock) -> Candidate {
    let (restarts, sidecar_restarts) = pod_view::most_restarts(pod);
    let spec = pod.spec.as_ref();
    Candidate {
        name: name(pod).to_owned(),
        bound: spec.is_some_and(|spec| spec.node_name.is_some()),
        phase: pod_view::phase(pod),
        ready_since: pod_view::ready_since(pod, clock),
        restarts,
        sidecar_restarts,
        created: pod_view::created(pod, clock),
        index: None,
    }
}

fn containers(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.as_ref();
    let init = status.and_then(|status| status.init_container_statuses.as_ref());
    let regular = status.and_then(|status| status.container_statuses.as_ref());
    init.into_iter().chain(regular).flatten()
}

pub(super) fn has_succeeded(pod: &Pod) -> bool {
    let status = pod.status.as_ref();
    status.is_some_and(|status| status.phase.as_deref() == Some("Succeeded"))
}

/// Whether the Pod counts as failed. One that is being deleted does, unless the Job awaits its end.
///
/// Rule: `isPodFailed`.
pub(super) fn has_failed(job: &Job, pod: &Pod) -> bool {
    if pod_view::has_ended(pod) {
        return !has_succeeded(pod);
    }
    pod.metadata.deletion_timestamp.is_some() && !awaits_terminating(job)
}

/// When the Pod ended: its last container, or else the Pod's readiness, or else its deletion's
/// beginning.
///
/// Rule: `pkg/controller/job/backoff_utils.go`, `getFinishedTime`.
pub(super) fn finished_at(pod: &Pod, clock: &Clock) -> Moment {
    let by_container = || {
        let status = pod.status.as_ref()?;
        let regular = status.container_statuses.iter().flatten();
        let ends = regular.chain(pod_view::sidecar_statuses(pod, status));
        let ends: Option<Vec<Moment>> = ends.map(|it| finish_of(it, clock)).collect();
        ends?.into_iter().max()
    };
    let by_readiness = || {
        let mut conditions = pod.status.as_ref()?.conditions.iter().flatten();
        let unready = conditions.find(|it| it.type_ == "Ready" && it.status == "False")?;
        Some(clock.moment_of(unready.last_transition_time.as_ref()?))
    };
    let by_deletion = || {
        let grace = seconds(pod.metadata.deletion_grace_period_seconds.unwrap_or(0));
        let end = clock.moment_of(pod.metadata.deletion_timestamp.as_ref()?);
        Some(Moment::from_start(end.since_start().saturating_sub(grace)))
    };
    by_container()
        .or_else(by_readiness)
        .or_else(by_deletion)
        .unwrap_or_else(|| pod_view::created(pod, clock))
}

fn finish_of(container: &ContainerStatus, clock: &Clock) -> Option<Moment> {
    let ended = container.state.as_ref()?.terminated.as_ref()?;
    Some(clock.moment_of(ended.finished_at.as_ref()?))
}

/// A new Pod of the Job.
pub(super) fn pod(job: &Job) -> Pod {
    let template = job.spec.as_ref().map(|spec| spec.template.clone());
    let mut pod = pod_template::pod(job, template.unwrap_or_default());
    let finalizers = pod.metadata.finalizers.get_or_insert_default();
    if !finalizers.iter().any(|it| it == TRACKING) {
        finalizers.push(TRACKING.to_owned());
    }
    pod
}

/// Whether the Job has not counted the Pod.
pub(super) fn is_tracked(pod: &Pod) -> bool {
    let mut finalizers = pod.metadata.finalizers.iter().flatten();
    finalizers.any(|it| it == TRACKING)
}

pub(super) fn untrack(pod: &mut Pod) {
    if let Some(finalizers) = &mut pod.metadata.finalizers {
        finalizers.retain(|it| it != TRACKING);
    }
}
