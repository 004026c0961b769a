//! StatefulSets from one sync to the next.

use super::*;

const NOW: Moment = Moment::from_secs(100);

/// A set of three Pods from template v1 to v2.
fn set() -> StatefulSet {
    StatefulSet {
        start: 0,
        replicas: 3,
        management: PodManagement::OrderedReady,
        strategy: UpdateStrategy::RollingUpdate { partition: Some(0) },
        min_ready: Duration::ZERO,
        deleted: false,
        current: "v1".to_owned(),
        update: "v2".to_owned(),
        current_replicas: 3,
    }
}

fn parallel() -> StatefulSet {
    StatefulSet {
        management: PodManagement::Parallel,
        ..set()
    }
}

/// Pods as text: ordinal, revision, and `-` unready, `x` terminating, `!` ended.
fn pods(text: &str) -> Vec<Member> {
    let pod = |word: &str| Member {
        ordinal: word[..1].parse().unwrap(),
        revision: word[1..3].to_owned(),
        phase: if word.contains('!') {
            Phase::Ended
        } else {
            Phase::Running
        },
        ready_since: (!word.contains(['-', '!'])).then_some(Moment::from_secs(90)),
        terminating: word.contains('x'),
    };
    text.split_whitespace().map(pod).collect()
}

#[track_caller]
fn check(set: &StatefulSet, text: &str, expected: &[Action]) {
    assert_eq!(sync(set, &pods(text), NOW).actions, expected, "{text}");
}

use Action::{Create, Delete, Replace};

#[test]
fn pods_are_created_in_order_each_after_the_former_is_ready() {
    let set = set();
    check(&set, "", &[Create(0, Template::Update)]);
    check(&set, "0v2-", &[]);
    check(&set, "0v2", &[Create(1, Template::Update)]);
    check(&set, "0v2 1v2", &[Create(2, Template::Update)]);
    check(&set, "0v2 1v2 2v2", &[]);
}

#[test]
fn a_pod_is_waited_for_until_it_is_available() {
    let set = StatefulSet {
        min_ready: Duration::from_secs(20),
        ..set()
    };
    let early = sync(&set, &pods("0v2"), NOW);
    let later = Moment::from_secs(110);
    assert_eq!((early.actions, early.next), (vec![], Some(later)));
    assert_eq!((early.status.ready, early.status.available), (1, 0));
    let late = sync(&set, &pods("0v2"), later);
    assert_eq!(late.actions, [Create(1, Template::Update)]);
    assert_eq!((late.status.available, late.next), (1, None));
}

/// Seen on a node: with web-0 unready nothing above it is created, deleted or updated.
#[test]
fn one_unready_pod_blocks_all_above() {
    check(&set(), "0v1- 1v1", &[]);
    check(&set(), "0v1- 1v1 2v1 3v1", &[]);
    check(&set(), "0v1- 1v1 2v1", &[]);
    check(&set(), "0v1x 1v1", &[]);
}

#[test]
fn an_update_goes_from_the_highest_ordinal_down() {
    check(&set(), "0v1 1v1 2v1", &[Replace(2)]);
    check(&set(), "0v1 1v1 2v1x", &[]);
    check(&set(), "0v1 1v1", &[Create(2, Template::Update)]);
    check(&set(), "0v1 1v1 2v2-", &[]);
    check(&set(), "0v1 1v1 2v2", &[Replace(1)]);
    check(&parallel(), "0v1 1v1 2v1", &[Replace(2)]);
    check(&parallel(), "0v1 1v1 2v2-", &[]);
}

/// Seen on a node: with the template reverted, only `Parallel` replaces the broken Pod.
#[test]
fn a_broken_revision_sticks_unless_pods_are_managed_in_parallel() {
    check(&set(), "0v1 1v1 2v3-", &[]);
    check(&parallel(), "0v1 1v1 2v3-", &[Replace(2)]);
}

#[test]
fn the_partition_keeps_pods_and_their_template() {
    let set = StatefulSet {
        strategy: UpdateStrategy::RollingUpdate { partition: Some(2) },
        ..set()
    };
    check(&set, "0v1 1v1 2v1", &[Replace(2)]);
    check(&set, "0v1 1v1 2v2", &[]);
    check(&set, "0v1", &[Create(1, Template::Current)]);
    check(&set, "0v1 1v1", &[Create(2, Template::Update)]);
    let beyond = StatefulSet {
        strategy: UpdateStrategy::RollingUpdate { partition: Some(9) },
        ..set
    };
    check(&beyond, "0v1 1v1 2v1", &[]);
}

