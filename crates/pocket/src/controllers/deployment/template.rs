//! Matches Deployments to ReplicaSets by Pod template, and names and builds new ReplicaSets.
//!
//! The hash differs from the one a Kubernetes cluster computes, but has the same form and depends
//! only on the template and the collision count.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, ReplicaSetSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use rules::rollout::{self, Size};
use rules::safe_encoding::safe_encode;

use super::convert::{DESIRED, MOST};
use super::revision;
use crate::controllers::{counts, owner};
use crate::kinds::name;

const HASH: &str = "pod-template-hash";

/// Annotations of a Deployment that are not copied to its ReplicaSets.
///
/// Rule: `pkg/controller/deployment/util/deployment_util.go`, `annotationsToSkip`.
const NOT_COPIED: [&str; 5] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
    "deployment.kubernetes.io/revision-history",
    DESIRED,
    MOST,
];

/// The ReplicaSet with the current template (the oldest, if there are several), and the others.
///
/// Rule: `pkg/controller/deployment/util/deployment_util.go`, `FindNewReplicaSet`.
pub(super) fn split(
    deployment: &Deployment,
    mut sets: Vec<ReplicaSet>,
) -> (Option<ReplicaSet>, Vec<ReplicaSet>) {
    // Only a ReplicaSet's template has the label with the hash.
    let wanted = without_hash(deployment.spec.template.clone());
    sets.sort_by_key(|set| {
        (
            set.metadata.creation_timestamp.clone(),
            name(set).to_owned(),
        )
    });
    let has_template = |set: &ReplicaSet| {
        set.spec
            .template
            .clone()
            .is_some_and(|template| without_hash(template) == wanted)
    };
    let new = sets
        .iter()
        .position(has_template)
        .map(|position| sets.remove(position));
    (new, sets)
}

/// A ReplicaSet for the current template.
pub(super) fn new_set(
    deployment: &Deployment,
    rules: &rollout::Deployment,
    size: u32,
    revision: u64,
) -> ReplicaSet {
    let hash = hash(deployment);
    let mut template = deployment.spec.template.clone();
    let labels = template
        .metadata
        .get_or_insert_default()
        .labels
        .get_or_insert_default();
    labels.insert(HASH.to_owned(), hash.clone());
    let labels = labels.clone();
    // The hash keeps each set from the Pods of the others, which the Deployment's selector selects
    // too.
    let mut selector = deployment.spec.selector.clone();
    selector
        .match_labels
        .get_or_insert_default()
        .insert(HASH.to_owned(), hash.clone());
    ReplicaSet {
        metadata: metadata(deployment, rules, &hash, labels, revision),
        spec: ReplicaSetSpec {
            min_ready_seconds: deployment.spec.min_ready_seconds,
            replicas: Some(counts::to_api(size)),
            selector,
            template: Some(template),
        },
        status: None,
    }
}

/// Records the Deployment's size in its ReplicaSet's annotations.
pub(super) fn record_size(metadata: &mut ObjectMeta, size: Size) {
    let annotations = metadata.annotations.get_or_insert_default();
    annotations.insert(DESIRED.to_owned(), size.desired.to_string());
    annotations.insert(MOST.to_owned(), size.most.to_string());
}

/// Whether a ReplicaSet has all annotations that its Deployment passes on.
pub(super) fn has_annotations(set: &ReplicaSet, deployment: &Deployment) -> bool {
    let present = set.metadata.annotations.as_ref();
    copied_annotations(deployment)
        .all(|(key, value)| present.and_then(|all| all.get(key)) == Some(value))
}

/// Copies the Deployment's annotations to a ReplicaSet. Annotations copied earlier stay.
///
/// Rule: the same file, `copyDeploymentAnnotationsToReplicaSet`.
pub(super) fn annotate(metadata: &mut ObjectMeta, deployment: &Deployment) {
    let annotations = metadata.annotations.get_or_insert_default();
    annotations
        .extend(copied_annotations(deployment).map(|(key, value)| (key.clone(), value.clone())));
}

