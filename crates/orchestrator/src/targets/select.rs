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
use serde::de::DeserializeOwned;

use crate::{
    exit::{Exit, HasExitCode},
    input::experiment::ObjectRef,
    targets::bind,
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
                let sets = self.list::<ReplicaSet>(&ListParams::default()).await?;
                (bind::pods_of(object, &pods, &sets), format!("`{object}`"))
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

impl std::fmt::Debug for NamespaceReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}
