//! The status of a Job: its numbers, the Pods that it has yet to count, and its conditions.

use k8s_openapi::api::batch::v1::{Job, JobCondition, JobStatus, UncountedTerminatedPods};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use rules::Moment;
use rules::job::policy::Failure;
use rules::job::{Finish, Pods};

use super::indexed::Indexed;
use super::{completion_index, convert, policy};
use crate::clock::Clock;
use crate::controllers::counts;
use crate::kinds::uid;

const SUSPENDED: &str = "Suspended";

/// What one sync publishes.
pub(super) struct StatusUpdate<'a> {
    /// The indexes of an Indexed Job.
    pub(super) indexed: Option<&'a Indexed<'a>>,
    /// The Job's Pods.
    pub(super) numbers: Pods,
    /// Active Pods that are ready.
    pub(super) ready: usize,
    /// How the Job ends, if it does.
    pub(super) finish: Option<Finish>,
    /// The time of the sync.
    pub(super) now: Time,
}

/// The Pods that ended and have their finalizer.
#[derive(Default)]
pub(super) struct Ended<'a> {
    pub(super) succeeded: Vec<&'a Pod>,
    /// Those that count as failures.
    pub(super) failed: Vec<&'a Pod>,
    /// Those whose failure does not count.
    pub(super) ignored: Vec<&'a Pod>,
    /// Those of an Indexed Job without a valid index.
    strays: Vec<&'a Pod>,
}

impl<'a> Ended<'a> {
    /// Those that have ended.
    pub(super) fn of(job: &Job, pods: &'a [Pod]) -> Self {
        Self::sorted(job, pods, false)
    }

    /// Those that the Job has yet to count. When the Job fails, all that have not succeeded are
    /// failed. Until it ends, the failed Pod of an index is counted once another one replaces it.
    pub(super) fn uncounted(job: &Job, pods: &'a [Pod], update: &StatusUpdate<'_>) -> Self {
        let finish = update.finish.as_ref();
        let mut ended = Self::sorted(job, pods, finish.is_some_and(Finish::is_failure));
        if let (Some(indexed), None) = (update.indexed, finish) {
            for pods in [&mut ended.failed, &mut ended.ignored] {
                pods.retain(|pod| !indexed.awaits(pod));
            }
        }
        ended
    }

    fn sorted(job: &Job, pods: &'a [Pod], all_failed: bool) -> Self {
        let completions = completion_index::completions(job);
        let is_stray =
            |pod| completions.is_some_and(|most| completion_index::index(pod, most).is_none());
        let mut ended = Self::default();
        for pod in pods.iter().filter(|pod| convert::is_tracked(pod)) {
            let has_succeeded = convert::has_succeeded(pod);
            if !has_succeeded && !convert::has_failed(job, pod) && !all_failed {
                continue;
            }
            let list = if is_stray(pod) {
                &mut ended.strays
            } else if has_succeeded {
                &mut ended.succeeded
            } else if policy::failure(job, pod) == Failure::Ignored {
                &mut ended.ignored
            } else {
                &mut ended.failed
            };
            list.push(pod);
        }
        ended
    }

    pub(super) fn contains(&self, pod: &Pod) -> bool {
        let all = [&self.succeeded, &self.failed, &self.ignored, &self.strays];
        let mut all = all.into_iter().flatten();
        all.any(|found| uid(*found) == uid(pod))
    }
}

/// Pods that succeeded and are counted.
pub(super) fn succeeded(job: &Job) -> u32 {
    counts::from_api(job.status.as_ref().and_then(|status| status.succeeded))
}

/// Pods that failed and are counted.
pub(super) fn failed(job: &Job) -> u32 {
    counts::from_api(job.status.as_ref().and_then(|status| status.failed))
}

/// The condition of this type, if it is True.
pub(super) fn condition<'a>(status: &'a JobStatus, kind: &str) -> Option<&'a JobCondition> {
    let mut conditions = status.conditions.iter().flatten();
    conditions.find(|it| it.type_ == kind && it.status == "True")
}

/// The condition that ended the Job.
fn last_condition(job: &Job) -> Option<&JobCondition> {
    let status = job.status.as_ref()?;
    condition(status, "Complete").or_else(|| condition(status, "Failed"))
}

pub(super) fn is_finished(job: &Job) -> bool {
    last_condition(job).is_some()
}

pub(super) fn finished_at(job: &Job, clock: &Clock) -> Option<Moment> {
    let time = last_condition(job)?.last_transition_time.as_ref()?;
    Some(clock.moment_of(time))
}

