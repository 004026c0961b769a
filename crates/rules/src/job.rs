//! Decides what a Job does next: whether it is finished, and how many Pods it creates or deletes.
//!
//! Indexed Jobs, Pod failure policies and success policies are not here.

pub mod failures;
pub mod surplus;

use std::time::Duration;

use crate::moment::Moment;
use failures::Failures;

/// The time by which the controller delays a sync after a change of a Pod or of the status.
///
/// Rule: `pkg/controller/job/job_controller.go`, `SyncJobBatchPeriod`.
pub const BATCH_PERIOD: Duration = Duration::from_secs(1);

/// The part of a Job that determines what happens to its Pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// `parallelism`.
    pub parallelism: u32,
    /// `completions`; without it the first success completes the Job.
    pub completions: Option<u32>,
    /// `backoffLimit`.
    pub back_off_limit: u32,
    /// Whether the template's restart policy is `OnFailure`.
    pub restarts_containers: bool,
    /// Whether a Pod that is being deleted is replaced only once it has ended, as the
    /// `podReplacementPolicy` `Failed` asks.
    pub awaits_terminating: bool,
    /// `activeDeadlineSeconds`.
    pub deadline: Option<Duration>,
    /// When it started.
    pub started: Moment,
    /// What it is in.
    pub state: State,
}

/// What a Job is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its Pods are created and deleted as needed.
    Active,
    /// `suspend`: it has no Pods.
    Suspended,
    /// It is being deleted: its Pods are left to the garbage collector.
    Deleted,
    /// An earlier sync has published the condition that precedes the end.
    Finishing(Finish),
}

/// The Job's Pods, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pods {
    /// Pods that have not ended and are not being deleted.
    pub active: u32,
    /// Pods that have not ended and are being deleted.
    pub terminating: u32,
    /// Pods that ended with success, since the Job was created.
    pub succeeded: u32,
    /// Pods that failed, since the Job was created. Those that are being deleted are among them,
    /// unless the Job awaits their end.
    pub failed: u32,
    /// Restarts of all containers in Pods that are pending or running.
    pub restarts: u32,
}

/// Why a Job is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// It has its completions.
    Complete,
    /// Too many Pods failed, or too many containers were restarted.
    BackoffLimitExceeded,
    /// It ran for longer than its deadline.
    DeadlineExceeded,
}

/// What a Job does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing until a Pod changes.
    Wait,
    /// Nothing until this moment, when Pods may be created.
    WaitUntil(Moment),
    /// Create this many Pods.
    Create(u32),
    /// Delete this many Pods.
    Delete(u32),
    /// Delete the active Pods; once none is left the Job is finished.
    Finish(Finish),
}

/// What to do at `now`. After [`Step::Delete`] it is asked again: the Job may be complete.
///
/// Rule: `pkg/controller/job/job_controller.go`, `syncJob` and `manageJob`.
pub fn step(job: &Job, pods: &Pods, failures: &Failures, now: Moment) -> Step {
    if let State::Finishing(finish) = job.state {
        return Step::Finish(finish);
    }
    if pods.failed > job.back_off_limit || job.has_too_many_restarts(pods) {
        return Step::Finish(Finish::BackoffLimitExceeded);
    }
    if job.deadline_at().is_some_and(|deadline| deadline <= now) {
        return Step::Finish(Finish::DeadlineExceeded);
    }
    let wanted = job.wanted(pods);
    if pods.active > wanted {
        return Step::Delete(pods.active - wanted);
    }
    // The first success without a number of completions ends the Job once all others have ended.
    let is_enough = job
        .completions
        .map_or(pods.succeeded > 0, |it| pods.succeeded >= it);
    let awaited = if job.awaits_terminating {
        pods.terminating
    } else {
        0
    };
    match (wanted - pods.active).saturating_sub(awaited) {
        0 if is_enough && pods.active == 0 => Step::Finish(Finish::Complete),
        0 => Step::Wait,
        missing => match failures.next_pod() {
            // Rule: the same file, `enqueueSyncJobWithDelay`.
            Some(due) if now < due => Step::WaitUntil(due.max(now + BATCH_PERIOD)),
            _ => Step::Create(missing),
        },
    }
}

impl Job {
    /// When the Job fails for having run too long. A suspended Job does not run.
    pub fn deadline_at(&self) -> Option<Moment> {
        let deadline = self.deadline?;
        (self.state != State::Suspended).then(|| self.started + deadline)
    }

    /// The number of Pods that should be active.
    fn wanted(&self, pods: &Pods) -> u32 {
        match (self.state, self.completions) {
            (State::Suspended, _) => 0,
            (State::Deleted, _) => pods.active,
            (_, Some(completions)) => self
                .parallelism
                .min(completions.saturating_sub(pods.succeeded)),
            (_, None) if pods.succeeded > 0 => pods.active,
            (_, None) => self.parallelism,
        }
    }

    /// Rule: the same file, `pastBackoffLimitOnFailure`.
    fn has_too_many_restarts(&self, pods: &Pods) -> bool {
        self.restarts_containers && pods.restarts >= self.back_off_limit.max(1)
    }
}

impl Finish {
    /// Whether the Job has failed.
    pub fn is_failure(self) -> bool {
        self != Self::Complete
    }

    /// The reason of the conditions.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Complete => "CompletionsReached",
            Self::BackoffLimitExceeded => "BackoffLimitExceeded",
            Self::DeadlineExceeded => "DeadlineExceeded",
        }
    }

    /// The message of the conditions.
    pub fn message(self) -> &'static str {
        match self {
            Self::Complete => "Reached expected number of succeeded pods",
            Self::BackoffLimitExceeded => "Job has reached the specified backoff limit",
            Self::DeadlineExceeded => "Job was active longer than specified deadline",
        }
    }

    /// The condition that is True while Pods are still being deleted, and the one that ends the
    /// Job.
    pub fn conditions(self) -> [&'static str; 2] {
        if self.is_failure() {
            ["FailureTarget", "Failed"]
        } else {
            ["SuccessCriteriaMet", "Complete"]
        }
    }
}

#[cfg(test)]
mod tests;
