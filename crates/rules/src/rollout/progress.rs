//! A Deployment's status: its counts, and the conditions `Available`, `Progressing` and
//! `ReplicaFailure`.
//!
//! Sizes are decided elsewhere. Nothing is rolled back when the deadline passes.
//!
//! Rule: `pkg/controller/deployment/sync.go`, `calculateStatus`;
//! `pkg/controller/deployment/progress.go`.

use std::time::Duration;

use super::{Deployment, Set};
use crate::moment::Moment;

/// A Deployment's status, without its generation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Pods of all its ReplicaSets.
    pub replicas: u32,
    /// Pods of the current template.
    pub updated: u32,
    /// Ready Pods.
    pub ready: u32,
    /// Available Pods.
    pub available: u32,
    /// Wanted Pods of all ReplicaSets that are not available.
    pub unavailable: u32,
    /// Pods being deleted.
    pub terminating: u32,
    /// The condition `Available`; absent only before the first sync.
    pub availability: Option<Condition>,
    /// The condition `Progressing`; absent without a deadline.
    pub progressing: Option<Condition>,
    /// The condition `ReplicaFailure`; present while a ReplicaSet has one.
    pub failure: Option<Condition>,
}

/// A condition of a Deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Its status.
    pub status: ConditionStatus,
    /// A reason for programs.
    pub reason: String,
    /// A message for people.
    pub message: String,
    /// When it was last updated, in whole seconds.
    pub updated: Moment,
    /// When its status last changed, in whole seconds.
    pub changed: Moment,
}

/// The status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Whether it holds is not known, as that of a paused rollout.
    Unknown,
}

