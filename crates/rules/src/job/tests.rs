//! A Job from one sync to the next.

use super::*;

const NOW: Moment = Moment::from_secs(100);

/// Three completions, two at a time.
const JOB: Job = Job {
    parallelism: 2,
    completions: Some(3),
    back_off_limit: 2,
    restarts_containers: false,
    awaits_terminating: false,
    deadline: None,
    backs_off_by_index: false,
    max_failed_indexes: None,
    started: Moment::from_secs(90),
    state: State::Active,
};

const NONE: Pods = Pods {
    active: 0,
    misplaced: 0,
    terminating: 0,
    succeeded: 0,
    failed: 0,
    failed_indexes: 0,
    restarts: 0,
    fatal: None,
    success_rule: None,
};

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "both are written in place")]
fn check(job: &Job, pods: Pods, expected: Step) {
    assert_eq!(step(job, &pods, &Failures::default(), NOW), expected);
}

#[test]
fn pods_are_active_up_to_the_parallelism_and_the_completions_left() {
    check(&JOB, NONE, Step::Create(2));
    let active = |active, succeeded| Pods {
        active,
        succeeded,
        ..NONE
    };
    check(&JOB, active(2, 0), Step::Wait);
    check(&JOB, active(1, 1), Step::Create(1));
    check(&JOB, active(1, 2), Step::Wait);
    check(&JOB, active(0, 3), Step::Finish(Finish::Complete));
    check(&JOB, active(2, 2), Step::Delete(1));
}

#[test]
fn without_completions_the_first_success_is_enough() {
    let job = Job {
        completions: None,
        ..JOB
    };
    check(&job, NONE, Step::Create(2));
    let running = Pods {
        active: 1,
        succeeded: 1,
        ..NONE
    };
    check(&job, running.clone(), Step::Wait);
    let ended = Pods {
        active: 0,
        ..running
    };
    check(&job, ended, Step::Finish(Finish::Complete));
}

#[test]
fn a_failed_pod_is_replaced_after_its_back_off() {
    let mut failures = Failures::default();
    failures.add(&[], &[Moment::from_secs(95)]);
    let failed = Pods { failed: 1, ..NONE };
    let due = Moment::from_secs(105);
    assert_eq!(step(&JOB, &failed, &failures, NOW), Step::WaitUntil(due));
    assert_eq!(step(&JOB, &failed, &failures, due), Step::Create(2));
    // No sync is delayed by less than a second.
    let almost = Moment::from_millis(104_500);
    let later = Moment::from_millis(105_500);
    assert_eq!(
        step(&JOB, &failed, &failures, almost),
        Step::WaitUntil(later)
    );
}

#[test]
fn a_pod_that_is_being_deleted_is_replaced_at_once_or_once_it_has_ended() {
    let terminating = Pods {
        active: 1,
        terminating: 1,
        ..NONE
    };
    check(&JOB, terminating.clone(), Step::Create(1));
    let job = Job {
        awaits_terminating: true,
        ..JOB
    };
    check(&job, terminating.clone(), Step::Wait);
    let more = Pods {
        terminating: 3,
        ..terminating
    };
    check(&job, more, Step::Wait);
}

#[test]
fn a_suspended_job_has_no_pods_and_no_deadline() {
    let job = Job {
        state: State::Suspended,
        deadline: Some(Duration::from_secs(1)),
        ..JOB
    };
    let active = Pods { active: 2, ..NONE };
    check(&job, active, Step::Delete(2));
    check(&job, NONE, Step::Wait);
    assert_eq!(job.deadline_at(), None);
}

#[test]
fn the_pods_of_a_deleted_job_are_left_alone() {
    let job = Job {
        state: State::Deleted,
        ..JOB
    };
    let active = Pods { active: 9, ..NONE };
    check(&job, active, Step::Wait);
    check(&job, NONE, Step::Wait);
}

#[test]
fn the_end_does_not_change_once_it_is_published() {
    let of_policy = Finish::PodFailurePolicy("app failed".to_owned());
    for finish in [Finish::Complete, Finish::DeadlineExceeded, of_policy] {
        let published = Finish::of(finish.reason(), finish.message());
        assert_eq!(published, Some(finish.clone()));
        let job = Job {
            state: State::Finishing(finish.clone()),
            ..JOB
        };
        let failed = Pods { failed: 9, ..NONE };
        check(&job, failed, Step::Finish(finish));
    }
}

