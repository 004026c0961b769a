//! Decides what a Job does next: whether it is finished, and how many Pods it creates or deletes.

pub mod failures;
pub mod indexes;
pub mod policy;
pub mod surplus;

use std::time::Duration;

use crate::moment::Moment;
use failures::Failures;

/// The time by which the controller delays a sync after a change of a Pod or of the status.
///
/// Rule: `pkg/controller/job/job_controller.go`, `SyncJobBatchPeriod`.
pub const BATCH_PERIOD: Duration = Duration::from_secs(1);

/// The part of a Job that determines what happens to its Pods.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Whether each index has a back-off and a limit of its own, as `backoffLimitPerIndex` asks.
    pub backs_off_by_index: bool,
    /// `maxFailedIndexes`.
    pub max_failed_indexes: Option<u32>,
    /// When it started.
    pub started: Moment,
    /// What it is in.
    pub state: State,
}

/// What a Job is in.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// The Job's Pods, counted, and what its policies make of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pods {
    /// Pods that have not ended and are not being deleted.
    pub active: u32,
    /// Active Pods of an Indexed Job whose index another one has, or that have no valid one.
    pub misplaced: u32,
    /// Pods that have not ended and are being deleted.
    pub terminating: u32,
    /// Pods that ended with success, since the Job was created; of an Indexed Job the indexes that
    /// have one.
    pub succeeded: u32,
    /// Pods that failed and count, since the Job was created. Those that are being deleted are
    /// among them, unless the Job awaits their end.
    pub failed: u32,
    /// Indexes that failed.
    pub failed_indexes: u32,
    /// Restarts of all containers in Pods that are pending or running.
    pub restarts: u32,
    /// The message about a Pod whose failure ends the Job by its `podFailurePolicy`.
    pub fatal: Option<String>,
    /// The place of the rule of `successPolicy` that is fulfilled.
    pub success_rule: Option<usize>,
}

/// Why a Job is finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// It has its completions.
    Complete,
    /// It has the successes that a rule of `successPolicy` asks for; with the message about the
    /// rule.
    SuccessPolicy(String),
    /// A Pod failed in a way that `podFailurePolicy` names; with the message about it.
    PodFailurePolicy(String),
    /// Too many Pods failed, or too many containers were restarted.
    BackoffLimitExceeded,
    /// It ran for longer than its deadline.
    DeadlineExceeded,
    /// More indexes failed than may.
    MaxFailedIndexesExceeded,
    /// Every index has ended, some of them with failure.
    FailedIndexes,
}

/// What a Job does next.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    if let State::Finishing(finish) = &job.state {
        return Step::Finish(finish.clone());
    }
    if let Some(message) = &pods.fatal {
        return Step::Finish(Finish::PodFailurePolicy(message.clone()));
    }
    if pods.failed > job.back_off_limit || job.has_too_many_restarts(pods) {
        return Step::Finish(Finish::BackoffLimitExceeded);
    }
    if job.deadline_at().is_some_and(|deadline| deadline <= now) {
        return Step::Finish(Finish::DeadlineExceeded);
    }
    if let Some(failure) = job.failure_by_index(pods) {
        return Step::Finish(failure);
    }
    if let Some(rule) = pods.success_rule {
        let message = format!("Matched rules at index {rule}");
        return Step::Finish(Finish::SuccessPolicy(message));
    }
    let wanted = job.wanted(pods);
    let surplus = pods.active.saturating_sub(wanted);
    // Those of a deleted Job are left alone.
    if job.state != State::Deleted && surplus.max(pods.misplaced) > 0 {
        return Step::Delete(surplus.max(pods.misplaced));
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
            Some(due) if now < due && !job.backs_off_by_index => Step::WaitUntil(delayed(due, now)),
            _ => Step::Create(missing),
        },
    }
}

/// When a sync that is due at a moment takes place.
///
/// Rule: the same file, `enqueueSyncJobWithDelay`.
pub fn delayed(due: Moment, now: Moment) -> Moment {
    due.max(now + BATCH_PERIOD)
}

impl Job {
    /// When the Job fails for having run too long. A suspended Job does not run.
    pub fn deadline_at(&self) -> Option<Moment> {
        let deadline = self.deadline?;
        (self.state != State::Suspended).then(|| self.started + deadline)
    }

    /// The number of Pods that should be active.
    fn wanted(&self, pods: &Pods) -> u32 {
        match (&self.state, self.completions) {
            (State::Suspended, _) => 0,
            (State::Deleted, _) => pods.active,
            (_, Some(completions)) => self
                .parallelism
                .min(completions.saturating_sub(pods.succeeded)),
            (_, None) if pods.succeeded > 0 => pods.active,
            (_, None) => self.parallelism,
        }
    }

    fn failure_by_index(&self, pods: &Pods) -> Option<Finish> {
        let failed = pods.failed_indexes;
        if self.max_failed_indexes.is_some_and(|most| failed > most) {
            return Some(Finish::MaxFailedIndexesExceeded);
        }
        let ended = failed.saturating_add(pods.succeeded);
        let have_all_ended = self.completions.is_some_and(|it| ended >= it);
        (failed > 0 && have_all_ended).then_some(Finish::FailedIndexes)
    }

    /// Rule: the same file, `pastBackoffLimitOnFailure`.
    fn has_too_many_restarts(&self, pods: &Pods) -> bool {
        self.restarts_containers && pods.restarts >= self.back_off_limit.max(1)
    }
}

impl Finish {
    /// Whether the Job has failed.
    pub fn is_failure(&self) -> bool {
        !matches!(self, Self::Complete | Self::SuccessPolicy(_))
    }

    /// The reason of the conditions.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Complete => "CompletionsReached",
            Self::SuccessPolicy(_) => "SuccessPolicy",
            Self::PodFailurePolicy(_) => "PodFailurePolicy",
            Self::BackoffLimitExceeded => "BackoffLimitExceeded",
            Self::DeadlineExceeded => "DeadlineExceeded",
            Self::MaxFailedIndexesExceeded => "MaxFailedIndexesExceeded",
            Self::FailedIndexes => "FailedIndexes",
        }
    }

    /// The end with this reason and message of its conditions.
    pub fn of(reason: &str, message: &str) -> Option<Self> {
        let all = [
            Self::Complete,
            Self::SuccessPolicy(message.to_owned()),
            Self::PodFailurePolicy(message.to_owned()),
            Self::BackoffLimitExceeded,
            Self::DeadlineExceeded,
            Self::MaxFailedIndexesExceeded,
            Self::FailedIndexes,
        ];
        all.into_iter().find(|finish| finish.reason() == reason)
    }

    /// The message of the conditions.
    pub fn message(&self) -> &str {
        match self {
            Self::Complete => "Reached expected number of succeeded pods",
            Self::SuccessPolicy(message) | Self::PodFailurePolicy(message) => message,
            Self::BackoffLimitExceeded => "Job has reached the specified backoff limit",
            Self::DeadlineExceeded => "Job was active longer than specified deadline",
            Self::MaxFailedIndexesExceeded => {
                "Job has exceeded the specified maximal number of failed indexes"
            }
            Self::FailedIndexes => "Job has failed indexes",
        }
    }

    /// The condition that is True while Pods are still being deleted, and the one that ends the
    /// Job.
    pub fn conditions(&self) -> [&'static str; 2] {
        if self.is_failure() {
            ["FailureTarget", "Failed"]
        } else {
            ["SuccessCriteriaMet", "Complete"]
        }
    }
}

#[cfg(test)]
mod tests;