impl From<bool> for ConditionStatus {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// The reason of a complete rollout.
const COMPLETE: &str = "NewReplicaSetAvailable";
/// The reason once the deadline has passed since the last progress.
const TIMED_OUT: &str = "ProgressDeadlineExceeded";
/// The reason while a Deployment is paused.
const PAUSED: &str = "DeploymentPaused";
/// The reason once the ReplicaSet of the current template could not be created.
pub const NOT_CREATED: &str = "ReplicaSetCreateError";

/// A step of a rollout, or its pause, that the condition `Progressing` reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice<'a> {
    /// The ReplicaSet with this name was created for the current template.
    Created(&'a str),
    /// The ReplicaSet for the current template could not be created; the whole message.
    NotCreated(&'a str),
    /// The ReplicaSet with this name and the current template existed already.
    Found(&'a str),
    /// The Deployment was paused.
    Paused,
    /// The Deployment was resumed.
    Resumed,
}

impl Notice<'_> {
    /// The condition `Progressing` that reports this notice.
    ///
    /// Rule: `pkg/controller/deployment/sync.go`, `getNewReplicaSet` and `checkPausedConditions`.
    pub fn condition(self, before: Option<&Condition>, now: Moment) -> Condition {
        use ConditionStatus::{False, True, Unknown};
        let (status, reason, message) = match self {
            Self::Created(set) => (
                True,
                "NewReplicaSetCreated",
                format!("Created new replica set \"{set}\""),
            ),
            Self::NotCreated(message) => (False, NOT_CREATED, message.to_owned()),
            Self::Found(set) => (
                True,
                "FoundNewReplicaSet",
                format!("Found new replica set \"{set}\""),
            ),
            Self::Paused => (Unknown, PAUSED, "Deployment is paused".to_owned()),
            Self::Resumed => (
                Unknown,
                "DeploymentResumed",
                "Deployment is resumed".to_owned(),
            ),
        };
        Condition::new(status, reason, message, now).after(before)
    }
}

impl Deployment {
    /// The pause or its end that the condition `Progressing` does not report yet, if any.
    ///
    /// Rule: `pkg/controller/deployment/sync.go`, `checkPausedConditions`.
    pub fn pause_notice(&self, progressing: Option<&Condition>) -> Option<Notice<'static>> {
        self.deadline?;
        let reason = progressing.map(|condition| condition.reason.as_str());
        match (self.paused, reason) {
            // A reported lack of progress is kept, also through a pause.
            (_, Some(TIMED_OUT)) | (true, Some(PAUSED)) => None,
            (true, _) => Some(Notice::Paused),
            (false, Some(PAUSED)) => Some(Notice::Resumed),
            (false, _) => None,
        }
    }

    /// The next status, given the one published `before`.
    pub fn status(&self, new: Option<&Set>, old: &[Set], before: &Status, now: Moment) -> Status {
        let mut status = count(new, old);
        let availability = self.availability(&status, now);
        status.availability = Some(availability.after(before.availability.as_ref()));
        status.progressing = self.progressing(new, &status, before, now);
        status.failure = self.failure(new, old, before);
        status
    }

    /// The failure of the newest ReplicaSet that has one. A paused Deployment keeps the one that it
    /// has.
    ///
    /// Rule: `pkg/controller/deployment/progress.go`, `getReplicaFailures`.
    fn failure(&self, new: Option<&Set>, old: &[Set], before: &Status) -> Option<Condition> {
        if self.paused {
            return before.failure.clone();
        }
        let failure = new
            .into_iter()
            .chain(old)
            .find_map(|set| set.failure.clone());
        Some(failure?.after(before.failure.as_ref()))
    }

    /// When to sync again if nothing happens: a second after the deadline, as conditions have whole
    /// seconds.
    ///
    /// Rule: `pkg/controller/deployment/progress.go`, `requeueStuckDeployment`.
    pub fn next_check(&self, status: &Status, now: Moment) -> Option<Moment> {
        let condition = status.progressing.as_ref()?;
        let end = condition.updated + self.deadline?;
        let decided = condition.reason == COMPLETE || condition.reason == TIMED_OUT;
        if self.paused || self.is_complete(status) || decided {
            return None;
        }
        let second = Duration::from_secs(1);
        // With less than a second left, upstream requeues with a growing delay. Only the first
        // check past the deadline matters, so that one is named here.
        let soon = end.since(now) < second;
        Some(if soon {
            now.max(end) + Duration::from_millis(1)
        } else {
            end + second
        })
    }

    /// Whether the Deployment has exactly as many Pods as it asks for, and all of them have the
    /// current template and are available.
    pub fn is_complete(&self, status: &Status) -> bool {
        [status.replicas, status.updated, status.available] == [self.replicas; 3]
    }

    fn availability(&self, status: &Status, now: Moment) -> Condition {
        let (holds, reason, message) = if status.available >= self.replicas - self.unavailable() {
            (
                true,
                "MinimumReplicasAvailable",
                "Deployment has minimum availability.",
            )
        } else {
            let message = "Deployment does not have minimum availability.";
            (false, "MinimumReplicasUnavailable", message)
        };
        Condition::new(holds.into(), reason, message.to_owned(), now)
    }

    /// A complete rollout stays complete until the next one, even if Pods become unavailable.
    ///
    /// Rule: `pkg/controller/deployment/progress.go`, `syncRolloutStatus`.
    fn progressing(
        &self,
        new: Option<&Set>,
        status: &Status,
        before: &Status,
        now: Moment,
    ) -> Option<Condition> {
        self.deadline?;
        let present = before.progressing.as_ref();
        let was_complete = present.is_some_and(|condition| condition.reason == COMPLETE);
        // With Pods of the current template only, there is no rollout whose progress could be
        // estimated.
        if self.paused || (was_complete && status.replicas == status.updated) {
            return present.cloned();
        }
        let condition = |holds: bool, reason, what| {
            Condition::new(holds.into(), reason, self.subject(new) + what, now)
        };
        if self.is_complete(status) {
            Some(condition(true, COMPLETE, " has successfully progressed.").after(present))
        } else if has_progressed(status, before) {
            let updated = condition(true, "ReplicaSetUpdated", " is progressing.");
            // Not `after`: progress moves the update time even if status and reason stay, since the
            // deadline counts from it.
            Some(Condition {
                changed: unchanged_since(present, updated.status).unwrap_or(now.whole_second()),
                ..updated
            })
        } else if self.has_timed_out(present, now) {
            Some(condition(false, TIMED_OUT, " has timed out progressing.").after(present))
        } else {
            present.cloned()
        }
    }

    /// The subject of a message about progress: the new ReplicaSet, or the Deployment without one.
    fn subject(&self, new: Option<&Set>) -> String {
        match new {
            Some(new) => format!("ReplicaSet \"{}\"", new.name),
            None => format!("Deployment \"{}\"", self.name),
        }
    }

    /// Rule: `pkg/controller/deployment/util/deployment_util.go`, `DeploymentTimedOut`.
    fn has_timed_out(&self, present: Option<&Condition>, now: Moment) -> bool {
        let (Some(condition), Some(deadline)) = (present, self.deadline) else {
            return false;
        };
        match condition.reason.as_str() {
            COMPLETE => false,
            TIMED_OUT => true,
            _ => condition.updated + deadline < now,
        }
    }
}

impl Condition {
    fn new(status: ConditionStatus, reason: &str, message: String, now: Moment) -> Self {
        let now = now.whole_second();
        Self {
            status,
            reason: reason.to_owned(),
            message,
            updated: now,
            changed: now,
        }
    }

