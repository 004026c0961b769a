//! A DaemonSet's Pods on its node, from one sync to the next.

use super::*;

const NOW: Moment = Moment::from_secs(100);

const UNAVAILABLE: DaemonSet = DaemonSet {
    placement: Placement::Wanted,
    strategy: UpdateStrategy::Unavailable,
    min_ready: Duration::ZERO,
};

const SURGE: DaemonSet = DaemonSet {
    strategy: UpdateStrategy::Surge,
    ..UNAVAILABLE
};

/// Pods as text, oldest first: `new` or `old`, and `-` unready, `x` terminating, `!` failed, `.`
/// succeeded.
fn pods(text: &str) -> Vec<Member> {
    let pod = |(age, word): (usize, &str)| Member {
        name: word.to_owned(),
        updated: word.starts_with("new"),
        phase: match word {
            word if word.contains('!') => Phase::Failed,
            word if word.contains('.') => Phase::Succeeded,
            _ => Phase::Live,
        },
        ready_since: (!word.contains(['-', '!', '.'])).then_some(Moment::from_secs(90)),
        terminating: word.contains('x'),
        bound: true,
        created: Moment::from_secs(u64::try_from(age).unwrap()),
    };
    text.split_whitespace().enumerate().map(pod).collect()
}

#[track_caller]
fn check(set: &DaemonSet, text: &str, expected: &[Action]) {
    assert_eq!(actions(set, &pods(text), NOW, || true), expected, "{text}");
}

fn delete(name: &str) -> Action {
    Action::Delete(name.to_owned())
}

#[test]
fn the_node_gets_one_pod() {
    check(&UNAVAILABLE, "", &[Action::Create]);
    check(&UNAVAILABLE, "new-", &[]);
    check(&UNAVAILABLE, "new new2", &[delete("new2")]);
    check(&UNAVAILABLE, "newx", &[]);
}

#[test]
fn a_node_that_does_not_match_loses_its_pods() {
    let elsewhere = DaemonSet {
        placement: Placement::Unwanted,
        ..UNAVAILABLE
    };
    check(&elsewhere, "", &[]);
    check(&elsewhere, "new oldx", &[delete("new")]);
    let counts = count(&elsewhere, &pods("new"), NOW);
    let misscheduled = 1;
    assert_eq!(
        counts,
        Counts {
            misscheduled,
            ..Counts::default()
        }
    );
}

#[test]
fn without_surge_the_old_pod_goes_first_and_the_new_one_follows_its_phase() {
    check(&UNAVAILABLE, "old", &[delete("old")]);
    check(&UNAVAILABLE, "old-", &[delete("old-")]);
    check(&UNAVAILABLE, "oldx", &[]);
    // The phase is terminal, the object still there.
    check(&UNAVAILABLE, "old.x", &[Action::Create]);
    check(&UNAVAILABLE, "old!x", &[Action::Create]);
}

/// Seen on a node: a broken template has the node down, and the fixed one alone helps.
#[test]
fn a_broken_new_pod_is_replaced_by_the_next_template() {
    check(&UNAVAILABLE, "new-", &[]);
    check(&UNAVAILABLE, "old-", &[delete("old-")]);
}

#[test]
fn with_surge_the_old_pod_goes_when_the_new_one_is_available() {
    check(&SURGE, "old", &[Action::Create]);
    check(&SURGE, "old new-", &[]);
    check(&SURGE, "old new", &[delete("old")]);
    check(&SURGE, "oldx", &[Action::Create]);
    let patient = DaemonSet {
        min_ready: Duration::from_secs(11),
        ..SURGE
    };
    check(&patient, "old new", &[]);
}

/// Seen on a node: a flap of the old Pod during a broken surge leaves nothing ready.
#[test]
fn an_unready_old_pod_goes_whatever_the_new_one_is() {
    check(&SURGE, "old- new-", &[delete("old-")]);
}

#[test]
fn surplus_pods_go_and_the_oldest_of_each_template_stays() {
    check(
        &SURGE,
        "old new- old2 new2",
        &[delete("old2"), delete("new2")],
    );
}

#[test]
fn on_delete_an_old_pod_stays() {
    let set = DaemonSet {
        strategy: UpdateStrategy::OnDelete,
        ..UNAVAILABLE
    };
    check(&set, "old", &[]);
    check(&set, "old.x", &[Action::Create]);
}

#[test]
fn ended_pods_are_deleted_if_they_may_be() {
    let ended = |name: &str, phase| Action::DeleteEnded(name.to_owned(), phase);
    check(&UNAVAILABLE, "new!", &[ended("new!", Phase::Failed)]);
    check(&UNAVAILABLE, "new.", &[ended("new.", Phase::Succeeded)]);
    let found = actions(&UNAVAILABLE, &pods("new!"), NOW, || false);
    assert_eq!(found, []);
    let found = actions(&UNAVAILABLE, &pods("new."), NOW, || false);
    assert_eq!(found, [ended("new.", Phase::Succeeded)]);
}

#[test]
fn the_oldest_pod_counts() {
    let count = |text| count(&UNAVAILABLE, &pods(text), NOW);
    let none = Counts {
        desired: 1,
        ..Counts::default()
    };
    assert_eq!(count(""), none);
    let old = Counts {
        current: 1,
        ready: 1,
        available: 1,
        ..none
    };
    assert_eq!(
        count("oldx new"),
        old,
        "a terminating Pod counts while it is Ready"
    );
    assert_eq!(count("old!x new"), Counts { updated: 1, ..old });
}

#[test]
fn a_taint_keeps_new_pods_away_and_may_delete_old_ones() {
    let taint = |effect: &str| Taint {
        key: "k".to_owned(),
        value: String::new(),
        effect: effect.to_owned(),
    };
    let tolerates = |effect: &str| Toleration {
        operator: "Exists".to_owned(),
        effect: effect.to_owned(),
        ..Toleration::default()
    };
    let check = |taints: &[&str], tolerations: &[&str], expected| {
        let on: Vec<_> = taints.iter().map(|effect| taint(effect)).collect();
        let mine: Vec<_> = tolerations.iter().map(|effect| tolerates(effect)).collect();
        let found = Placement::of(true, &on, &mine);
        assert_eq!(found, expected, "{taints:?} {tolerations:?}");
    };
    check(&[], &[], Placement::Wanted);
    check(&["PreferNoSchedule"], &[], Placement::Wanted);
    check(&["NoSchedule"], &[], Placement::Kept);
    check(&["NoSchedule"], &["NoSchedule"], Placement::Wanted);
    check(&["NoExecute"], &["NoSchedule"], Placement::Unwanted);
    check(
        &["NoSchedule", "NoExecute"],
        &["NoExecute"],
        Placement::Kept,
    );
    assert_eq!(Placement::of(false, &[], &[]), Placement::Unwanted);
}

#[test]
fn a_pod_that_is_kept_away_is_not_replaced() {
    let kept = |strategy| DaemonSet {
        placement: Placement::Kept,
        strategy,
        ..UNAVAILABLE
    };
    for strategy in [UpdateStrategy::Unavailable, UpdateStrategy::Surge] {
        check(&kept(strategy), "", &[]);
        check(&kept(strategy), "new", &[]);
        check(&kept(strategy), "old", &[delete("old")]);
        check(&kept(strategy), "newx", &[]);
        let counts = count(&kept(strategy), &pods("new"), NOW);
        let (desired, current, misscheduled) =
            (counts.desired, counts.current, counts.misscheduled);
        assert_eq!((desired, current, misscheduled), (0, 0, 1));
    }
}
