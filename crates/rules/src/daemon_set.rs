//! Decides which Pods a DaemonSet creates and deletes on the only node, and counts them.
//!
//! Names, templates and ControllerRevisions are not here.

pub mod failed_pods;

use std::time::Duration;

use crate::moment::Moment;
use crate::taint::{self, Taint, Toleration};

/// The part of a DaemonSet that determines what happens to its Pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DaemonSet {
    /// Whether its Pods belong on the node.
    pub placement: Placement,
    /// `updateStrategy`.
    pub strategy: UpdateStrategy,
    /// `minReadySeconds`.
    pub min_ready: Duration,
}

/// Whether the Pods of a DaemonSet belong on the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// The node should run one.
    Wanted,
    /// A taint with the effect `NoSchedule` keeps new ones away. One that runs goes on.
    Kept,
    /// The node should run none.
    Unwanted,
}

impl Placement {
    /// The placement on a node that the template names or selects or not, given its taints.
    ///
    /// Rule: `pkg/controller/daemon/daemon_controller.go`, `NodeShouldRunDaemonPod`.
    pub fn of(is_selected: bool, taints: &[Taint], tolerations: &[Toleration]) -> Self {
        let evicting: Vec<Taint> = taints.iter().filter(|it| it.evicts()).cloned().collect();
        if !is_selected || taint::keep_away(&evicting, tolerations) {
            Self::Unwanted
        } else if taint::keep_away(taints, tolerations) {
            Self::Kept
        } else {
            Self::Wanted
        }
    }
}

/// How a Pod of another template is replaced. On one node each bound but 0 is one Pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateStrategy {
    /// It is replaced only after a client has deleted it.
    OnDelete,
    /// `maxUnavailable`: it is deleted before the new one is created.
    Unavailable,
    /// `maxSurge`: it is deleted when the new one is available.
    Surge,
}

/// A Pod of the DaemonSet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Whether it has the present template.
    pub updated: bool,
    /// Its phase.
    pub phase: Phase,
    /// Since when its `Ready` condition has been True, if it is.
    pub ready_since: Option<Moment>,
    /// Whether its deletion has begun.
    pub terminating: bool,
    /// Whether it is bound to the node.
    pub bound: bool,
    /// When it was created.
    pub created: Moment,
}

/// The phase of a Pod, as far as a DaemonSet looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// `Pending`, `Running` or `Unknown`.
    Live,
    /// All containers ended with 0.
    Succeeded,
    /// A container ended otherwise.
    Failed,
}

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Create a Pod of the present template.
    Create,
    /// Delete the Pod.
    Delete(String),
    /// Delete the Pod, which has ended, with an event about it.
    DeleteEnded(String, Phase),
}

/// The numbers in a DaemonSet's status, for the only node: each is 0 or 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The node should run a Pod.
    pub desired: u32,
    /// It should and does.
    pub current: u32,
    /// It should not and does.
    pub misscheduled: u32,
    /// Its oldest Pod is Ready.
    pub ready: u32,
    /// That Pod has been Ready for `minReadySeconds`.
    pub available: u32,
    /// That Pod has the present template.
    pub updated: u32,
}

/// What to do at `now`. `may_delete_failed` tells whether a failed Pod may be deleted now; it is
/// asked once for each.
///
/// Rule: `pkg/controller/daemon/daemon_controller.go`, `updateDaemonSet`: an update goes on once
/// the node has the Pods that it should have.
pub fn actions(
    set: &DaemonSet,
    pods: &[Member],
    now: Moment,
    may_delete_failed: impl FnMut() -> bool,
) -> Vec<Action> {
    let pods = known(pods);
    let due = manage(set, &pods, now, may_delete_failed);
    if due.is_empty() {
        return update(set, &pods, now).into_iter().collect();
    }
    due
}

/// Counts what the oldest Pod on the node is.
///
/// Rule: the same file, `updateDaemonSetStatus`.
pub fn count(set: &DaemonSet, pods: &[Member], now: Moment) -> Counts {
    let pods = known(pods);
    let oldest = pods.first().filter(|_| set.is_wanted());
    let is = |holds: &dyn Fn(&Member) -> bool| u32::from(oldest.is_some_and(|pod| holds(pod)));
    Counts {
        desired: u32::from(set.is_wanted()),
        current: is(&|_| true),
        misscheduled: u32::from(!set.is_wanted() && !pods.is_empty()),
        ready: is(&|pod| pod.ready_since.is_some()),
        available: is(&|pod| set.is_available(pod, now)),
        updated: is(&|pod| pod.updated),
    }
}

