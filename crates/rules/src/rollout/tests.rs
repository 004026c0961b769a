//! Rollouts, one decision at a time and from beginning to end.

use super::*;

fn deployment(replicas: u32, surge: u32, unavailable: u32) -> Deployment {
    let (surge, unavailable) = (Amount::Number(surge), Amount::Number(unavailable));
    let strategy = Strategy::RollingUpdate { surge, unavailable };
    Deployment {
        name: "web".to_owned(),
        replicas,
        present: 0,
        strategy,
        paused: false,
        deadline: None,
    }
}

fn set(name: &str, wanted: u32, available: u32) -> Set {
    let name = name.to_owned();
    Set {
        name,
        wanted,
        replicas: wanted,
        ready: available,
        available,
        ..Set::default()
    }
}

fn scale(name: &str, size: u32) -> RolloutStep {
    RolloutStep::Scale(name.to_owned(), size)
}

#[test]
fn the_first_replica_set_has_its_full_size() {
    assert_eq!(
        deployment(3, 1, 0).steps(None, &[]),
        [RolloutStep::Create(3)]
    );
}

#[test]
fn a_new_template_begins_with_the_surge() {
    let old = [set("old", 4, 4)];
    assert_eq!(
        deployment(4, 1, 0).steps(None, &old),
        [RolloutStep::Create(1)]
    );
    assert_eq!(
        deployment(4, 3, 0).steps(None, &old),
        [RolloutStep::Create(3)]
    );
    assert_eq!(
        deployment(4, 0, 1).steps(None, &old),
        [RolloutStep::Create(0)]
    );
    assert_eq!(
        deployment(4, 9, 0).steps(None, &old),
        [RolloutStep::Create(4)]
    );
}

#[test]
fn old_pods_go_as_far_as_availability_allows() {
    let check = |deployment: Deployment, new: Set, old: Set, expected: &[RolloutStep]| {
        assert_eq!(deployment.steps(Some(&new), &[old]), expected);
    };
    check(deployment(4, 1, 0), set("new", 1, 0), set("old", 4, 4), &[]);
    check(
        deployment(4, 1, 0),
        set("new", 1, 1),
        set("old", 4, 4),
        &[scale("old", 3)],
    );
    check(
        deployment(4, 1, 0),
        set("new", 1, 1),
        set("old", 3, 3),
        &[scale("new", 2)],
    );
    check(
        deployment(4, 0, 2),
        set("new", 0, 0),
        set("old", 4, 4),
        &[scale("old", 2)],
    );
    check(deployment(4, 1, 0), set("new", 4, 4), set("old", 0, 0), &[]);
}

#[test]
fn unhealthy_old_pods_go_first_even_beside_healthier_sets() {
    let old = [
        Set {
            created: Moment::from_secs(1),
            ..set("oldest", 2, 2)
        },
        Set {
            created: Moment::from_secs(2),
            ..set("broken", 2, 0)
        },
    ];
    // All 3 available Pods are needed, so only broken ones can be deleted.
    let steps = deployment(4, 0, 1).steps(Some(&set("new", 1, 1)), &old);
    assert_eq!(steps, [scale("broken", 0)]);
}

#[test]
fn a_new_pod_that_never_gets_ready_leaves_the_old_one_alone() {
    let default = Deployment {
        strategy: Strategy::DEFAULT,
        ..deployment(1, 0, 0)
    };
    assert_eq!(
        default.steps(Some(&set("new", 1, 0)), &[set("old", 1, 1)]),
        []
    );
}

#[test]
fn a_broken_old_pod_is_deleted_before_the_new_one_is_ready() {
    let default = Deployment {
        strategy: Strategy::DEFAULT,
        ..deployment(2, 0, 0)
    };
    let steps = default.steps(Some(&set("new", 1, 0)), &[set("old", 2, 1)]);
    assert_eq!(steps, []);
    let steps = deployment(2, 1, 1).steps(Some(&set("new", 1, 0)), &[set("old", 2, 1)]);
    assert_eq!(steps, [scale("old", 1)]);
}

#[test]
fn a_new_set_that_is_too_large_shrinks() {
    let new = Set {
        sized_for: None,
        ..set("new", 5, 5)
    };
    assert_eq!(
        deployment(3, 1, 0).steps(Some(&new), &[]),
        [scale("new", 3)]
    );
}

#[test]
fn a_surge_beyond_all_bounds_is_only_large() {
    let strategy = Strategy::RollingUpdate {
        surge: Amount::Percent(u32::MAX),
        unavailable: Amount::Number(0),
    };
    let huge = Deployment {
        strategy,
        ..deployment(3_000, 0, 0)
    };
    assert_eq!(
        huge.steps(None, &[set("old", 3_000, 3_000)]),
        [RolloutStep::Create(3_000)]
    );
}

#[test]
fn recreate_waits_for_the_last_old_pod() {
    let recreate = Deployment {
        strategy: Strategy::Recreate,
        ..deployment(2, 0, 0)
    };
    assert_eq!(recreate.steps(None, &[set("old", 2, 2)]), [scale("old", 0)]);
    let leaving = Set {
        wanted: 0,
        terminating: 1,
        ..set("old", 0, 0)
    };
    assert_eq!(recreate.steps(None, &[leaving]), []);
    assert_eq!(
        recreate.steps(None, &[set("old", 0, 0)]),
        [RolloutStep::Create(2)]
    );
    assert_eq!(
        recreate.steps(Some(&set("new", 1, 1)), &[]),
        [scale("new", 2)]
    );
}

#[test]
fn a_pause_stops_rollouts_but_not_scaling() {
    let paused = Deployment {
        paused: true,
        ..deployment(3, 1, 0)
    };
    assert_eq!(paused.steps(None, &[]), []);
    assert_eq!(paused.steps(None, &[set("old", 2, 2)]), [scale("old", 3)]);
}

/// Simulates a rollout whose Pods are available as soon as they exist, and checks the bounds at
/// each step.
#[test]
fn a_rollout_stays_within_its_bounds_and_ends() {
    for (replicas, surge, unavailable) in [(1, 1, 0), (4, 1, 0), (4, 0, 1), (10, 3, 2), (3, 5, 3)] {
        let deployment = deployment(replicas, surge, unavailable);
        let mut old = set("old", replicas, replicas);
        let mut new: Option<Set> = None;
        for _ in 0..100 {
            for step in deployment.steps(new.as_ref(), std::slice::from_ref(&old)) {
                match step {
                    RolloutStep::Create(size) => new = Some(set("new", size, size)),
                    RolloutStep::Scale(name, size) if name == "old" => old = set("old", size, size),
                    RolloutStep::Scale(name, size) => new = Some(set(&name, size, size)),
                }
            }
            let total = old.wanted + new.as_ref().map_or(0, |new| new.wanted);
            assert!((replicas - unavailable..=replicas + surge).contains(&total));
        }
        assert_eq!((old.wanted, new.unwrap().wanted), (0, replicas));
    }
}
