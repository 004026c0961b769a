//! Decides which Pods a ReplicaSet creates and deletes, and counts its Pods.
//!
//! An unready Pod is not deleted for being unready; but if there are too many Pods, unready ones
//! are deleted before ready ones. Names, templates and writes are not here.

use std::cmp::Ordering;
use std::time::Duration;

use crate::moment::Moment;

/// A Pod that belongs to the ReplicaSet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its `metadata.uid`.
    pub uid: String,
    /// Whether it is bound to a node.
    pub bound: bool,
    /// Its phase, as far as the order of deletion depends on it.
    pub phase: Phase,
    /// Since when its `Ready` condition has been True, if it is.
    pub ready_since: Option<Moment>,
    /// Whether its deletion has begun.
    pub terminating: bool,
    /// The annotation `controller.kubernetes.io/pod-deletion-cost`, 0 by default.
    pub deletion_cost: i32,
    /// The restart count of the main container with the most restarts.
    pub restarts: i32,
    /// The restart count of the sidecar with the most restarts.
    pub sidecar_restarts: i32,
    /// When it was created.
    pub created: Moment,
    /// Whether it has all labels of the template.
    pub fully_labelled: bool,
}

/// The phase of a Pod, in the order of deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not all its containers have started.
    Pending,
    /// Its node does not respond.
    Unknown,
    /// At least one container runs.
    Running,
    /// `Succeeded` or `Failed`.
    Ended,
}

/// What to do to reach the wanted number of Pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Create this many Pods; may be zero.
    Create(usize),
    /// Delete these Pods, in this order.
    Delete(Vec<String>),
}

/// The counts in a ReplicaSet's status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pods that have not ended and are not being deleted.
    pub replicas: usize,
    /// Of these, those with all labels of the template.
    pub fully_labelled: usize,
    /// Of these, the Ready ones.
    pub ready: usize,
    /// Of these, those Ready for `minReadySeconds`.
    pub available: usize,
    /// Pods being deleted, which do not count as replicas.
    pub terminating: usize,
}

/// What to do at `now`.
///
/// Rule: `pkg/controller/replicaset/replica_set.go`, `manageReplicas`.
pub fn action(wanted: usize, pods: &[Member], now: Moment) -> Action {
    let mut active: Vec<_> = pods.iter().filter(|pod| pod.is_active()).collect();
    let surplus = active.len().saturating_sub(wanted);
    if surplus == 0 {
        return Action::Create(wanted - active.len());
    }
    sort(&mut active, now);
    Action::Delete(
        active
            .into_iter()
            .take(surplus)
            .map(|pod| pod.name.clone())
            .collect(),
    )
}

/// Counts the Pods. Also returns when the counts will change next if no Pod does.
///
/// Rule: `pkg/controller/replicaset/replica_set_utils.go`, `calculateStatus`.
pub fn count(pods: &[Member], min_ready: Duration, now: Moment) -> (Counts, Option<Moment>) {
    let mut counts = Counts::default();
    let mut next = None;
    for pod in pods {
        // With its terminal phase a deleted Pod stops counting:
        // `pkg/controller/controller_utils.go`, `IsPodTerminating`.
        counts.terminating += usize::from(pod.terminating && pod.phase != Phase::Ended);
        if !pod.is_active() {
            continue;
        }
        counts.replicas += 1;
        counts.fully_labelled += usize::from(pod.fully_labelled);
        let Some(since) = pod.ready_since else {
            continue;
        };
        counts.ready += 1;
        match since + min_ready {
            available if available <= now => counts.available += 1,
            later => next = Some(next.map_or(later, |soonest: Moment| soonest.min(later))),
        }
    }
    (counts, next)
}

impl Member {
    /// Rule: `pkg/controller/controller_utils.go`, `IsPodActive`.
    fn is_active(&self) -> bool {
        self.phase != Phase::Ended && !self.terminating
    }

    /// Whether this Pod is deleted before `other`. Times are compared by order of magnitude, so
    /// that not always the newest Pods are deleted; within one magnitude the UID decides, which is
    /// effectively random.
    ///
    /// Rule: `pkg/controller/controller_utils.go`, `ActivePodsWithRanks`, for a single node.
    fn is_deleted_before(&self, other: &Self, now: Moment) -> bool {
        // Pods without a node, not running, or unready go first: they cost no availability.
        let rank = |pod: &Self| {
            let ready = pod.ready_since.is_some();
            (pod.bound, pod.phase, ready, pod.deletion_cost)
        };
        let by_time = |one: Moment, two: Moment| {
            let order = magnitude(now - one).cmp(&magnitude(now - two));
            order.then_with(|| self.uid.cmp(&other.uid))
        };
        // Equal times say nothing, so the next criterion decides, not the UID.
        let ready = match (self.ready_since, other.ready_since) {
            (Some(one), Some(two)) if one != two => by_time(one, two),
            _ => Ordering::Equal,
        };
        let created = || match (self.created, other.created) {
            (one, two) if one != two => by_time(one, two),
            _ => Ordering::Equal,
        };
        let order = rank(self).cmp(&rank(other)).then(ready);
        // The operands are swapped: the Pod with more restarts goes first.
        let restarts = |pod: &Self| (pod.restarts, pod.sidecar_restarts);
        let order = order.then(restarts(other).cmp(&restarts(self)));
        order.then_with(created).is_lt()
    }
}

/// The binary logarithm of a time in nanoseconds, rounded down.
///
/// Rule: the same file, `logarithmicRankDiff`.
fn magnitude(time: Duration) -> Option<u32> {
    time.as_nanos().checked_ilog2()
}

