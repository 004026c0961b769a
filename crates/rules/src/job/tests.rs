//! A Job from one sync to the next.

use super::*;

const NOW: Moment = Moment::from_secs(100);

/// Three completions, two at a time.
const JOB: Job = Job {
    parallelism: 2,
    completions: Some(3),
    back_off_limit: 2,
    restarts_containers: false,
    deadline: None,
    started: Moment::from_secs(90),
};

const NONE: Pods = Pods {
    active: 0,
    succeeded: 0,
    failed: 0,
    restarts: 0,
};

#[track_caller]
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
    check(&job, running, Step::Wait);
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
}

#[test]
fn more_failures_than_the_limit_end_the_job() {
    let failed = |failed| Pods { failed, ..NONE };
    check(&JOB, failed(2), Step::Create(2));
    let exceeded = Step::Finish(Finish::BackoffLimitExceeded);
    check(&JOB, failed(3), exceeded);
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
    check(&job(2), restarted(2), exceeded);
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
