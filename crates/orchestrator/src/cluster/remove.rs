//! Deletes namespaces and created objects, and waits until they and their dependents are gone.

use std::time::Duration;

use k8s_openapi::api::{
    apps::v1::ReplicaSet,
    core::v1::{Namespace, Pod},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{
    Api, Resource,
    api::{DeleteParams, ListParams, Preconditions},
    runtime::wait::{await_condition, conditions},
};
use serde::de::DeserializeOwned;

use crate::{
    cluster::apply::{CreatedObject, RunNamespace},
    error_chain,
    exit::{Exit, HasExitCode},
};

/// The timeout of a deletion: Pods have a grace period, and a namespace is emptied one kind at a
/// time.
const DELETE_TIMEOUT: Duration = Duration::from_mins(2);

/// The reason why an object may still exist.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoveError {
    /// The API rejected the deletion.
    #[error("cannot delete {reference}")]
    Delete {
        /// The object.
        reference: String,
        /// The API's error.
        #[source]
        source: Box<kube::Error>,
    },
    /// The object's dependents cannot be listed.
    #[error("cannot list the {plural} that belong to it")]
    List {
        /// The plural name of the kind.
        plural: &'static str,
        /// The API's error.
        #[source]
        source: Box<kube::Error>,
    },
    /// The watch for the deletion failed.
    #[error("cannot watch {reference} going")]
    Watch {
        /// The object.
        reference: String,
        /// The error of the watch.
        #[source]
        source: Box<kube::runtime::wait::Error>,
    },
    /// The object still exists after the timeout.
    #[error("{reference} is still there after {DELETE_TIMEOUT:?}")]
    Stays {
        /// The object.
        reference: String,
    },
    /// Several errors.
    #[error("{}", each_on_a_line(.0))]
    Several(Vec<Self>),
}

impl RemoveError {
    fn of(mut left: Vec<Self>) -> Result<(), Self> {
        match left.len() {
            0 => Ok(()),
            1 => Err(left.remove(0)),
            _ => Err(Self::Several(left)),
        }
    }
}

fn each_on_a_line(errors: &[RemoveError]) -> String {
    let lines: Vec<String> = errors
        .iter()
        .map(|error| error_chain::text(error))
        .collect();
    lines.join("\n  ")
}

impl HasExitCode for RemoveError {
    fn exit(&self) -> Exit {
        Exit::RevertFailed
    }
}

/// Deletes a namespace and waits until it is gone.
pub(crate) async fn namespace(scope: &RunNamespace, uid: &str) -> Result<(), RemoveError> {
    let namespaces: Api<Namespace> = Api::all(scope.client().clone());
    delete(&namespaces, &scope.namespace, uid).await?;
    gone(namespaces, &scope.namespace, uid).await
}

