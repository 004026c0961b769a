//! The order in which a Job deletes active Pods that it does not need.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::moment::Moment;
use crate::replica_set::Phase;

/// An active Pod of a Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Whether it is bound to a node.
    pub bound: bool,
    /// Its phase.
    pub phase: Phase,
    /// Since when it has been ready, if it is.
    pub ready_since: Option<Moment>,
    /// The most restarts of one of its regular containers.
    pub restarts: i32,
    /// The most restarts of one of its sidecars.
    pub sidecar_restarts: i32,
    /// When it was created.
    pub created: Moment,
    /// Its completion index, if it is one of an Indexed Job's.
    pub index: Option<u32>,
}

/// Sorts Pods: those that are deleted first come first. Unlike a ReplicaSet, a Job neither asks
/// for a deletion cost nor compares times by their magnitude.
///
/// Rule: `pkg/controller/controller_utils.go`, `ActivePods`.
pub fn sort(pods: &mut [Candidate]) {
    pods.sort_by_key(|pod| {
        let restarts = Reverse((pod.restarts, pod.sidecar_restarts));
        let since = pod.ready_since.map(Reverse);
        (pod.bound, pod.phase, since, restarts, Reverse(pod.created))
    });
}

/// Sorts Pods of an Indexed Job in the same way, but those that are misplaced come first: without
/// an index, or with one that a Pod further back has. Returns the number of those.
///
/// Rule: `pkg/controller/job/indexed_job_utils.go`, `appendDuplicatedIndexPodsForRemoval`.
pub fn sort_indexed(pods: &mut [Candidate]) -> usize {
    sort(pods);
    let mut seen = BTreeSet::new();
    let placed: BTreeSet<String> = pods
        .iter()
        .rev()
        .filter(|pod| pod.index.is_some_and(|index| seen.insert(index)))
        .map(|pod| pod.name.clone())
        .collect();
    pods.sort_by_key(|pod| placed.contains(&pod.name));
    pods.len() - placed.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_that_have_done_least_go_first() {
        let old = Candidate {
            name: "old".to_owned(),
            bound: true,
            phase: Phase::Running,
            ready_since: Some(Moment::from_secs(10)),
            restarts: 0,
            sidecar_restarts: 0,
            created: Moment::from_secs(5),
            index: None,
        };
        let named = |name: &str, change: fn(&mut Candidate)| {
            let mut pod = old.clone();
            pod.name = name.to_owned();
            change(&mut pod);
            pod
        };
        let mut pods = [
            old.clone(),
            named("young", |pod| pod.created = Moment::from_secs(6)),
            named("sidecar", |pod| pod.sidecar_restarts = 1),
            named("restarted", |pod| pod.restarts = 1),
            named("just ready", |pod| {
                pod.ready_since = Some(Moment::from_secs(11));
            }),
            named("unready", |pod| pod.ready_since = None),
            named("pending", |pod| pod.phase = Phase::Pending),
            named("unbound", |pod| pod.bound = false),
        ];
        let expected: Vec<String> = pods.iter().rev().map(|pod| pod.name.clone()).collect();
        sort(&mut pods);
        assert_eq!(pods.map(|pod| pod.name).to_vec(), expected);
    }

    #[test]
    fn pods_without_an_index_of_their_own_go_first() {
        let pod = |name: &str, index, created| Candidate {
            name: name.to_owned(),
            bound: true,
            phase: Phase::Running,
            ready_since: None,
            restarts: 0,
            sidecar_restarts: 0,
            created: Moment::from_secs(created),
            index,
        };
        let mut pods = [
            pod("first", Some(0), 1),
            pod("again", Some(0), 3),
            pod("second", Some(1), 2),
            pod("stray", None, 1),
        ];
        assert_eq!(sort_indexed(&mut pods), 2);
        let names = pods.map(|pod| pod.name);
        assert_eq!(names, ["again", "stray", "second", "first"]);
    }
}
