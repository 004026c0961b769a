//! The steps of a Deployment's rollout: which ReplicaSet to create, grow or shrink next.
//!
//! Each decision follows from wanted sizes and published counts. The Deployment's status and
//! conditions are in [`progress`]. Templates, hashes and revisions are not here.

pub mod progress;
mod scale;
mod strategy;

pub use strategy::{Amount, Strategy};

use std::time::Duration;

use crate::moment::Moment;
use progress::Condition;

/// The part of a Deployment that determines its ReplicaSets' sizes.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Its name.
    pub name: String,
    /// The wanted number of Pods.
    pub replicas: u32,
    /// The number of Pods in its status.
    pub present: u32,
    /// How Pods of old templates are replaced.
    pub strategy: Strategy,
    /// Whether rollouts are paused.
    pub paused: bool,
    /// `progressDeadlineSeconds`: how long a rollout may go without progress.
    pub deadline: Option<Duration>,
}

/// A ReplicaSet of a Deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    /// Its name.
    pub name: String,
    /// When it was created.
    pub created: Moment,
    /// Its wanted number of Pods.
    pub wanted: u32,
    /// The Deployment's size when this one's was last decided, from its annotations.
    pub sized_for: Option<Size>,
    /// Its number of Pods.
    pub replicas: u32,
    /// Of these, the Ready ones.
    pub ready: u32,
    /// Of these, the available ones.
    pub available: u32,
    /// Its Pods that are being deleted.
    pub terminating: u32,
    /// Its condition `ReplicaFailure`, if it has one.
    pub failure: Option<Condition>,
}

/// The size of a Deployment recorded on a ReplicaSet, by which a resize is told from a rollout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// `deployment.kubernetes.io/desired-replicas`.
    pub desired: u32,
    /// `deployment.kubernetes.io/max-replicas`.
    pub most: u32,
}

/// A step of a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RolloutStep {
    /// Create the ReplicaSet of the current template with this size.
    Create(u32),
    /// Set the size of the ReplicaSet with this name.
    Scale(String, u32),
}

impl Deployment {
    /// The steps to take now, all at once; none if a Pod has to change first. `old` does not
    /// contain `new`.
    ///
    /// Rule: `pkg/controller/deployment/deployment_controller.go`, `syncDeployment`.
    pub fn steps(&self, new: Option<&Set>, old: &[Set]) -> Vec<RolloutStep> {
        let old = oldest_first(old);
        // A resize in the middle of a rollout first spreads over all ReplicaSets; the rollout goes
        // on from there. A paused Deployment follows its size too, but starts no new template.
        if self.paused || self.is_resized(new, &old) {
            return self.resize(new, &old);
        }
        match self.strategy {
            Strategy::Recreate => self.recreate(new, &old),
            Strategy::RollingUpdate { .. } => self.roll(new, &old),
        }
    }

    /// The size to record on its ReplicaSets.
    pub fn size(&self) -> Size {
        Size {
            desired: self.replicas,
            most: self.replicas.saturating_add(self.surge()),
        }
    }

    /// Number of Pods that may be unavailable during a rollout.
    ///
    /// Rule: `pkg/controller/deployment/util/deployment_util.go`, `MaxUnavailable`.
    pub(crate) fn unavailable(&self) -> u32 {
        self.strategy.unavailable(self.replicas).min(self.replicas)
    }

    fn surge(&self) -> u32 {
        self.strategy.surge(self.replicas)
    }

    /// Rule: `pkg/controller/deployment/rolling.go`, `rolloutRolling`.
    fn roll(&self, new: Option<&Set>, old: &[&Set]) -> Vec<RolloutStep> {
        let target = self.new_size(new, old);
        let Some(new) = new else {
            return vec![RolloutStep::Create(target)];
        };
        if new.wanted != target {
            return vec![RolloutStep::Scale(new.name.clone(), target)];
        }
        self.shrink_old(new, old)
    }

    /// Rule: `pkg/controller/deployment/recreate.go`, `rolloutRecreate`.
    fn recreate(&self, new: Option<&Set>, old: &[&Set]) -> Vec<RolloutStep> {
        // Pods being deleted count too: the new template starts when none of the old is left.
        let shrinking = scale_to_zero(old);
        if !shrinking.is_empty() || old.iter().any(|set| set.replicas + set.terminating > 0) {
            return shrinking;
        }
        match new {
            None => vec![RolloutStep::Create(self.replicas)],
            Some(new) => changed(new, self.replicas).into_iter().collect(),
        }
    }

    /// The size of the new ReplicaSet: as large as the surge allows.
    ///
    /// Rule: `pkg/controller/deployment/util/deployment_util.go`, `NewRSNewReplicas`.
    fn new_size(&self, new: Option<&Set>, old: &[&Set]) -> u32 {
        let present = new.map_or(0, |new| new.wanted);
        // A new set that is too large shrinks at once: `rolling.go`, `reconcileNewReplicaSet`.
        if present >= self.replicas {
            return self.replicas;
        }
        let total = present + wanted(old);
        // None in a roll-over: the new set starts empty, until old ones have shrunk.
        let room = self.size().most.saturating_sub(total);
        present + room.min(self.replicas - present)
    }

    /// Shrinks old ReplicaSets. Unhealthy Pods go first: they cost no availability.
    ///
    /// Rule: `pkg/controller/deployment/rolling.go`, `reconcileOldReplicaSets`.
    fn shrink_old(&self, new: &Set, old: &[&Set]) -> Vec<RolloutStep> {
        let least = self.strategy.least_available(self.replicas);
        // The new Pods may still fail, so as many old ones stay as the new set lacks.
        let missing = new.wanted.saturating_sub(new.available);
        let mut spare = (new.wanted + wanted(old)).saturating_sub(least + missing);
        if spare == 0 {
            return Vec::new();
        }
        let mut sizes: Vec<_> = old.iter().map(|set| set.wanted).collect();
        // Rule: `cleanupUnhealthyReplicas` of the same file.
        for (size, set) in sizes.iter_mut().zip(old) {
            spare -= reduce(size, size.saturating_sub(set.available).min(spare));
        }
        let available = new.available + old.iter().map(|set| set.available).sum::<u32>();
        // Healthy Pods go only as far as the available ones exceed the minimum:
        // `scaleDownOldReplicaSetsForRollingUpdate`.
        let mut spare = available.saturating_sub(least);
        for size in &mut sizes {
            spare -= reduce(size, spare);
        }
        old.iter()
            .zip(sizes)
            .filter_map(|(set, size)| changed(set, size))
            .collect()
    }
}

/// Reduces `size` by at most `most`. Returns by how much.
fn reduce(size: &mut u32, most: u32) -> u32 {
    let taken = most.min(*size);
    *size -= taken;
    taken
}

fn oldest_first(sets: &[Set]) -> Vec<&Set> {
    let mut sets: Vec<_> = sets.iter().collect();
    // Creation times are whole seconds, so the name decides between sets of one second:
    // `pkg/controller/controller_utils.go`, `ReplicaSetsByCreationTimestamp`.
    sets.sort_by_key(|set| (set.created, &set.name));
    sets
}

fn wanted(sets: &[&Set]) -> u32 {
    sets.iter().map(|set| set.wanted).sum()
}

fn scale_to_zero(sets: &[&Set]) -> Vec<RolloutStep> {
    sets.iter().filter_map(|set| changed(set, 0)).collect()
}

fn changed(set: &Set, size: u32) -> Option<RolloutStep> {
    (set.wanted != size).then(|| RolloutStep::Scale(set.name.clone(), size))
}

#[cfg(test)]
mod tests;
