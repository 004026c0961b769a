//! Decides which Pods a StatefulSet creates and deletes, and computes its status.
//!
//! Names, templates and ControllerRevisions are not here. The feature `MaxUnavailableStatefulSet`
//! is off, as in Kubernetes by default: updates replace one Pod at a time.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::moment::Moment;
use crate::replica_set::Phase;

/// The part of a StatefulSet that determines what happens to its Pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatefulSet {
    /// `ordinals.start`: the ordinal of the first Pod.
    pub start: u32,
    /// The wanted number of Pods.
    pub replicas: u32,
    /// `podManagementPolicy`.
    pub management: PodManagement,
    /// `updateStrategy`.
    pub strategy: UpdateStrategy,
    /// `minReadySeconds`.
    pub min_ready: Duration,
    /// Whether its deletion has begun.
    pub deleted: bool,
    /// The ControllerRevision of its Pods before the update.
    pub current: String,
    /// The ControllerRevision of its present template; equal to `current` if no update is due.
    pub update: String,
    /// `currentReplicas` as last published.
    pub current_replicas: u32,
}

/// How Pods are created and deleted. Updates are the same with both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodManagement {
    /// One after the other, each once all Pods of lower ordinals are available.
    OrderedReady,
    /// All at once.
    Parallel,
}

/// How Pods of another template are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateStrategy {
    /// A Pod is replaced only after a client has deleted it.
    OnDelete,
    /// From the highest ordinal down.
    RollingUpdate {
        /// The number of Pods, counted from the lowest ordinal, that keep the current revision.
        /// None at all counts as 0, except that a missing Pod then gets the current revision if
        /// its place is among the published `currentReplicas`.
        partition: Option<u32>,
    },
}

/// A Pod that belongs to the StatefulSet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The number at the end of its name.
    pub ordinal: u32,
    /// The name of its ControllerRevision, from its label.
    pub revision: String,
    /// Its phase.
    pub phase: Phase,
    /// Since when its `Ready` condition has been True, if it is.
    pub ready_since: Option<Moment>,
    /// Whether its deletion has begun.
    pub terminating: bool,
}

/// A change of one Pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Create the Pod with this ordinal.
    Create(u32, Template),
    /// Delete the Pod with this ordinal: it has ended, or is no longer wanted.
    Delete(u32),
    /// Delete the Pod with this ordinal, which has another template than the update.
    Replace(u32),
}

/// The template of a new Pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// That of the current revision.
    Current,
    /// That of the update revision.
    Update,
}

/// The numbers in a StatefulSet's status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Pods that exist, terminating ones too.
    pub replicas: u32,
    /// Of these, the Ready ones.
    pub ready: u32,
    /// Of these, those Ready for `minReadySeconds`.
    pub available: u32,
    /// Pods of the current revision, without terminating ones.
    pub current: u32,
    /// Pods of the update revision, without terminating ones.
    pub updated: u32,
    /// Whether the update is complete: the update revision becomes the current one.
    pub complete: bool,
}

/// The result of one look at the Pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sync {
    /// What to do, in this order.
    pub actions: Vec<Action>,
    /// What to publish.
    pub status: Status,
    /// When a Pod becomes available next if none changes.
    pub next: Option<Moment>,
}

/// What to do at `now`, and what to publish.
///
/// Rule: `pkg/controller/statefulset/stateful_set_control.go`, `updateStatefulSet`.
pub fn sync(set: &StatefulSet, pods: &[Member], now: Moment) -> Sync {
    let (places, condemned) = set.places(pods);
    let view = View {
        set,
        now,
        places,
        condemned,
    };
    let actions = if set.deleted {
        Vec::new()
    } else {
        view.actions()
    };
    let mut status = view.status(pods);
    if actions.iter().any(|it| matches!(it, Action::Replace(_))) {
        // Published in the same write, although the Pod is still there.
        status.current = status.current.saturating_sub(1);
    }
    status.complete = set.is_complete(&status);
    if status.complete {
        status.current = status.updated;
    }
    let changes = pods.iter().filter_map(|pod| view.available_from(pod));
    Sync {
        actions,
        status,
        next: changes.filter(|moment| *moment > now).min(),
    }
}

/// A wanted ordinal, and the Pod that has it.
struct Place<'a> {
    ordinal: u32,
    pod: Option<&'a Member>,
    /// The template that a new Pod gets here.
    template: Template,
}

struct View<'a> {
    set: &'a StatefulSet,
    now: Moment,
    /// In ascending order.
    places: Vec<Place<'a>>,
    /// Pods whose ordinals are not wanted, in descending order.
    condemned: Vec<&'a Member>,
}

impl StatefulSet {
    fn places<'a>(&self, pods: &'a [Member]) -> (Vec<Place<'a>>, Vec<&'a Member>) {
        let wanted = self.start..self.start.saturating_add(self.replicas);
        let mut condemned: Vec<_> = pods
            .iter()
            .filter(|pod| !wanted.contains(&pod.ordinal))
            .collect();
        condemned.sort_by_key(|pod| std::cmp::Reverse(pod.ordinal));
        let place = |ordinal| Place {
            ordinal,
            pod: pods.iter().find(|pod| pod.ordinal == ordinal),
            template: self.template(ordinal - self.start),
        };
        (wanted.map(place).collect(), condemned)
    }

    /// Rule: `pkg/controller/statefulset/stateful_set_utils.go`, `newVersionedStatefulSetPod`.
    fn template(&self, place: u32) -> Template {
        let kept = match self.strategy {
            UpdateStrategy::OnDelete => 0,
            UpdateStrategy::RollingUpdate { partition } => {
                partition.unwrap_or(self.current_replicas)
            }
        };
        if place < kept {
            Template::Current
        } else {
            Template::Update
        }
    }

    /// Rule: the same file, `completeRollingUpdate`.
    fn is_complete(&self, status: &Status) -> bool {
        matches!(self.strategy, UpdateStrategy::RollingUpdate { .. })
            && [status.updated, status.ready, status.replicas] == [self.replicas; 3]
    }
}