/// How the Job ends, if an earlier sync has published that.
pub(super) fn finishing(job: &Job) -> Option<Finish> {
    let status = job.status.as_ref()?;
    let ends = [Finish::Complete, Finish::DeadlineExceeded];
    let mut interim = ends.iter().map(|finish| finish.conditions()[0]);
    let published = interim.find_map(|kind| condition(status, kind))?;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    Finish::of(&text(&published.reason), &text(&published.message))
}

/// Sets the start, and the condition of a Job that is or was suspended. Returns the reason and the
/// message of an Event about it.
pub(super) fn suspend_or_resume(
    job: &Job,
    update: &StatusUpdate<'_>,
    status: &mut JobStatus,
) -> Option<(&'static str, &'static str)> {
    let is_suspended = convert::is_suspended(job);
    if !is_suspended {
        status.start_time.get_or_insert(update.now.clone());
    }
    let was_suspended = condition(status, SUSPENDED).is_some();
    let is_deleted = job.metadata.deletion_timestamp.is_some();
    if update.finish.is_some() || is_deleted || is_suspended == was_suspended {
        return None;
    }
    let (value, reason, event, message) = if is_suspended {
        ("True", "JobSuspended", "Suspended", "Job suspended")
    } else {
        ("False", "JobResumed", "Resumed", "Job resumed")
    };
    let changed = JobCondition {
        status: value.to_owned(),
        ..new_condition(SUSPENDED, reason, message, &update.now)
    };
    let conditions = status.conditions.get_or_insert_default();
    match conditions.iter_mut().find(|it| it.type_ == SUSPENDED) {
        Some(found) => *found = changed,
        None => conditions.push(changed),
    }
    // The deadline counts from the resumption.
    status.start_time = (!is_suspended).then(|| update.now.clone());
    Some((event, message))
}

/// The status before the finalizers of `uncounted` are removed.
pub(super) fn begin(uncounted: &Ended<'_>, update: &StatusUpdate<'_>, status: &mut JobStatus) {
    // Pointers in Go's type, so their zero is published; `omitempty` drops `active`.
    status.active = counts::unless_zero(update.numbers.active);
    status.ready = Some(counts::to_api(update.ready));
    status.terminating = Some(counts::to_api(update.numbers.terminating));
    // The indexes tell which successes of an Indexed Job are counted.
    let succeeded = match update.indexed {
        Some(_) => None,
        None => uids(&uncounted.succeeded),
    };
    status.uncounted_terminated_pods = Some(UncountedTerminatedPods {
        succeeded,
        failed: uids(&uncounted.failed),
    });
    if let Some(indexed) = update.indexed {
        status.succeeded = counts::unless_zero(indexed.succeeded.total());
        let completed = indexed.succeeded.to_string();
        status.completed_indexes = Some(completed).filter(|text| !text.is_empty());
        status.failed_indexes = indexed.failed.as_ref().map(ToString::to_string);
    }
    if let Some(finish) = &update.finish {
        let [interim, _] = finish.conditions();
        if condition(status, interim).is_none() {
            let found = new_condition(interim, finish.reason(), finish.message(), &update.now);
            status.conditions.get_or_insert_default().push(found);
        }
    }
}

fn uids(pods: &[&Pod]) -> Option<Vec<String>> {
    (!pods.is_empty()).then(|| pods.iter().map(|pod| uid(*pod).to_owned()).collect())
}

/// The status once the finalizers are removed. Returns how the Job has ended, if it has: not
/// before all Pods have.
pub(super) fn end(
    uncounted: &Ended<'_>,
    update: &StatusUpdate<'_>,
    status: &mut JobStatus,
) -> Option<Finish> {
    status.uncounted_terminated_pods = Some(UncountedTerminatedPods::default());
    let succeeded = Some(&uncounted.succeeded).filter(|_| update.indexed.is_none());
    for (number, pods) in [
        (&mut status.succeeded, succeeded),
        (&mut status.failed, Some(&uncounted.failed)),
    ] {
        let added = pods.map_or(0, |pods| convert::number(pods));
        *number = counts::unless_zero(counts::from_api(*number) + added);
    }
    let is_over = update.numbers.terminating == 0;
    let finish = update.finish.clone().filter(|_| is_over)?;
    let [interim, last] = finish.conditions();
    let ended = JobCondition {
        type_: last.to_owned(),
        last_probe_time: Some(update.now.clone()),
        last_transition_time: Some(update.now.clone()),
        ..condition(status, interim)?.clone()
    };
    status.conditions.get_or_insert_default().push(ended);
    if !finish.is_failure() {
        status.completion_time = Some(update.now.clone());
    }
    Some(finish)
}

fn new_condition(kind: &str, reason: &str, message: &str, now: &Time) -> JobCondition {
    JobCondition {
        type_: kind.to_owned(),
        status: "True".to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_probe_time: Some(now.clone()),
        last_transition_time: Some(now.clone()),
    }
}