    /// The condition to publish after `before`: unchanged if status and reason are the same.
    ///
    /// Rule: `pkg/controller/deployment/util/deployment_util.go`, `SetDeploymentCondition`.
    fn after(self, before: Option<&Self>) -> Self {
        match before {
            Some(before) if before.status == self.status && before.reason == self.reason => {
                before.clone()
            }
            before => Self {
                changed: unchanged_since(before, self.status).unwrap_or(self.changed),
                ..self
            },
        }
    }
}

fn unchanged_since(before: Option<&Condition>, status: ConditionStatus) -> Option<Moment> {
    before
        .filter(|before| before.status == status)
        .map(|before| before.changed)
}

fn count(new: Option<&Set>, old: &[Set]) -> Status {
    let sum = |number: fn(&Set) -> u32| old.iter().chain(new).map(number).sum::<u32>();
    let available = sum(|set| set.available);
    Status {
        replicas: sum(|set| set.replicas),
        updated: new.map_or(0, |new| new.replicas),
        ready: sum(|set| set.ready),
        available,
        // While a set shrinks, more Pods than are wanted may be available.
        unavailable: sum(|set| set.wanted).saturating_sub(available),
        terminating: sum(|set| set.terminating),
        ..Status::default()
    }
}

/// Rule: `pkg/controller/deployment/util/deployment_util.go`, `DeploymentProgressing`.
fn has_progressed(status: &Status, before: &Status) -> bool {
    let old = |status: &Status| status.replicas.saturating_sub(status.updated);
    status.updated > before.updated
        || old(status) < old(before)
        // An old Pod that gets ready again counts too, so a flapping one resets the deadline of a
        // broken rollout.
        || status.ready > before.ready
        || status.available > before.available
}

#[cfg(test)]
mod tests {
    use super::super::Strategy;
    use super::*;

    const NOW: Moment = Moment::from_millis(100_400);

    fn deployment() -> Deployment {
        let deadline = Some(Duration::from_secs(20));
        Deployment {
            name: "web".to_owned(),
            replicas: 1,
            present: 0,
            strategy: Strategy::DEFAULT,
            paused: false,
            deadline,
        }
    }

    fn set(name: &str, replicas: u32, available: u32) -> Set {
        let name = name.to_owned();
        Set {
            name,
            wanted: replicas,
            replicas,
            ready: available,
            available,
            ..Set::default()
        }
    }

    fn condition(reason: &str, holds: bool, updated: u64) -> Condition {
        Condition::new(
            holds.into(),
            reason,
            String::new(),
            Moment::from_secs(updated),
        )
    }

    fn before(reason: &str, updated: u64, numbers: (u32, u32, u32)) -> Status {
        let (replicas, updated_replicas, available) = numbers;
        Status {
            replicas,
            updated: updated_replicas,
            ready: available,
            available,
            progressing: Some(condition(reason, reason != TIMED_OUT, updated)),
            ..Status::default()
        }
    }

