//! Lists the Pods that a command selects, and the Services and EndpointSlices of their namespace.

use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::ReplicaSet,
        core::v1::{Pod, Service},
        discovery::v1::EndpointSlice,
    },
};
use kube::{Api, Client, Resource, api::ListParams};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    exit::{Exit, HasExitCode},
    input::experiment::ObjectRef,
    timeline::snapshot::Snapshot,
};

/// A selection of Pods in a namespace.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Selection<'a> {
    /// One Pod, or the Pods of a workload object.
    Subject(&'a ObjectRef),
    /// The Pods that match a label selector.
    Labels(&'a str),
    /// All Pods of the namespace.
    All,
}

/// The reason why no Pods could be selected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SelectError {
    /// The API request failed.
    #[error("cannot list {plural} in namespace `{namespace}`")]
    List {
        /// The plural name of the kind.
        plural: String,
        /// The namespace.
        namespace: String,
        /// The API's error.
        #[source]
        source: Box<kube::Error>,
    },
    /// The selection matches no Pod.
    #[error("no pod of {what} in namespace `{namespace}`")]
    Nothing {
        /// The selection in the user's notation.
        what: String,
        /// The namespace.
        namespace: String,
    },
}

impl HasExitCode for SelectError {
    fn exit(&self) -> Exit {
        match self {
            // An invalid label selector.
            Self::List { source, .. } if matches!(source.as_ref(), kube::Error::Api(status) if status.code == 400) => {
                Exit::Usage
            }
            Self::List { .. } => Exit::Infrastructure,
            Self::Nothing { .. } => Exit::Usage,
        }
    }
}

/// Lists objects of one namespace.
#[derive(Clone)]
pub(crate) struct NamespaceReader {
    client: Client,
    namespace: String,
}

impl NamespaceReader {
    /// Creates a reader for this namespace.
    pub(crate) fn new(client: Client, namespace: &str) -> Self {
        Self {
            client,
            namespace: namespace.to_owned(),
        }
    }

    /// Lists the selected Pods. A subject or label selector without Pods is an error; an empty
    /// namespace is not.
    pub(crate) async fn pods(&self, selection: Selection<'_>) -> Result<Vec<Pod>, SelectError> {
        let labels = match selection {
            Selection::Labels(labels) => ListParams::default().labels(labels),
            Selection::Subject(_) | Selection::All => ListParams::default(),
        };
        let pods = self.list::<Pod>(&labels).await?;
        let (pods, what) = match selection {
            Selection::All => return Ok(pods),
            Selection::Labels(labels) => (pods, format!("`-l {labels}`")),
            Selection::Subject(object) => {
                // A Deployment owns its Pods through ReplicaSets.
                let sets = self.list::<ReplicaSet>(&ListParams::default()).await?;
                (pods_of(object, &pods, &sets), format!("`{object}`"))
            }
        };
        if pods.is_empty() {
            return Err(SelectError::Nothing {
                what,
                namespace: self.namespace.clone(),
            });
        }
        Ok(pods)
    }

    /// Lists all Services.
    pub(crate) async fn services(&self) -> Result<Vec<Service>, SelectError> {
        self.list(&ListParams::default()).await
    }

    /// Lists all EndpointSlices.
    pub(crate) async fn slices(&self) -> Result<Vec<EndpointSlice>, SelectError> {
        self.list(&ListParams::default()).await
    }

    async fn list<K>(&self, parameters: &ListParams) -> Result<Vec<K>, SelectError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + std::fmt::Debug,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), &self.namespace);
        let listed = api
            .list(parameters)
            .await
            .map_err(|source| SelectError::List {
                plural: K::plural(&()).into_owned(),
                namespace: self.namespace.clone(),
                source: Box::new(source),
            })?;
        Ok(listed.items)
    }
}

/// The Pods that `object` refers to, sorted by name, without those being deleted. Ownership
/// decides, not labels: two workloads may share labels, but a Pod has one controller.
fn pods_of(object: &ObjectRef, pods: &[Pod], sets: &[ReplicaSet]) -> Vec<Pod> {
    let snapshot = Snapshot::of_objects(pods.iter().map(json).chain(sets.iter().map(json)));
    let bound = snapshot.pods(object).into_iter().flatten();
    let listed = |uid: &str| {
        pods.iter()
            .find(|pod| pod.metadata.uid.as_deref() == Some(uid))
    };
    bound
        .filter_map(|facts| listed(&facts.uid))
        .cloned()
        .collect()
}

fn json(object: &impl Serialize) -> Value {
    serde_json::to_value(object).expect("an object from the API must be JSON")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn owned(name: &str, kind: &str, owner: &str) -> serde_json::Value {
        let owner = json!({
            "apiVersion": "apps/v1", "kind": kind, "name": owner, "uid": "u", "controller": true,
        });
        json!({ "metadata": { "name": name, "uid": name, "ownerReferences": [owner] } })
    }

    fn check(object: &str, expected: &[&str]) {
        let mut leaving = owned("web-1-z", "ReplicaSet", "web-1");
        leaving["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let pods = [
            owned("web-2-b", "ReplicaSet", "web-2"),
            owned("web-1-a", "ReplicaSet", "web-1"),
            owned("api-1-a", "ReplicaSet", "api-1"),
            leaving,
            owned("db-0", "StatefulSet", "db"),
            owned("agent-x", "DaemonSet", "agent"),
            owned("once-x", "Job", "once"),
            json!({ "metadata": { "name": "lone", "uid": "lone" } }),
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
    fn other_workloads_own_their_pods_themselves() {
        check("sts/db", &["db-0"]);
        check("ds/agent", &["agent-x"]);
        check("job/once", &["once-x"]);
        check("ds/db", &[]);
    }

    #[test]
    fn a_pod_is_itself_and_a_service_owns_nothing() {
        check("lone", &["lone"]);
        check("web-1-z", &[]);
        check("svc/web", &[]);
    }
}