impl DaemonSet {
    fn is_wanted(&self) -> bool {
        self.placement == Placement::Wanted
    }

    /// Rule: `pkg/api/v1/pod/util.go`, `IsPodAvailable`.
    fn is_available(&self, pod: &Member, now: Moment) -> bool {
        pod.ready_since
            .is_some_and(|since| since + self.min_ready <= now)
    }
}

/// The Pods that count, oldest first: not those that are being deleted and have ended.
///
/// Rule: `getNodesToDaemonPods` and `podByCreationTimestampAndPhase`.
fn known(pods: &[Member]) -> Vec<&Member> {
    let is_over = |pod: &&Member| pod.terminating && pod.phase != Phase::Live;
    let mut known: Vec<_> = pods.iter().filter(|pod| !is_over(pod)).collect();
    known.sort_by_key(|pod| (!pod.bound, pod.created, &pod.name));
    known
}

/// Sees to it that the node has a Pod, and no more than the strategy allows.
///
/// Rule: `podsShouldBeOnNode`.
fn manage(
    set: &DaemonSet,
    pods: &[&Member],
    now: Moment,
    mut may_delete_failed: impl FnMut() -> bool,
) -> Vec<Action> {
    let delete = |pod: &Member| Action::Delete(pod.name.clone());
    let staying = pods.iter().filter(|pod| !pod.terminating).copied();
    if set.placement == Placement::Unwanted {
        return staying.map(delete).collect();
    }
    if pods.is_empty() {
        return set
            .is_wanted()
            .then_some(Action::Create)
            .into_iter()
            .collect();
    }
    let (live, ended): (Vec<&Member>, Vec<_>) = staying.partition(|pod| pod.phase == Phase::Live);
    let mut actions: Vec<Action> = ended
        .into_iter()
        .filter(|pod| pod.phase == Phase::Succeeded || may_delete_failed())
        .map(|pod| Action::DeleteEnded(pod.name.clone(), pod.phase))
        .collect();
    match (set.strategy, live.as_slice()) {
        // Even beside a Pod that is being deleted.
        (UpdateStrategy::Surge, []) if set.is_wanted() => actions.push(Action::Create),
        (UpdateStrategy::Surge, [] | [_]) => {}
        (UpdateStrategy::Surge, _) => {
            let surplus = surplus_of_surge(set, &live, now);
            actions.extend(surplus.into_iter().map(delete));
        }
        _ => actions.extend(live.into_iter().skip(1).map(delete)),
    }
    actions
}

/// Of the Pods on the node, those besides the oldest new and the oldest old one; and the old one,
/// if it is not Ready or the new one is available.
fn surplus_of_surge<'a>(set: &DaemonSet, live: &[&'a Member], now: Moment) -> Vec<&'a Member> {
    let oldest = |updated| live.iter().find(|pod| pod.updated == updated).copied();
    let (new, old) = (oldest(true), oldest(false));
    let is_kept = |pod: &&&Member| Some(**pod) == new || Some(**pod) == old;
    let mut surplus: Vec<_> = live.iter().filter(|pod| !is_kept(pod)).copied().collect();
    if let (Some(new), Some(old)) = (new, old)
        && (old.ready_since.is_none() || set.is_available(new, now))
    {
        surplus.push(old);
    }
    surplus
}

/// Replaces a Pod of another template, if the node has at most one Pod of each.
///
/// Rule: `pkg/controller/daemon/update.go`, `rollingUpdate`.
fn update(set: &DaemonSet, pods: &[&Member], now: Moment) -> Option<Action> {
    let staying = pods.iter().filter(|pod| !pod.terminating);
    let (new, old): (Vec<&Member>, Vec<&Member>) = staying.partition(|pod| pod.updated);
    let delete = |pod: &Member| Action::Delete(pod.name.clone());
    match (set.strategy, new.as_slice(), old.as_slice()) {
        (UpdateStrategy::Surge, [], [_]) if set.is_wanted() => Some(Action::Create),
        // A surge on a node that should run none waits for no other Pod.
        (UpdateStrategy::Unavailable | UpdateStrategy::Surge, [], [old]) => Some(delete(old)),
        (UpdateStrategy::Surge, [new], [old]) if set.is_available(new, now) => Some(delete(old)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