fn copied_annotations(deployment: &Deployment) -> impl Iterator<Item = (&String, &String)> {
    let annotations = deployment.metadata.annotations.iter().flatten();
    annotations.filter(|(key, _)| !NOT_COPIED.contains(&key.as_str()))
}

fn metadata(
    deployment: &Deployment,
    rules: &rollout::Deployment,
    hash: &str,
    labels: rules::selector::Labels,
    revision: u64,
) -> ObjectMeta {
    let mut metadata = ObjectMeta {
        name: Some(format!("{}-{hash}", name(deployment))),
        namespace: deployment.metadata.namespace.clone(),
        labels: Some(labels),
        owner_references: Some(vec![owner::reference(deployment)]),
        ..ObjectMeta::default()
    };
    annotate(&mut metadata, deployment);
    revision::write(&mut metadata, revision);
    record_size(&mut metadata, rules.size());
    metadata
}

fn without_hash(mut template: PodTemplateSpec) -> PodTemplateSpec {
    // An empty map counts as an absent one, as in Go's `Semantic.DeepEqual`.
    let metadata = template.metadata.get_or_insert_default();
    metadata.labels.get_or_insert_default().remove(HASH);
    template
}

fn hash(deployment: &Deployment) -> String {
    let template = serde_json::to_string(&deployment.spec.template);
    let template = template.expect("a Pod template must serialize");
    // Counted up when another object has the name, so that the next hash is another one.
    let collisions = deployment
        .status
        .as_ref()
        .and_then(|status| status.collision_count);
    let bytes = template
        .bytes()
        .chain(collisions.unwrap_or(0).to_le_bytes());
    safe_encode(fnv(bytes))
}

/// FNV-1a, 32 bits.
fn fnv(bytes: impl Iterator<Item = u8>) -> u32 {
    bytes.fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(image: &str, collisions: Option<i32>) -> Deployment {
        let spec = serde_json::json!({
            "spec": {
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {"containers": [{"name": "a", "image": image}]},
                },
            },
            "status": {"collisionCount": collisions},
            "metadata": {"name": "web", "annotations": {"note": "kept", NOT_COPIED[0]: "left"}},
        });
        serde_json::from_value(spec).unwrap()
    }

    fn set(deployment: &Deployment) -> ReplicaSet {
        new_set(deployment, &super::super::convert::rules(deployment), 2, 7)
    }

    #[test]
    fn the_hash_is_of_the_template_and_the_collisions() {
        let one = hash(&deployment("a:1", None));
        assert_eq!(one, hash(&deployment("a:1", None)));
        assert_ne!(one, hash(&deployment("a:2", None)));
        assert_ne!(one, hash(&deployment("a:1", Some(1))));
        assert_eq!(fnv(b"a".iter().copied()), 0xe40c_292c);
    }

    #[test]
    fn a_new_set_is_named_and_labelled_by_its_hash() {
        let deployment = deployment("a:1", None);
        let (set, hash) = (set(&deployment), hash(&deployment));
        assert_eq!(set.metadata.name, Some(format!("web-{hash}")));
        let template = set
            .spec
            .template
            .clone()
            .unwrap()
            .metadata
            .unwrap()
            .labels
            .unwrap();
        assert_eq!(template[HASH], hash);
        assert_eq!(set.spec.selector.match_labels.as_ref().unwrap()[HASH], hash);
        assert_eq!(set.metadata.labels.unwrap(), template);
        let annotations = set.metadata.annotations.unwrap();
        assert_eq!(
            (annotations.len(), annotations["note"].as_str()),
            (4, "kept")
        );
    }

    #[test]
    fn the_present_template_is_found_in_spite_of_its_hash() {
        let (now, before) = (deployment("a:2", None), deployment("a:1", None));
        let (new, old) = split(&now, vec![set(&before), set(&now)]);
        assert_eq!((new, old), (Some(set(&now)), vec![set(&before)]));
        assert_eq!(split(&now, vec![set(&before)]).0, None);
    }
}
