//! Decides how many Pods a PodDisruptionBudget lets be evicted, and whether one of them may be.
//!
//! Labels and owners are not here: the Pods are those that a budget selects.

pub mod eviction;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::moment::Moment;
use crate::rollout::Amount;

/// How long an evicted Pod counts as gone although its deletion has not begun.
///
/// Rule: `pkg/controller/disruption/disruption.go`, `DeletionTimeout`.
const DELETION_TIMEOUT: Duration = Duration::from_mins(2);

/// The bound of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// `minAvailable`; a percentage is of the replicas that the Pods' owners want.
    MinAvailable(Amount),
    /// `maxUnavailable` of those replicas.
    MaxUnavailable(Amount),
}

/// A Pod that the budget selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Whether its `Ready` condition is True.
    pub is_ready: bool,
    /// Whether its deletion has begun.
    pub is_terminating: bool,
}

/// The status of a budget.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// `expectedPods`.
    pub expected: u32,
    /// `desiredHealthy`.
    pub desired: u32,
    /// `currentHealthy`.
    pub healthy: u32,
    /// `disruptionsAllowed`.
    pub allowed: u32,
    /// `disruptedPods`: evicted Pods whose deletion has not begun, and when they were evicted.
    pub disrupted: BTreeMap<String, Moment>,
    /// Evicted Pods whose deletion is no longer expected.
    pub not_deleted: Vec<String>,
    /// When the deletion of an evicted Pod is no longer expected.
    pub next: Option<Moment>,
}

impl Bound {
    /// Whether the replicas that the Pods' owners want matter, and not just the Pods.
    pub fn is_of_scale(self) -> bool {
        !matches!(self, Self::MinAvailable(Amount::Number(_)))
    }

    /// The number of expected Pods, and how many of them must be healthy.
    ///
    /// Rule: `getExpectedPodCount`.
    fn expectation(self, pods: usize, scale: u32) -> (u32, u32) {
        match self {
            Self::MaxUnavailable(most) => (scale, scale.saturating_sub(most.rounded_up(scale))),
            Self::MinAvailable(Amount::Number(least)) => {
                (u32::try_from(pods).unwrap_or(u32::MAX), least)
            }
            Self::MinAvailable(share) => (scale, share.rounded_up(scale)),
        }
    }
}

/// The status of a budget at `now`. `scale` is the number of replicas that the Pods' owners want.
/// `disrupted` is the former `disruptedPods`.
///
/// Rule: `pkg/controller/disruption/disruption.go`, `trySync`.
pub fn status(
    bound: Option<Bound>,
    pods: &[Member],
    scale: u32,
    disrupted: &BTreeMap<String, Moment>,
    now: Moment,
) -> Status {
    let expectation = bound.map(|bound| bound.expectation(pods.len(), scale));
    let (expected, desired) = expectation.unwrap_or_default();
    let mut status = Status {
        expected,
        desired,
        ..Status::default()
    };
    for pod in pods.iter().filter(|pod| !pod.is_terminating) {
        let evicted = disrupted.get(&pod.name);
        let until = evicted.map(|evicted| *evicted + DELETION_TIMEOUT);
        match (evicted, until) {
            (Some(evicted), Some(until)) if until >= now => {
                status.disrupted.insert(pod.name.clone(), *evicted);
                status.next = Some(status.next.map_or(until, |next| next.min(until)));
            }
            (Some(_), _) => status.not_deleted.push(pod.name.clone()),
            _ => {}
        }
        let is_leaving = until.is_some_and(|until| until > now);
        status.healthy += u32::from(pod.is_ready && !is_leaving);
    }
    // A budget that expects no Pod allows nothing: the first Pods may come before its next status.
    if status.expected > 0 {
        status.allowed = status.healthy.saturating_sub(status.desired);
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, is_ready: bool) -> Member {
        Member {
            name: name.to_owned(),
            is_ready,
            is_terminating: false,
        }
    }

    fn three() -> Vec<Member> {
        vec![member("a", true), member("b", true), member("c", false)]
    }

    /// `expected`, `desired`, `healthy` and `allowed` of three Pods, two of them Ready.
    fn counts(bound: Option<Bound>, scale: u32) -> [u32; 4] {
        let status = status(bound, &three(), scale, &BTreeMap::new(), Moment::ZERO);
        [
            status.expected,
            status.desired,
            status.healthy,
            status.allowed,
        ]
    }

    #[test]
    fn a_bound_is_of_the_pods_or_of_their_owners() {
        let least = |amount| Some(Bound::MinAvailable(amount));
        let most = |amount| Some(Bound::MaxUnavailable(amount));
        let check = |bound, scale, expected| {
            assert_eq!(counts(bound, scale), expected, "{bound:?} of {scale}");
        };
        check(least(Amount::Number(1)), 9, [3, 1, 2, 1]);
        check(least(Amount::Number(4)), 9, [3, 4, 2, 0]);
        // Shares round up, whether they must be there or may be missing.
        check(least(Amount::Percent(50)), 3, [3, 2, 2, 0]);
        check(most(Amount::Percent(50)), 3, [3, 1, 2, 1]);
        check(most(Amount::Number(1)), 3, [3, 2, 2, 0]);
        check(most(Amount::Number(5)), 3, [3, 0, 2, 2]);
        // Recorded on a node: two Ready Pods without an owner.
        check(most(Amount::Number(0)), 0, [0, 0, 2, 0]);
        check(None, 0, [0, 0, 2, 0]);
    }

    #[test]
    fn a_pod_that_is_being_deleted_is_not_healthy() {
        let mut pods = three();
        pods[0].is_terminating = true;
        let bound = Some(Bound::MinAvailable(Amount::Number(1)));
        let found = status(bound, &pods, 0, &BTreeMap::new(), Moment::ZERO);
        assert_eq!((found.expected, found.healthy, found.allowed), (3, 1, 0));
    }

    #[test]
    fn an_evicted_pod_counts_as_gone_for_two_minutes() {
        let bound = Some(Bound::MinAvailable(Amount::Number(1)));
        let evicted = Moment::from_secs(10);
        let disrupted = BTreeMap::from([("a".to_owned(), evicted)]);
        let at = |seconds| status(bound, &three(), 0, &disrupted, Moment::from_secs(seconds));
        let soon = at(129);
        assert_eq!((soon.healthy, soon.allowed), (1, 0));
        assert_eq!(soon.disrupted, disrupted);
        assert_eq!(soon.next, Some(Moment::from_secs(130)));
        let late = at(131);
        assert_eq!((late.healthy, late.allowed), (2, 1));
        assert_eq!((late.not_deleted, late.next), (vec!["a".to_owned()], None));
        assert!(late.disrupted.is_empty());
    }
}
