//! Scales the ReplicaSets of a Deployment that was resized or is paused; creates none.
//!
//! In the middle of a rollout each ReplicaSet gets a proportional share, so that the risk stays
//! spread as it was.
//!
//! Rule: `pkg/controller/deployment/sync.go`, `scale` and `isScalingEvent`.

use super::{Deployment, RolloutStep, Set, Strategy, scale_to_zero};

impl Deployment {
    /// Whether a ReplicaSet in use was sized for another number of replicas.
    pub(super) fn is_resized(&self, new: Option<&Set>, old: &[&Set]) -> bool {
        let mut sets = old.iter().copied().chain(new);
        let has_other_size = |set: &Set| {
            set.sized_for
                .is_some_and(|size| size.desired != self.replicas)
        };
        sets.any(|set| set.wanted > 0 && has_other_size(set))
    }

    pub(super) fn resize(&self, new: Option<&Set>, old: &[&Set]) -> Vec<RolloutStep> {
        // With one set in use there is nothing to share.
        if let Some(only) = active_or_latest(new, old) {
            let step = RolloutStep::Scale(only.name.clone(), self.replicas);
            return self
                .must_resize(only, self.replicas)
                .then_some(step)
                .into_iter()
                .collect();
        }
        // The case of old sets that were adopted while the new one was complete.
        if new.is_some_and(|new| self.is_saturated(new)) {
            return scale_to_zero(old);
        }
        match self.strategy {
            // Old and new sets of this strategy are never in use together.
            Strategy::Recreate => Vec::new(),
            Strategy::RollingUpdate { .. } => self.share(new, old),
        }
    }

    fn is_saturated(&self, new: &Set) -> bool {
        let is_sized = new
            .sized_for
            .is_some_and(|size| size.desired == self.replicas);
        is_sized && new.wanted == self.replicas && new.available == self.replicas
    }

    /// The remainder from rounding goes to the largest ReplicaSet. Among equals it goes to the
    /// newest when growing, and to the oldest when shrinking.
    ///
    /// Rule: `pkg/controller/deployment/sync.go`, `scale`: `ReplicaSetsBySizeNewer`,
    /// `ReplicaSetsBySizeOlder`.
    fn share(&self, new: Option<&Set>, old: &[&Set]) -> Vec<RolloutStep> {
        let mut sets: Vec<_> = old
            .iter()
            .copied()
            .chain(new)
            .filter(|set| set.wanted > 0)
            .collect();
        let present: i64 = sets.iter().map(|set| i64::from(set.wanted)).sum();
        // With the surge: a resize does not end the rollout.
        let allowed = if self.replicas > 0 {
            i64::from(self.size().most)
        } else {
            0
        };
        let difference = allowed - present;
        // `sets` starts out with the oldest first.
        if difference > 0 {
            sets.reverse();
        }
        // A stable sort: sets of one size stay ordered by age.
        sets.sort_by_key(|set| std::cmp::Reverse(set.wanted));
        let mut left = difference;
        let mut sizes = Vec::new();
        for set in &sets {
            let share = self.proportion(set).clamp(left.min(0), left.max(0));
            left -= share;
            sizes.push(i64::from(set.wanted) + share);
        }
        if let Some(largest) = sizes.first_mut() {
            *largest += left;
        }
        let sizes = sizes
            .into_iter()
            // The rest may take the largest set below zero; upstream cuts there too.
            .map(|size| u32::try_from(size).unwrap_or(0));
        let resized = sets
            .into_iter()
            .zip(sizes)
            .filter(|(set, size)| self.must_resize(set, *size));
        resized
            .map(|(set, size)| RolloutStep::Scale(set.name.clone(), size))
            .collect()
    }

    /// Whether the ReplicaSet has another size than `size`, or was sized for another size of the
    /// Deployment.
    fn must_resize(&self, set: &Set, size: u32) -> bool {
        set.wanted != size || set.sized_for.is_some_and(|size| size != self.size())
    }

    /// A ReplicaSet's share of the Deployment's growth, rounded.
    ///
    /// Rule: `pkg/controller/deployment/util/deployment_util.go`, `getReplicaSetFraction`.
    fn proportion(&self, set: &Set) -> i64 {
        if self.replicas == 0 {
            return -i64::from(set.wanted);
        }
        // The whole Deployment's present size stands in for an annotation that somebody removed.
        let before = match set.sized_for.map_or(0, |size| size.most) {
            0 => self.present,
            most => most,
        };
        // Neither an annotation nor Pods.
        if before == 0 {
            return 0;
        }
        let (before, now) = (i64::from(before), i64::from(self.size().most));
        let share = i64::from(set.wanted) * now;
        // Rounds to the nearest Pod, halves up, without floating point.
        (2 * share + before) / (2 * before) - i64::from(set.wanted)
    }
}

