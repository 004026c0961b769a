//! Converts StatefulSets and their Pods between API objects and the rules' form.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use rules::stateful_set::{self, Member, PodManagement, Status, UpdateStrategy};

use crate::clock::{Clock, seconds};
use crate::controllers::{counts, history, pod_template, pod_view};
use crate::kinds::name;

const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";
const POD_INDEX: &str = "apps.kubernetes.io/pod-index";

/// The rules' view of a set with these ControllerRevisions.
pub(super) fn rules(set: &StatefulSet, current: &str, update: &str) -> stateful_set::StatefulSet {
    let spec = &set.spec;
    let status = set.status.as_ref();
    let start = spec.ordinals.as_ref().and_then(|ordinals| ordinals.start);
    stateful_set::StatefulSet {
        start: counts::from_api(start),
        replicas: counts::from_api(spec.replicas),
        management: match spec.pod_management_policy.as_deref() {
            Some("Parallel") => PodManagement::Parallel,
            _ => PodManagement::OrderedReady,
        },
        strategy: strategy(set),
        min_ready: seconds(spec.min_ready_seconds.unwrap_or(0)),
        deleted: set.metadata.deletion_timestamp.is_some(),
        current: current.to_owned(),
        update: update.to_owned(),
        current_replicas: counts::from_api(status.and_then(|status| status.current_replicas)),
    }
}

fn strategy(set: &StatefulSet) -> UpdateStrategy {
    let strategy = set.spec.update_strategy.clone().unwrap_or_default();
    if strategy.type_.as_deref() == Some("OnDelete") {
        return UpdateStrategy::OnDelete;
    }
    let partition = strategy
        .rolling_update
        .map(|rolling| counts::from_api(rolling.partition));
    UpdateStrategy::RollingUpdate { partition }
}

/// The rules' view of a Pod; `None` if it has no name of a set's Pod.
pub(super) fn member(pod: &Pod, set: &StatefulSet, clock: &Clock) -> Option<Member> {
    Some(Member {
        ordinal: ordinal(pod, set)?,
        revision: history::revision_label(pod).unwrap_or_default().to_owned(),
        phase: pod_view::phase(pod),
        ready_since: pod_view::ready_since(pod, clock),
        terminating: pod.metadata.deletion_timestamp.is_some(),
    })
}

/// The number at the end of a Pod's name, if the rest is the set's.
///
/// Rule: `pkg/controller/statefulset/stateful_set_utils.go`, `getParentNameAndOrdinal`.
pub(super) fn ordinal(pod: &Pod, set: &StatefulSet) -> Option<u32> {
    let digits = name(pod).strip_prefix(name(set))?.strip_prefix('-')?;
    let is_number = digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

pub(super) fn pod_name(set: &StatefulSet, ordinal: u32) -> String {
    format!("{}-{ordinal}", name(set))
}

/// A new Pod of the set.
///
/// Rule: the same file, `newStatefulSetPod` and `initIdentity`.
pub(super) fn pod(
    set: &StatefulSet,
    ordinal: u32,
    template: PodTemplateSpec,
    revision: &str,
) -> Pod {
    let mut pod = pod_template::pod(set, template);
    let name = pod_name(set, ordinal);
    let labels: &mut BTreeMap<_, _> = pod.metadata.labels.get_or_insert_default();
    labels.insert(POD_NAME.to_owned(), name.clone());
    labels.insert(POD_INDEX.to_owned(), ordinal.to_string());
    labels.insert(history::REVISION_LABEL.to_owned(), revision.to_owned());
    let spec = pod.spec.get_or_insert_default();
    spec.hostname = Some(name.clone());
    spec.subdomain.clone_from(&set.spec.service_name);
    pod.metadata.name = Some(name);
    pod
}

/// Writes the status. Other numbers than `replicas` and `availableReplicas` are left out if they
/// are zero, as in Kubernetes.
pub(super) fn publish(status: &Status, rules: &stateful_set::StatefulSet, set: &mut StatefulSet) {
    let current = if status.complete {
        &rules.update
    } else {
        &rules.current
    };
    let generation = set.metadata.generation;
    let published = set.status.get_or_insert_default();
    published.replicas = counts::to_api(status.replicas);
    published.ready_replicas = counts::unless_zero(status.ready);
    published.available_replicas = Some(counts::to_api(status.available));
    published.current_replicas = counts::unless_zero(status.current);
    published.updated_replicas = counts::unless_zero(status.updated);
    published.current_revision = Some(current.clone());
    published.update_revision = Some(rules.update.clone());
    published.collision_count = Some(0);
    published.observed_generation = generation;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pods_named_after_the_set_have_an_ordinal() {
        let named = |name: &str| {
            let (mut pod, mut set) = (Pod::default(), StatefulSet::default());
            pod.metadata.name = Some(name.to_owned());
            set.metadata.name = Some("web".to_owned());
            ordinal(&pod, &set)
        };
        assert_eq!(named("web-0"), Some(0));
        assert_eq!(named("web-12"), Some(12));
        assert_eq!(named("web-1-2"), None);
        assert_eq!(named("web-+1"), None);
        assert_eq!(named("web"), None);
        assert_eq!(named("website-0"), None);
    }
}