impl View<'_> {
    fn actions(&self) -> Vec<Action> {
        let mut actions = match self.set.management {
            PodManagement::Parallel => self.parallel(),
            PodManagement::OrderedReady => match self.ordered() {
                ControlFlow::Break(step) => return step.into_iter().collect(),
                ControlFlow::Continue(()) => Vec::new(),
            },
        };
        if let Some(ordinal) = self.replaced()
            && !actions.contains(&Action::Delete(ordinal))
        {
            actions.push(Action::Replace(ordinal));
        }
        actions
    }

    /// The step that is due at the lowest ordinal without an available Pod, if any; then the next
    /// step of scaling down. As long as there is either, nothing is updated.
    ///
    /// Rule: `processReplica` and `processCondemned`.
    fn ordered(&self) -> ControlFlow<Option<Action>> {
        for place in &self.places {
            match place.pod {
                None => {
                    let create = Action::Create(place.ordinal, place.template);
                    return ControlFlow::Break(Some(create));
                }
                Some(pod) if pod.phase == Phase::Ended => {
                    return ControlFlow::Break(deletion(pod));
                }
                Some(pod) if !self.is_available(pod) => return ControlFlow::Break(None),
                Some(_) => {}
            }
        }
        let Some(last) = self.condemned.first() else {
            return ControlFlow::Continue(());
        };
        // Of the unhealthy Pods only the one with the lowest ordinal is deleted as it is.
        let mut ascending = self.condemned.iter().rev();
        let unhealthy = ascending.find(|pod| !self.is_available(pod));
        let is_due = self.is_available(last) || unhealthy == Some(last);
        ControlFlow::Break(deletion(last).filter(|_| is_due))
    }

    fn parallel(&self) -> Vec<Action> {
        let places = self.places.iter().filter_map(|place| match place.pod {
            None => Some(Action::Create(place.ordinal, place.template)),
            Some(pod) if pod.phase == Phase::Ended => deletion(pod),
            Some(_) => None,
        });
        let condemned = self.condemned.iter().filter_map(|pod| deletion(pod));
        places.chain(condemned).collect()
    }

    /// The ordinal of the Pod to replace next: the highest one of another revision, unless a
    /// higher one is not available.
    fn replaced(&self) -> Option<u32> {
        let UpdateStrategy::RollingUpdate { partition } = self.set.strategy else {
            return None;
        };
        let kept = usize::try_from(partition.unwrap_or(0)).unwrap_or(usize::MAX);
        for place in self.places.get(kept..)?.iter().rev() {
            let is_terminating = place.pod.is_some_and(|pod| pod.terminating);
            if self.revision(place) != self.set.update && !is_terminating {
                return Some(place.ordinal);
            }
            if !place.pod.is_some_and(|pod| self.is_available(pod)) {
                return None;
            }
        }
        None
    }

    /// The revision of the Pod at a place, which may be created in this sync.
    fn revision<'a>(&'a self, place: &Place<'a>) -> &'a str {
        match (place.pod, place.template) {
            (Some(pod), _) => &pod.revision,
            (None, Template::Current) => &self.set.current,
            (None, Template::Update) => &self.set.update,
        }
    }

    /// Rule: `computeReplicaStatus`.
    fn status(&self, pods: &[Member]) -> Status {
        let count = |counts: &dyn Fn(&Member) -> bool| {
            let number = pods.iter().filter(|pod| counts(pod)).count();
            u32::try_from(number).unwrap_or(u32::MAX)
        };
        let is_of = |pod: &Member, revision: &str| !pod.terminating && pod.revision == revision;
        Status {
            replicas: count(&|_| true),
            ready: count(&|pod| is_ready(pod)),
            available: count(&|pod| self.available_from(pod).is_some_and(|at| at <= self.now)),
            current: count(&|pod| is_of(pod, &self.set.current)),
            updated: count(&|pod| is_of(pod, &self.set.update)),
            complete: false,
        }
    }

    /// Whether the Pod is available and stays.
    fn is_available(&self, pod: &Member) -> bool {
        !pod.terminating && self.available_from(pod).is_some_and(|at| at <= self.now)
    }

    /// When the Pod is Ready for long enough, if it is Ready.
    ///
    /// Rule: `pkg/api/v1/pod/util.go`, `IsPodAvailable`.
    fn available_from(&self, pod: &Member) -> Option<Moment> {
        let since = pod.ready_since.filter(|_| is_ready(pod))?;
        Some(since + self.set.min_ready)
    }
}

/// Rule: `pkg/controller/statefulset/stateful_set_utils.go`, `isRunningAndReady`.
fn is_ready(pod: &Member) -> bool {
    pod.phase == Phase::Running && pod.ready_since.is_some()
}

/// The deletion of a Pod that is not being deleted yet.
fn deletion(pod: &Member) -> Option<Action> {
    (!pod.terminating).then_some(Action::Delete(pod.ordinal))
}

#[cfg(test)]
mod tests;
