//! Finds a run's labelled objects in a namespace, among all kinds that the cluster serves.
//!
//! A workload may contain objects of any kind. This module deletes nothing.

use std::collections::BTreeSet;

use kube::{
    Api, Client, Discovery,
    api::{DynamicObject, ListParams},
    core::ApiResource,
    discovery::{ApiCapabilities, Scope, verbs},
};

use super::super::Session;
use crate::{
    cluster::{apply::CreatedObject, ownership},
    exit::{Exit, Failure, HasExitCode},
    input::manifests::Manifest,
    targets::select::SelectError,
};

/// The objects found, and the kinds that could not be searched.
#[derive(Debug, Default)]
pub(super) struct Leftovers {
    /// Labelled objects and the IDs of their runs, kind by kind.
    pub(super) objects: Vec<(CreatedObject, String)>,
    /// Plural names of kinds that may not be listed.
    pub(super) unseen: Vec<String>,
}

/// API discovery failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot find out which kinds the cluster serves")]
pub(super) struct DiscoverError(#[source] Box<kube::Error>);

impl HasExitCode for DiscoverError {
    fn exit(&self) -> Exit {
        Exit::Infrastructure
    }
}

/// Searches the namespace for labelled objects. Kinds that may not be listed are returned in
/// `unseen`; if no kind may be listed, the search fails.
pub(super) async fn search(session: &Session<'_>, selector: &str) -> Result<Leftovers, Failure> {
    let client = &session.cluster.client;
    let kinds = kinds(client).await;
    let kinds = kinds.map_err(|error| DiscoverError(Box::new(error)))?;
    let mut found = Leftovers::default();
    let mut seen = BTreeSet::new();
    let (mut listed, mut refused) = (false, None);
    for resource in kinds {
        let api: Api<DynamicObject> =
            Api::namespaced_with(client.clone(), &session.namespace, &resource);
        match api.list(&ListParams::default().labels(selector)).await {
            Ok(list) => {
                listed = true;
                let objects = list.items.iter().filter(|object| !is_derived(object));
                let labelled = objects.map(|object| labelled(&resource, object));
                // Two API groups may serve the same object; it counts once.
                let new = labelled.filter(|(made, _)| seen.insert(made.uid.clone()));
                found.objects.extend(new);
            }
            Err(kube::Error::Api(status)) if status.code == 403 => {
                found.unseen.push(resource.plural.clone());
                refused.get_or_insert((resource.plural, kube::Error::Api(status)));
            }
            // The kind was removed after discovery, or does not support listing.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 405) => {}
            Err(source) => return Err(unlisted(&resource.plural, session, source)),
        }
    }
    match refused {
        Some((plural, source)) if !listed => Err(unlisted(&plural, session, source)),
        _ => {
            without_endpoints_of_services(&mut found.objects);
            Ok(found)
        }
    }
}

/// The error for a kind that cannot be listed in the namespace.
pub(super) fn unlisted(plural: &str, session: &Session<'_>, source: kube::Error) -> Failure {
    let (plural, namespace) = (plural.to_owned(), session.namespace.clone());
    SelectError::List {
        plural,
        namespace,
        source: Box::new(source),
    }
    .into()
}

/// All namespaced kinds that can be listed and deleted: the core group first, each group in the
/// order of names.
async fn kinds(client: &Client) -> Result<Vec<ApiResource>, kube::Error> {
    // Kubernetes 1.26 and later serve aggregated discovery, which works even if an aggregated API
    // server is down.
    let discovery = match Discovery::new(client.clone()).run_aggregated().await {
        Ok(discovery) => discovery,
        Err(_) => Discovery::new(client.clone()).run().await?,
    };
    let groups = discovery.groups_alphabetical().into_iter();
    let kinds = groups.flat_map(|group| {
        let mut kinds = group.resources_by_stability();
        kinds.sort_by(|(one, _), (other, _)| one.plural.cmp(&other.plural));
        kinds
    });
    let kinds = kinds.filter(|(_, can)| holds_objects(can));
    Ok(kinds.map(|(resource, _)| resource).collect())
}

fn holds_objects(can: &ApiCapabilities) -> bool {
    can.scope == Scope::Namespaced
        && can.supports_operation(verbs::LIST)
        && can.supports_operation(verbs::DELETE)
}

/// Whether a controller owns the object. It may have copied its owner's labels, and is deleted with
/// its owner.
fn is_derived(object: &DynamicObject) -> bool {
    let mut owners = object.metadata.owner_references.iter().flatten();
    owners.any(|owner| owner.controller == Some(true))
}

/// Removes Endpoints of Services from the list. They have the name and labels of their Service and
/// are deleted with it, but have no owner reference.
fn without_endpoints_of_services(objects: &mut Vec<(CreatedObject, String)>) {
    let of = |kind: &str, made: &CreatedObject| {
        let resource = &made.manifest.resource;
        resource.group.is_empty() && resource.kind == kind
    };
    let services = objects.iter().filter(|(made, _)| of("Service", made));
    let services: BTreeSet<_> = services
        .map(|(made, _)| made.manifest.name.clone())
        .collect();
    objects.retain(|(made, _)| !(of("Endpoints", made) && services.contains(&made.manifest.name)));
}

fn labelled(resource: &ApiResource, object: &DynamicObject) -> (CreatedObject, String) {
    let manifest = Manifest {
        resource: resource.clone(),
        name: object.metadata.name.clone().unwrap_or_default(),
        object: object.data.clone(),
        written: None,
    };
    let uid = object.metadata.uid.clone().unwrap_or_default();
    let run = ownership::run_of(&object.metadata)
        .unwrap_or_default()
        .to_owned();
    (CreatedObject { manifest, uid }, run)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn endpoints_go_with_their_service() {
        let found = [
            ("Endpoints", "web"),
            ("Endpoints", "alone"),
            ("Service", "web"),
        ];
        let mut objects: Vec<_> = found
            .into_iter()
            .map(|(kind, name)| {
                let object =
                    json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": name } });
                let (manifest, uid) = (Manifest::new(object), String::new());
                (CreatedObject { manifest, uid }, "r1".to_owned())
            })
            .collect();
        without_endpoints_of_services(&mut objects);
        let left: Vec<_> = objects
            .iter()
            .map(|(made, _)| made.manifest.reference())
            .collect();
        assert_eq!(left, ["endpoints/alone", "service/web"]);
    }
}