/// A step's deletion of a Pod was rejected.
#[derive(Debug, thiserror::Error)]
#[error("cannot delete the pod")]
pub(crate) struct PodError(#[source] RemoveError);

impl HasExitCode for PodError {
    fn exit(&self) -> Exit {
        Exit::Infrastructure
    }
}

/// Deletes a Pod and does not wait until it is gone.
pub(crate) async fn pod(scope: &RunNamespace, pod: &ObjectMeta) -> Result<(), PodError> {
    let pods: Api<Pod> = Api::namespaced(scope.client().clone(), &scope.namespace);
    let [name, uid] = [&pod.name, &pod.uid].map(|text| text.as_deref().unwrap_or_default());
    delete(&pods, name, uid).await.map_err(PodError)
}

/// Deletes objects in reverse order of creation and waits until they, their ReplicaSets and their
/// Pods are gone. Continues after an object that cannot be deleted.
pub(crate) async fn objects(
    scope: &RunNamespace,
    created: &[CreatedObject],
) -> Result<(), RemoveError> {
    if created.is_empty() {
        return Ok(());
    }
    let mut left = Vec::new();
    // A failed lookup is reported later: the deletions are sent in any case.
    let grown = Grown::of(scope, created).await;
    let mut going = Vec::new();
    for each in created.iter().rev() {
        match delete(&scope.api(&each.manifest), &each.manifest.name, &each.uid).await {
            Ok(()) => going.push(each),
            Err(error) => left.push(error),
        }
    }
    // Only now: the grace periods of all objects run side by side.
    for each in going {
        let gone = gone(scope.api(&each.manifest), &each.manifest.name, &each.uid).await;
        left.extend(gone.err());
    }
    match grown {
        Ok(grown) => left.extend(grown.gone().await.err()),
        Err(error) => left.push(error),
    }
    RemoveError::of(left)
}

/// The ReplicaSets and Pods of objects, looked up before their owners are deleted.
struct Grown {
    sets: Api<ReplicaSet>,
    pods: Api<Pod>,
    sets_left: Vec<(String, String)>,
    pods_left: Vec<(String, String)>,
}

impl Grown {
    async fn of(scope: &RunNamespace, created: &[CreatedObject]) -> Result<Self, RemoveError> {
        let sets = Api::namespaced(scope.client().clone(), &scope.namespace);
        let pods = Api::namespaced(scope.client().clone(), &scope.namespace);
        let mut owners: Vec<String> = created.iter().map(|each| each.uid.clone()).collect();
        let sets_left = owned_by(&sets, &owners, "replicasets").await?;
        owners.extend(sets_left.iter().map(|(_, uid)| uid.clone()));
        let pods_left = owned_by(&pods, &owners, "pods").await?;
        Ok(Self {
            sets,
            pods,
            sets_left,
            pods_left,
        })
    }

    async fn gone(self) -> Result<(), RemoveError> {
        for (name, uid) in &self.sets_left {
            gone(self.sets.clone(), name, uid).await?;
        }
        for (name, uid) in &self.pods_left {
            gone(self.pods.clone(), name, uid).await?;
        }
        Ok(())
    }
}

/// Lists the names and UIDs of objects that have one of these owners.
async fn owned_by<K>(
    api: &Api<K>,
    owners: &[String],
    plural: &'static str,
) -> Result<Vec<(String, String)>, RemoveError>
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug,
{
    let listed = api
        .list(&ListParams::default())
        .await
        .map_err(|source| RemoveError::List {
            plural,
            source: Box::new(source),
        })?;
    // No query selects by owner, so all objects are listed.
    let owned = listed.items.iter().map(Resource::meta).filter(|object| {
        object
            .owner_references
            .iter()
            .flatten()
            .any(|owner| owners.contains(&owner.uid))
    });
    Ok(owned
        .map(|object| {
            (
                object.name.clone().unwrap_or_default(),
                object.uid.clone().unwrap_or_default(),
            )
        })
        .collect())
}

/// Deletes the object with this UID. Already deleted, or replaced by another object of the same
/// name, counts as success.
async fn delete<K>(api: &Api<K>, name: &str, uid: &str) -> Result<(), RemoveError>
where
    K: Clone + DeserializeOwned + std::fmt::Debug,
{
    let this_one = Preconditions {
        uid: Some(uid.to_owned()),
        resource_version: None,
    };
    // Not in the foreground: `Grown` waits for the dependents.
    let parameters = DeleteParams::background().preconditions(this_one);
    match api.delete(name, &parameters).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        Err(source) => Err(RemoveError::Delete {
            reference: name.to_owned(),
            source: Box::new(source),
        }),
    }
}

async fn gone<K>(api: Api<K>, name: &str, uid: &str) -> Result<(), RemoveError>
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let reference = || name.to_owned();
    let deleted = await_condition(api, name, conditions::is_deleted(uid));
    match tokio::time::timeout(DELETE_TIMEOUT, deleted).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(source)) => Err(RemoveError::Watch {
            reference: reference(),
            source: Box::new(source),
        }),
        Err(_) => Err(RemoveError::Stays {
            reference: reference(),
        }),
    }
}