#[test]
fn without_a_partition_the_published_number_keeps_the_template() {
    let set = StatefulSet {
        strategy: UpdateStrategy::RollingUpdate { partition: None },
        current_replicas: 2,
        ..set()
    };
    check(&set, "0v1", &[Create(1, Template::Current)]);
    check(&set, "0v1 1v1", &[Create(2, Template::Update)]);
    check(&set, "0v1 1v1 2v2", &[Replace(1)]);
}

#[test]
fn on_delete_nothing_is_replaced() {
    let set = StatefulSet {
        strategy: UpdateStrategy::OnDelete,
        ..set()
    };
    check(&set, "0v1 1v1 2v1", &[]);
    check(&set, "0v1 1v1", &[Create(2, Template::Update)]);
    let status = sync(&set, &pods("0v2 1v2 2v2"), NOW).status;
    assert!(
        !status.complete,
        "an update that is not rolled out never ends"
    );
}

#[test]
fn scaling_down_goes_one_by_one_and_the_first_unhealthy_one_may_go() {
    let one = StatefulSet {
        replicas: 1,
        ..set()
    };
    check(&one, "0v2 1v2 2v2", &[Delete(2)]);
    check(&one, "0v2 1v2 2v2x", &[]);
    check(&one, "0v2 1v2- 2v2", &[Delete(2)]);
    check(&one, "0v2 1v2-", &[Delete(1)]);
    // Both unready: the last one waits for the lower one, which is not its turn yet.
    check(&one, "0v2 1v2- 2v2-", &[]);
    check(&one, "0v2- 1v2 2v2", &[]);
}

#[test]
fn in_parallel_all_come_and_go_at_once() {
    let all = [0, 1, 2].map(|ordinal| Create(ordinal, Template::Update));
    check(&parallel(), "", &all);
    let one = StatefulSet {
        replicas: 1,
        ..parallel()
    };
    check(&one, "0v2- 1v2- 2v2", &[Delete(2), Delete(1)]);
}

#[test]
fn ended_pods_are_deleted_first() {
    check(&set(), "0v2! 1v2", &[Delete(0)]);
    check(&set(), "0v2!x 1v2", &[]);
    check(&parallel(), "0v2 1v2! 2v2", &[Delete(1)]);
    check(&parallel(), "0v2 1v2 2v1!", &[Delete(2)]);
}

#[test]
fn ordinals_start_at_the_given_number() {
    let set = StatefulSet {
        start: 5,
        replicas: 2,
        ..set()
    };
    check(&set, "5v2", &[Create(6, Template::Update)]);
    check(&set, "0v2 5v2 6v2", &[Delete(0)]);
}

#[test]
fn a_set_that_is_being_deleted_does_nothing() {
    let set = StatefulSet {
        deleted: true,
        ..set()
    };
    let sync = sync(&set, &pods("0v1"), NOW);
    assert_eq!((sync.actions, sync.status.replicas), (vec![], 1));
}

#[test]
fn a_terminating_pod_counts_as_ready_but_as_no_revision() {
    let status = sync(&set(), &pods("0v1 1v1 2v1x"), NOW).status;
    let expected = Status {
        replicas: 3,
        ready: 3,
        available: 3,
        current: 2,
        updated: 0,
        complete: false,
    };
    assert_eq!(status, expected);
    let first = sync(&set(), &pods("0v1 1v1 2v1"), NOW).status;
    assert_eq!(
        (first.ready, first.current),
        (3, 2),
        "one is being replaced"
    );
}

#[test]
fn an_update_is_complete_when_all_are_ready() {
    let status = |text| sync(&set(), &pods(text), NOW).status;
    let done = status("0v2 1v2 2v2");
    assert_eq!((done.complete, done.current, done.updated), (true, 3, 3));
    assert!(!status("0v2 1v2 2v2-").complete);
    assert!(!status("0v2 1v2 2v2 3v2x").complete);
}