/// Insertion sort, as Go uses for up to twelve elements: the order can be cyclic, which other
/// sorting algorithms do not tolerate.
fn sort(pods: &mut [&Member], now: Moment) {
    for next in 1..pods.len() {
        let mut place = next;
        while place > 0 && pods[place].is_deleted_before(pods[place - 1], now) {
            pods.swap(place, place - 1);
            place -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::from_secs(12);

    fn pod(name: &str) -> Member {
        Member {
            name: name.to_owned(),
            uid: name.to_owned(),
            bound: true,
            phase: Phase::Running,
            ready_since: Some(Moment::from_secs(10)),
            terminating: false,
            deletion_cost: 0,
            restarts: 0,
            sidecar_restarts: 0,
            created: Moment::from_secs(5),
            fully_labelled: true,
        }
    }

    #[test]
    fn missing_pods_are_created() {
        assert_eq!(action(3, &[pod("a")], NOW), Action::Create(2));
        assert_eq!(action(1, &[pod("a")], NOW), Action::Create(0));
        let leaving = Member {
            terminating: true,
            ..pod("a")
        };
        let ended = Member {
            phase: Phase::Ended,
            ..pod("b")
        };
        assert_eq!(action(1, &[leaving, ended], NOW), Action::Create(1));
    }

    #[test]
    fn an_unready_pod_counts_as_a_replica() {
        let unready = Member {
            ready_since: None,
            restarts: 9,
            ..pod("a")
        };
        assert_eq!(action(1, &[unready], NOW), Action::Create(0));
    }

    #[test]
    fn the_least_valuable_pod_is_deleted_first() {
        let check = |why: &str, first: Member| {
            let found = action(
                1,
                &[
                    pod("a"),
                    Member {
                        name: "z".to_owned(),
                        ..first
                    },
                ],
                NOW,
            );
            assert_eq!(found, Action::Delete(vec!["z".to_owned()]), "{why}");
        };
        check(
            "unbound",
            Member {
                bound: false,
                ..pod("")
            },
        );
        check(
            "pending",
            Member {
                phase: Phase::Pending,
                ..pod("")
            },
        );
        check(
            "unready",
            Member {
                ready_since: None,
                ..pod("")
            },
        );
        check(
            "cheap",
            Member {
                deletion_cost: -1,
                ..pod("")
            },
        );
        check(
            "ready later",
            Member {
                ready_since: Some(Moment::from_secs(11)),
                ..pod("")
            },
        );
        check(
            "restarted more",
            Member {
                restarts: 1,
                ..pod("")
            },
        );
        check(
            "sidecar restarted more",
            Member {
                sidecar_restarts: 1,
                ..pod("")
            },
        );
        check(
            "younger",
            Member {
                created: Moment::from_secs(6),
                ..pod("")
            },
        );
        assert_eq!(
            action(0, &[pod("a"), pod("b")], NOW),
            Action::Delete(vec!["a".into(), "b".into()])
        );
    }

    #[test]
    fn ages_of_one_magnitude_are_equal_and_the_uid_decides() {
        let pod = |name: &str, uid: &str, ready: u64, created: u64| Member {
            uid: uid.to_owned(),
            ready_since: Some(Moment::from_secs(ready)),
            created: Moment::from_secs(created),
            ..pod(name)
        };
        let check = |now: u64, pods: [Member; 2], expected: &str| {
            let found = action(1, &pods, Moment::from_secs(now));
            assert_eq!(found, Action::Delete(vec![expected.to_owned()]), "{now}");
        };
        // Ready for 2 s and for 1 s; a minute later that makes no difference.
        check(12, [pod("old", "1", 10, 5), pod("new", "2", 11, 5)], "new");
        check(72, [pod("old", "1", 10, 5), pod("new", "2", 11, 5)], "old");
        check(72, [pod("old", "2", 10, 5), pod("new", "1", 11, 5)], "new");
        // The same with ages.
        check(72, [pod("old", "1", 11, 5), pod("new", "2", 11, 6)], "old");
    }

    #[test]
    fn earlier_criteria_outweigh_later_ones() {
        let unready = Member {
            ready_since: None,
            deletion_cost: 100,
            ..pod("a")
        };
        let restarted = Member {
            restarts: 50,
            ..pod("b")
        };
        assert_eq!(
            action(1, &[restarted, unready], NOW),
            Action::Delete(vec!["a".to_owned()])
        );
    }

    #[test]
    fn counts_are_of_active_pods() {
        let pods = [
            pod("a"),
            Member {
                ready_since: None,
                fully_labelled: false,
                ..pod("b")
            },
            Member {
                terminating: true,
                ..pod("c")
            },
            Member {
                phase: Phase::Ended,
                ..pod("d")
            },
        ];
        let (counts, next) = count(&pods, Duration::ZERO, Moment::from_secs(20));
        assert_eq!(
            counts,
            Counts {
                replicas: 2,
                fully_labelled: 1,
                ready: 1,
                available: 1,
                terminating: 1
            }
        );
        assert_eq!(next, None);
    }

    #[test]
    fn a_pod_is_available_once_it_was_ready_long_enough() {
        let pods = [
            pod("a"),
            Member {
                ready_since: Some(Moment::from_secs(12)),
                ..pod("b")
            },
        ];
        let check = |now, available, next| {
            let (counts, then) = count(&pods, Duration::from_secs(5), Moment::from_millis(now));
            assert_eq!(
                (counts.ready, counts.available, then),
                (2, available, next),
                "{now}"
            );
        };
        check(14_999, 0, Some(Moment::from_secs(15)));
        check(15_000, 1, Some(Moment::from_secs(17)));
        check(17_000, 2, None);
    }
}