    fn reason(status: &Status) -> (&str, bool) {
        let condition = status.progressing.as_ref().unwrap();
        let holds = condition.status == ConditionStatus::True;
        (&condition.reason, holds)
    }

    #[test]
    fn numbers_are_sums_but_for_the_updated() {
        let old = [set("old", 3, 2)];
        let status = deployment().status(Some(&set("new", 2, 0)), &old, &Status::default(), NOW);
        let numbers = [
            status.replicas,
            status.updated,
            status.ready,
            status.available,
        ];
        assert_eq!((numbers, status.unavailable), ([5, 2, 2, 2], 3));
    }

    #[test]
    fn availability_allows_for_what_may_be_missing() {
        let check = |replicas, available, expected: (bool, &str)| {
            let deployment = Deployment {
                replicas,
                ..deployment()
            };
            let new = set("new", replicas, available);
            let status = deployment.status(Some(&new), &[], &Status::default(), NOW);
            let found = status.availability.unwrap();
            assert_eq!(
                (found.status, found.reason.as_str()),
                (ConditionStatus::from(expected.0), expected.1),
                "{available}/{replicas}"
            );
        };
        check(1, 0, (false, "MinimumReplicasUnavailable"));
        check(1, 1, (true, "MinimumReplicasAvailable"));
        check(4, 3, (true, "MinimumReplicasAvailable"));
        check(4, 2, (false, "MinimumReplicasUnavailable"));
        check(0, 0, (true, "MinimumReplicasAvailable"));
    }

    #[test]
    fn a_rollout_progresses_completes_or_times_out() {
        let check = |what: &str, before: Status, new: Set, old: &[Set], expected: (&str, bool)| {
            let status = deployment().status(Some(&new), old, &before, NOW);
            assert_eq!(reason(&status), expected, "{what}");
        };
        let updated = "ReplicaSetUpdated";
        let stuck = |since| before(updated, since, (2, 1, 1));
        let (new, old) = (set("new", 1, 0), [set("old", 1, 1)]);
        check(
            "first Pod",
            before("NewReplicaSetCreated", 99, (1, 0, 1)),
            new.clone(),
            &old,
            (updated, true),
        );
        check("waiting", stuck(81), new.clone(), &old, (updated, true));
        check("too long", stuck(80), new.clone(), &old, (TIMED_OUT, false));
        check(
            "for good",
            before(TIMED_OUT, 99, (2, 1, 1)),
            new,
            &old,
            (TIMED_OUT, false),
        );
        let late = before(TIMED_OUT, 99, (2, 1, 1));
        check(
            "late progress",
            late.clone(),
            set("new", 1, 1),
            &old,
            (updated, true),
        );
        check(
            "late completion",
            late,
            set("new", 1, 1),
            &[],
            (COMPLETE, true),
        );
        let complete = before(COMPLETE, 0, (1, 1, 1));
        check(
            "lost Pod",
            complete,
            set("new", 1, 0),
            &[],
            (COMPLETE, true),
        );
    }

    #[test]
    fn the_message_names_the_replica_set() {
        let (new, old) = (set("web-abc", 1, 0), [set("old", 1, 1)]);
        let before = before("ReplicaSetUpdated", 0, (2, 1, 1));
        let status = deployment().status(Some(&new), &old, &before, NOW);
        let expected = "ReplicaSet \"web-abc\" has timed out progressing.";
        assert_eq!(status.progressing.unwrap().message, expected);
    }

    #[test]
    fn without_a_replica_set_the_message_names_the_deployment() {
        let before = before("DeploymentResumed", 0, (1, 0, 0));
        let status = deployment().status(None, &[set("old", 1, 0)], &before, NOW);
        let expected = "Deployment \"web\" has timed out progressing.";
        assert_eq!(status.progressing.unwrap().message, expected);
    }

