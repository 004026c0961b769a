//! The order in which a Job deletes active Pods that it does not need.

use std::cmp::Reverse;

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
}