/// The ReplicaSet to scale if there is no choice: the only one in use, or the newest if none is in
/// use.
fn active_or_latest<'a>(new: Option<&'a Set>, old: &[&'a Set]) -> Option<&'a Set> {
    let mut active = old.iter().copied().chain(new).filter(|set| set.wanted > 0);
    match (active.next(), active.next()) {
        (None, _) => new.or(old.last().copied()),
        (only, None) => only,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Amount, Size};
    use super::*;

    fn deployment(replicas: u32) -> Deployment {
        let strategy = Strategy::RollingUpdate {
            surge: Amount::Number(3),
            unavailable: Amount::Number(2),
        };
        Deployment {
            name: "web".to_owned(),
            replicas,
            present: 0,
            strategy,
            paused: false,
            deadline: None,
        }
    }

    fn set(name: &str, wanted: u32, desired: u32, most: u32) -> Set {
        let sized_for = Some(Size { desired, most });
        Set {
            name: name.to_owned(),
            wanted,
            sized_for,
            ..Set::default()
        }
    }

    fn check(deployment: &Deployment, new: Option<&Set>, old: &[&Set], expected: &[(&str, u32)]) {
        let found = deployment.resize(new, old);
        let step = |(name, size): &(&str, u32)| RolloutStep::Scale((*name).to_owned(), *size);
        assert_eq!(found, expected.iter().map(step).collect::<Vec<_>>());
    }

    #[test]
    fn a_new_size_is_noticed_by_the_annotation() {
        let resized =
            |wanted, desired| deployment(5).is_resized(Some(&set("new", wanted, desired, 8)), &[]);
        assert!(resized(3, 3));
        assert!(!resized(5, 5));
        assert!(!resized(0, 3), "one not in use does not count");
    }

    #[test]
    fn the_only_one_in_use_takes_it_all() {
        check(
            &deployment(5),
            Some(&set("new", 3, 3, 6)),
            &[],
            &[("new", 5)],
        );
        check(
            &deployment(5),
            Some(&set("new", 3, 3, 6)),
            &[&set("old", 0, 3, 6)],
            &[("new", 5)],
        );
        check(
            &deployment(5),
            Some(&set("new", 0, 0, 0)),
            &[],
            &[("new", 5)],
        );
        check(&deployment(3), Some(&set("new", 3, 3, 6)), &[], &[]);
    }

    #[test]
    fn a_finished_rollout_leaves_nothing_to_the_old() {
        let new = Set {
            available: 5,
            ..set("new", 5, 5, 8)
        };
        check(
            &deployment(5),
            Some(&new),
            &[&set("old", 3, 5, 8)],
            &[("old", 0)],
        );
    }

    #[test]
    fn in_the_middle_each_gets_its_share() {
        // The example of the documentation: 10 replicas with maxSurge 3, stuck at 8 and 5, become
        // 15.
        let (new, old) = (set("new", 5, 10, 13), set("old", 8, 10, 13));
        check(
            &deployment(15),
            Some(&new),
            &[&old],
            &[("old", 11), ("new", 7)],
        );
    }

    #[test]
    fn of_equals_the_newest_grows_and_the_oldest_shrinks() {
        let (new, old) = (set("new", 3, 4, 7), set("old", 3, 4, 7));
        let check = |replicas, expected| {
            let deployment = deployment(replicas);
            check(&deployment, Some(&new), &[&old], expected);
        };
        check(5, &[("new", 5), ("old", 3)]);
        check(2, &[("old", 2), ("new", 3)]);
    }

    #[test]
    fn shares_are_given_once() {
        let (new, old) = (set("new", 7, 15, 18), set("old", 11, 15, 18));
        check(&deployment(15), Some(&new), &[&old], &[]);
    }

    #[test]
    fn a_share_that_stays_is_remembered_all_the_same() {
        let (new, old) = (set("new", 1, 10, 13), set("old", 12, 10, 13));
        check(
            &deployment(11),
            Some(&new),
            &[&old],
            &[("old", 13), ("new", 1)],
        );
    }

    #[test]
    fn without_its_annotation_a_share_is_of_the_pods_present() {
        let (new, old) = (set("new", 5, 10, 0), set("old", 8, 10, 0));
        let check = |present, expected| {
            let deployment = Deployment {
                present,
                ..deployment(15)
            };
            check(&deployment, Some(&new), &[&old], expected);
        };
        check(13, &[("old", 11), ("new", 7)]);
        check(0, &[("old", 13), ("new", 5)]);
    }

    #[test]
    fn to_nothing_means_nothing() {
        let (new, old) = (set("new", 5, 10, 13), set("old", 8, 10, 13));
        check(
            &deployment(0),
            Some(&new),
            &[&old],
            &[("old", 0), ("new", 0)],
        );
    }
}
