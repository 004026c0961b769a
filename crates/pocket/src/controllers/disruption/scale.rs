//! How many replicas the owners of Pods want.
//!
//! Rule: `pkg/controller/disruption/disruption.go`, `getExpectedScale` and its finders.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use super::Owners;
use crate::controllers::informer::Informer;
use crate::controllers::{counts, owner};
use crate::kinds::{KINDS, Object, name, namespace, uid};

/// What the owners of Pods want.
#[derive(Default)]
pub(super) struct Scale {
    pub(super) replicas: u32,
    /// Whether there are Pods without an owner.
    pub(super) has_unmanaged: bool,
}

/// The replicas that the owners of `pods` want together. An error is an owner without replicas.
pub(super) fn of(pods: &[&Pod], owners: &Owners) -> Result<Scale, String> {
    let mut scale = Scale::default();
    // By UID: each owner counts once.
    let mut of_owners = BTreeMap::new();
    for pod in pods {
        let Some(reference) = owner::controller(*pod) else {
            scale.has_unmanaged = true;
            continue;
        };
        if of_owners.contains_key(&reference.uid) {
            continue;
        }
        let (uid, replicas) = find(pod, reference, owners)?;
        of_owners.insert(uid, replicas);
    }
    scale.replicas = of_owners.into_values().sum();
    Ok(scale)
}

/// The UID and the replicas of the workload that a Pod belongs to.
fn find(pod: &Pod, reference: &OwnerReference, owners: &Owners) -> Result<(String, u32), String> {
    let group = reference.api_version.split('/').next().unwrap_or_default();
    let found = match (group, reference.kind.as_str()) {
        ("apps", "ReplicaSet") => {
            let set = owned_by::<ReplicaSet>(pod, reference, &owners.replica_sets);
            set.and_then(|set| of_replica_set(set, owners))
        }
        ("apps", "StatefulSet") => {
            let set = owned_by::<StatefulSet>(pod, reference, &owners.stateful_sets);
            set.map(|set| of_one(set, set.spec.replicas))
        }
        ("apps", "Deployment") => {
            let deployment = owned_by::<Deployment>(pod, reference, &owners.deployments);
            deployment.map(|it| of_one(it, it.spec.replicas))
        }
        _ => return Err(without_scale(reference)),
    };
    found.ok_or_else(|| format!("found no controllers for pod {:?}", name(pod)))
}

/// A ReplicaSet stands for its Deployment, if it has one.
fn of_replica_set(set: &ReplicaSet, owners: &Owners) -> Option<(String, u32)> {
    match owner::controller(set).filter(|it| it.kind == "Deployment") {
        Some(reference) => {
            let deployment = owned_by(set, reference, &owners.deployments)?;
            Some(of_one(deployment, deployment.spec.replicas))
        }
        None => Some(of_one(set, set.spec.replicas)),
    }
}

fn of_one(owner: &impl Object, replicas: Option<i32>) -> (String, u32) {
    let replicas = counts::from_api(Some(replicas.unwrap_or(1)));
    (uid(owner).to_owned(), replicas)
}

fn owned_by<'a, K: Object>(
    object: &impl Object,
    reference: &OwnerReference,
    owners: &'a Informer<K>,
) -> Option<&'a K> {
    let key = (namespace(object).to_owned(), reference.name.clone());
    let owner = owners.get(&key)?;
    (uid(owner) == reference.uid).then_some(owner)
}

/// The error about an owner that has no replicas.
fn without_scale(reference: &OwnerReference) -> String {
    let OwnerReference {
        api_version, kind, ..
    } = reference;
    let mut kinds = KINDS.iter();
    let known = kinds.find(|it| it.api_version() == *api_version && it.name == kind);
    match known {
        Some(kind) => format!(
            "{} does not implement the scale subresource",
            kind.qualified()
        ),
        None => format!("no matches for kind {kind:?} in version {api_version:?}"),
    }
}
