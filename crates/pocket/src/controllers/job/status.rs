//! The status of a Job: its numbers, the Pods that it has yet to count, and its conditions.

use k8s_openapi::api::batch::v1::{Job, JobCondition, JobStatus, UncountedTerminatedPods};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use rules::Moment;
use rules::job::{Finish, Pods};

use super::convert;
use crate::clock::Clock;
use crate::controllers::counts;
use crate::kinds::uid;

const SUSPENDED: &str = "Suspended";

/// What one sync publishes.
pub(super) struct StatusUpdate {
    /// The Job's Pods.
    pub(super) numbers: Pods,
    /// Active Pods that are ready.
    pub(super) ready: usize,
    /// How the Job ends, if it does.
    pub(super) finish: Option<Finish>,
    /// The time of the sync.
    pub(super) now: Time,
}

/// The Pods that the Job has yet to count.
pub(super) struct Ended<'a> {
    pub(super) succeeded: Vec<&'a Pod>,
    pub(super) failed: Vec<&'a Pod>,
}

impl<'a> Ended<'a> {
    /// Those that have ended.
    pub(super) fn of(job: &Job, pods: &'a [Pod]) -> Self {
        Self::uncounted(job, pods, None)
    }

    /// Those that have ended. When the Job fails, all that have not succeeded are failed.
    pub(super) fn uncounted(job: &Job, pods: &'a [Pod], finish: Option<Finish>) -> Self {
        let tracked = || pods.iter().filter(|pod| convert::is_tracked(pod));
        let all_failed = finish.is_some_and(Finish::is_failure);
        let has_failed = |pod: &&Pod| {
            convert::has_failed(job, pod) || all_failed && !convert::has_succeeded(pod)
        };
        Self {
            succeeded: tracked()
                .filter(|pod| convert::has_succeeded(pod))
                .collect(),
            failed: tracked().filter(has_failed).collect(),
        }
    }

    pub(super) fn contains(&self, pod: &Pod) -> bool {
        let mut all = self.succeeded.iter().chain(&self.failed);
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
    if condition(status, Finish::Complete.conditions()[0]).is_some() {
        return Some(Finish::Complete);
    }
    let failures = [Finish::DeadlineExceeded, Finish::BackoffLimitExceeded];
    let published = condition(status, failures[0].conditions()[0])?;
    let reason = published.reason.as_deref();
    let mut failures = failures.into_iter();
    failures.find(|failure| reason == Some(failure.reason()))
}

/// Sets the start, and the condition of a Job that is or was suspended. Returns the reason and the
/// message of an Event about it.
pub(super) fn suspend_or_resume(
    job: &Job,
    update: &StatusUpdate,
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
pub(super) fn begin(uncounted: &Ended<'_>, update: &StatusUpdate, status: &mut JobStatus) {
    // Pointers in Go's type, so their zero is published; `omitempty` drops `active`.
    status.active = counts::unless_zero(update.numbers.active);
    status.ready = Some(counts::to_api(update.ready));
    status.terminating = Some(counts::to_api(update.numbers.terminating));
    status.uncounted_terminated_pods = Some(UncountedTerminatedPods {
        succeeded: uids(&uncounted.succeeded),
        failed: uids(&uncounted.failed),
    });
    if let Some(finish) = update.finish {
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
    update: &StatusUpdate,
    status: &mut JobStatus,
) -> Option<Finish> {
    status.uncounted_terminated_pods = Some(UncountedTerminatedPods::default());
    for (number, pods) in [
        (&mut status.succeeded, &uncounted.succeeded),
        (&mut status.failed, &uncounted.failed),
    ] {
        *number = counts::unless_zero(counts::from_api(*number) + convert::number(pods));
    }
    let finish = update.finish.filter(|_| update.numbers.terminating == 0)?;
    let [interim, last] = finish.conditions();
    let ended = JobCondition {
        type_: last.to_owned(),
        last_probe_time: Some(update.now.clone()),
        last_transition_time: Some(update.now.clone()),
        ..condition(status, interim)?.clone()
    };
    status.conditions.get_or_insert_default().push(ended);
    if finish == Finish::Complete {
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
