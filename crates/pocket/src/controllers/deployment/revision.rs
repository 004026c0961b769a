//! Revision annotations of Deployments and ReplicaSets, and which old ReplicaSets to delete.
//!
//! Rule: `pkg/controller/deployment/util/deployment_util.go`, `SetNewReplicaSetAnnotations`.

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::controllers::counts;
use crate::kinds::Object;

const REVISION: &str = "deployment.kubernetes.io/revision";
const HISTORY: &str = "deployment.kubernetes.io/revision-history";

pub(super) fn of(object: &impl Object) -> Option<u64> {
    object
        .metadata()
        .annotations
        .as_ref()?
        .get(REVISION)?
        .parse()
        .ok()
}

/// The revision of a template newer than all of these ReplicaSets.
pub(super) fn after(sets: &[ReplicaSet]) -> u64 {
    sets.iter().filter_map(of).max().unwrap_or(0) + 1
}

/// The current template's revision: its own, unless an older template became current again.
pub(super) fn next(new: &ReplicaSet, old: &[ReplicaSet]) -> u64 {
    after(old).max(of(new).unwrap_or(0))
}

pub(super) fn write(metadata: &mut ObjectMeta, revision: u64) {
    metadata
        .annotations
        .get_or_insert_default()
        .insert(REVISION.to_owned(), revision.to_string());
}

/// Writes a revision. A different previous one is added to the history annotation.
pub(super) fn update(metadata: &mut ObjectMeta, revision: u64) {
    let revision = revision.to_string();
    let annotations = metadata.annotations.get_or_insert_default();
    let before = annotations.insert(REVISION.to_owned(), revision.clone());
    if let Some(before) = before.filter(|before| *before != revision) {
        let history = annotations
            .get(HISTORY)
            .map(|earlier| format!("{earlier},{before}"));
        annotations.insert(HISTORY.to_owned(), history.unwrap_or(before));
    }
}

/// The unused ReplicaSets among the oldest ones beyond the number to keep.
///
/// Rule: `pkg/controller/deployment/sync.go`, `cleanupDeployment`.
pub(super) fn surplus(old: &[ReplicaSet], kept: u32) -> Vec<&ReplicaSet> {
    let staying = old.iter();
    let staying = staying.filter(|set| set.metadata.deletion_timestamp.is_none());
    let mut staying: Vec<_> = staying.collect();
    // By revision, not by age: a template that became current again is recent.
    staying.sort_by_key(|set| of(*set));
    let kept = usize::try_from(kept).unwrap_or(usize::MAX);
    let surplus = staying.len().saturating_sub(kept);
    // Those in use count too, but are not deleted.
    staying.truncate(surplus);
    staying.retain(|set| is_idle(set));
    staying
}

fn is_idle(set: &ReplicaSet) -> bool {
    let status = set.status.as_ref();
    let has_pods = status.is_some_and(|status| status.replicas > 0);
    // A status of an earlier generation may not show the Pods of an earlier size.
    let observed = status.and_then(|status| status.observed_generation);
    counts::from_api(set.spec.replicas) == 0 && !has_pods && set.metadata.generation <= observed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, revision: u64, replicas: i32) -> ReplicaSet {
        let mut set = ReplicaSet::default();
        set.metadata.name = Some(name.to_owned());
        set.spec.replicas = Some(replicas);
        write(&mut set.metadata, revision);
        set
    }

    #[test]
    fn a_template_that_comes_back_is_the_newest() {
        let old = [set("a", 3, 0), set("b", 2, 0)];
        assert_eq!(after(&[]), 1);
        assert_eq!(next(&set("c", 4, 1), &old), 4);
        assert_eq!(next(&set("c", 1, 1), &old), 4);
    }

    #[test]
    fn earlier_revisions_are_remembered() {
        let mut set = set("a", 1, 0);
        update(&mut set.metadata, 3);
        update(&mut set.metadata, 3);
        update(&mut set.metadata, 5);
        assert_eq!(of(&set), Some(5));
        assert_eq!(set.metadata.annotations.unwrap()[HISTORY], "1,3");
    }

    #[test]
    fn the_oldest_idle_ones_are_forgotten() {
        let old = [
            set("a", 3, 0),
            set("b", 1, 0),
            set("c", 2, 0),
            set("d", 0, 1),
        ];
        let names = |kept| -> Vec<_> {
            let sets = surplus(&old, kept).into_iter();
            sets.map(|set| set.metadata.name.clone().unwrap()).collect()
        };
        assert_eq!(names(1), ["b", "c"]);
        assert_eq!(names(2), ["b"], "d is in use, and counts");
        assert!(names(3).is_empty());
    }
}
