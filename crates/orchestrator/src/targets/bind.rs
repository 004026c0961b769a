//! Binds a reference such as `deploy/web` to the Pods that its ReplicaSets own at this moment.
//!
//! Pure. Ownership decides, not labels: two workloads may share labels, but a Pod has one
//! controller.

use k8s_openapi::{
    api::{apps::v1::ReplicaSet, core::v1::Pod},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use crate::input::experiment::{ObjectKind, ObjectRef};

/// The Pods that `object` refers to, sorted by name, without those being deleted.
pub(crate) fn pods_of(object: &ObjectRef, pods: &[Pod], replica_sets: &[ReplicaSet]) -> Vec<Pod> {
    let mut bound: Vec<Pod> = pods
        .iter()
        .filter(|pod| pod.metadata.deletion_timestamp.is_none())
        .filter(|pod| belongs(&pod.metadata, object, replica_sets))
        .cloned()
        .collect();
    bound.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    bound
}

fn belongs(pod: &ObjectMeta, object: &ObjectRef, replica_sets: &[ReplicaSet]) -> bool {
    match object.kind {
        ObjectKind::Pod => pod.name.as_deref() == Some(&object.name),
        ObjectKind::ReplicaSet => is_owned_by(pod, "ReplicaSet", &object.name),
        ObjectKind::Deployment => replica_sets
            .iter()
            .map(|set| &set.metadata)
            .filter(|set| is_owned_by(set, "Deployment", &object.name))
            .filter_map(|set| set.name.as_deref())
            .any(|set| is_owned_by(pod, "ReplicaSet", set)),
        // A Service selects Pods but does not own them.
        ObjectKind::Service => false,
    }
}

fn is_owned_by(object: &ObjectMeta, kind: &str, name: &str) -> bool {
    object
        .owner_references
        .iter()
        .flatten()
        .any(|owner| owner.controller == Some(true) && owner.kind == kind && owner.name == name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn owned(name: &str, kind: &str, owner: &str) -> serde_json::Value {
        let owner = json!({
            "apiVersion": "apps/v1", "kind": kind, "name": owner, "uid": "u", "controller": true,
        });
        json!({ "metadata": { "name": name, "ownerReferences": [owner] } })
    }

    fn check(object: &str, expected: &[&str]) {
        let mut leaving = owned("web-1-z", "ReplicaSet", "web-1");
        leaving["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let pods = [
            owned("web-2-b", "ReplicaSet", "web-2"),
            owned("web-1-a", "ReplicaSet", "web-1"),
            owned("api-1-a", "ReplicaSet", "api-1"),
            leaving,
            json!({ "metadata": { "name": "lone" } }),
        ];
        let sets = [
            owned("web-1", "Deployment", "web"),
            owned("web-2", "Deployment", "web"),
            owned("api-1", "Deployment", "api"),
        ];
        let pods = pods.map(|pod| serde_json::from_value(pod).unwrap());
        let sets = sets.map(|set| serde_json::from_value(set).unwrap());
        let bound = pods_of(&object.parse().unwrap(), &pods, &sets);
        let names: Vec<_> = bound
            .iter()
            .filter_map(|pod| pod.metadata.name.as_deref())
            .collect();
        assert_eq!(names, expected, "{object}");
    }

    #[test]
    fn a_deployment_means_the_pods_of_all_its_replica_sets() {
        check("deploy/web", &["web-1-a", "web-2-b"]);
        check("rs/web-1", &["web-1-a"]);
    }

    #[test]
    fn a_pod_is_itself_and_a_service_owns_nothing() {
        check("lone", &["lone"]);
        check("web-1-z", &[]);
        check("svc/web", &[]);
    }
}