#[test]
fn more_failures_than_the_limit_end_the_job() {
    let failed = |failed| Pods { failed, ..NONE };
    check(&JOB, failed(2), Step::Create(2));
    let exceeded = Step::Finish(Finish::BackoffLimitExceeded);
    check(&JOB, failed(3), exceeded.clone());
    let none = Job {
        back_off_limit: 0,
        ..JOB
    };
    check(&none, failed(1), exceeded);
}

/// Seen on a node: with limit 2 the second restart is one too many.
#[test]
fn restarts_count_like_failures_but_reach_the_limit_sooner() {
    let job = |back_off_limit| Job {
        restarts_containers: true,
        back_off_limit,
        ..JOB
    };
    let restarted = |restarts| Pods {
        active: 2,
        restarts,
        ..NONE
    };
    let exceeded = Step::Finish(Finish::BackoffLimitExceeded);
    check(&job(2), restarted(1), Step::Wait);
    check(&job(2), restarted(2), exceeded.clone());
    check(&job(0), restarted(0), Step::Wait);
    check(&job(0), restarted(1), exceeded);
    check(&JOB, restarted(9), Step::Wait);
}

#[test]
fn a_deadline_counts_from_the_start() {
    let job = |seconds| Job {
        deadline: Some(Duration::from_secs(seconds)),
        ..JOB
    };
    check(&job(10), NONE, Step::Finish(Finish::DeadlineExceeded));
    check(&job(11), NONE, Step::Create(2));
    assert_eq!(job(11).deadline_at(), Some(Moment::from_secs(101)));
}

#[test]
fn a_policy_ends_the_job_by_a_failure_or_by_enough_successes() {
    let fatal = Pods {
        active: 1,
        failed: 9,
        fatal: Some("app failed".to_owned()),
        success_rule: Some(1),
        ..NONE
    };
    let failed = Finish::PodFailurePolicy("app failed".to_owned());
    assert_eq!(failed.message(), "app failed");
    check(&JOB, fatal.clone(), Step::Finish(failed));
    // Failures come before successes.
    let pods = Pods {
        fatal: None,
        ..fatal
    };
    check(
        &JOB,
        pods.clone(),
        Step::Finish(Finish::BackoffLimitExceeded),
    );
    let pods = Pods { failed: 2, ..pods };
    let succeeded = Finish::SuccessPolicy("Matched rules at index 1".to_owned());
    assert_eq!(succeeded.conditions()[1], "Complete");
    check(&JOB, pods, Step::Finish(succeeded));
}

#[test]
fn indexes_fail_one_by_one_and_end_the_job_with_the_last_or_beyond_the_most() {
    let job = Job {
        backs_off_by_index: true,
        back_off_limit: u32::MAX,
        ..JOB
    };
    let ended = |failed_indexes, succeeded| Pods {
        failed: failed_indexes,
        failed_indexes,
        succeeded,
        ..NONE
    };
    let mut failures = Failures::default();
    failures.add(&[], &[NOW]);
    // The back-off is each index's own.
    let next = step(&job, &ended(1, 0), &failures, NOW);
    assert_eq!(next, Step::Create(2));
    check(&job, ended(1, 2), Step::Finish(Finish::FailedIndexes));
    check(&job, ended(0, 3), Step::Finish(Finish::Complete));
    let few = Job {
        max_failed_indexes: Some(1),
        ..job
    };
    check(&few, ended(1, 0), Step::Create(2));
    let exceeded = Step::Finish(Finish::MaxFailedIndexesExceeded);
    check(&few, ended(2, 0), exceeded);
}

#[test]
fn pods_without_an_index_of_their_own_are_deleted() {
    let pods = Pods {
        active: 2,
        misplaced: 1,
        ..NONE
    };
    check(&JOB, pods.clone(), Step::Delete(1));
    let deleted = Job {
        state: State::Deleted,
        ..JOB
    };
    check(&deleted, pods, Step::Wait);
}