    #[test]
    fn whether_a_paused_rollout_progresses_is_unknown() {
        let check = |paused, before: &str, expected: Option<&str>| {
            let deployment = Deployment {
                paused,
                ..deployment()
            };
            let before = condition(before, true, 5);
            let notice = deployment.pause_notice(Some(&before));
            let found = notice.map(|notice| notice.condition(Some(&before), NOW));
            let found = found.map(|found| (found.status, found.reason));
            let expected = expected.map(|it| (ConditionStatus::Unknown, it.to_owned()));
            assert_eq!(found, expected, "{}", before.reason);
        };
        check(true, COMPLETE, Some(PAUSED));
        check(true, PAUSED, None);
        check(false, PAUSED, Some("DeploymentResumed"));
        check(false, COMPLETE, None);
        check(true, TIMED_OUT, None);
    }

    #[test]
    fn the_new_set_s_failure_comes_before_an_old_one_s() {
        let failed = |name: &str| Set {
            failure: Some(condition(name, true, 5)),
            ..set(name, 1, 0)
        };
        let check = |new: &Set, old: &[Set], before, paused, expected: Option<(&str, u64)>| {
            let deployment = Deployment {
                paused,
                ..deployment()
            };
            let before = Status {
                failure: Option::map(before, |reason| condition(reason, true, 1)),
                ..Status::default()
            };
            let failure = deployment.status(Some(new), old, &before, NOW).failure;
            let found = failure.map(|found| (found.reason, found.updated));
            let expected =
                expected.map(|(reason, second)| (reason.to_owned(), Moment::from_secs(second)));
            assert_eq!(found, expected);
        };
        let (good, new, old) = (set("good", 1, 1), failed("new"), [failed("old")]);
        check(&new, &old, None, false, Some(("new", 5)));
        check(&good, &old, None, false, Some(("old", 5)));
        check(&good, &old, Some("old"), false, Some(("old", 1)));
        check(&good, &[], Some("old"), false, None);
        check(&good, &[], Some("old"), true, Some(("old", 1)));
    }

    #[test]
    fn progress_is_written_every_time_other_news_once() {
        let (new, old) = (set("new", 1, 1), [set("old", 1, 1)]);
        let progress = before("ReplicaSetUpdated", 90, (2, 1, 1));
        let progress = Status {
            ready: 0,
            available: 0,
            ..progress
        };
        let found = deployment()
            .status(Some(&new), &old, &progress, NOW)
            .progressing
            .unwrap();
        assert_eq!(
            (found.updated, found.changed),
            (Moment::from_secs(100), Moment::from_secs(90))
        );

        let late = before(TIMED_OUT, 90, (2, 1, 1));
        let stuck = deployment().status(Some(&set("new", 1, 0)), &old, &late, NOW);
        assert_eq!(stuck.progressing, late.progressing);
    }

    #[test]
    fn a_new_rollout_starts_the_deadline_again() {
        let before = condition(COMPLETE, true, 5);
        let created = Notice::Created("web-abc").condition(Some(&before), NOW);
        assert_eq!(created.message, "Created new replica set \"web-abc\"");
        assert_eq!(
            (created.updated, created.changed),
            (Moment::from_secs(100), Moment::from_secs(5))
        );
    }

    #[test]
    fn without_a_deadline_there_is_no_progressing_condition() {
        let deployment = Deployment {
            deadline: None,
            ..deployment()
        };
        let before = before("ReplicaSetUpdated", 0, (1, 1, 0));
        let status = deployment.status(Some(&set("new", 1, 0)), &[], &before, NOW);
        assert_eq!(status.progressing, None);
        assert_eq!(deployment.next_check(&status, NOW), None);
    }

    #[test]
    fn the_deadline_is_looked_at_again() {
        let check = |reason: &str, updated, expected| {
            let status = before(reason, updated, (2, 1, 1));
            assert_eq!(
                deployment().next_check(&status, NOW),
                expected,
                "{reason} at {updated}"
            );
        };
        check("ReplicaSetUpdated", 100, Some(Moment::from_secs(121)));
        check("ReplicaSetUpdated", 81, Some(Moment::from_millis(101_001)));
        check("ReplicaSetUpdated", 60, Some(Moment::from_millis(100_401)));
        check(TIMED_OUT, 100, None);
        check(COMPLETE, 60, None);
        let complete = before("ReplicaSetUpdated", 100, (1, 1, 1));
        assert_eq!(deployment().next_check(&complete, NOW), None);
    }
}
