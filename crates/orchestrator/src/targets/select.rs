//! Which Pods a command is about, and what else of the namespace it must know to deal with them.

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

/// Which Pods are meant.
#[derive(Debug, Clone, Copy)]
pub enum Selection<'a> {
    /// A Pod, or those of a workload.
    Subject(&'a ObjectRef),
    /// Those with labels.
    Labels(&'a str),
    /// All of the namespace.
    All,
}

/// Why no Pod was found.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    /// The API cannot be read.
    #[error("cannot list {plural} in namespace `{namespace}`")]
    List {
        /// The kind.
        plural: String,
        /// Where.
        namespace: String,
        /// What the API says.
        #[source]
        source: Box<kube::Error>,
    },
    /// Nothing is selected.
    #[error("no pod of {what} in namespace `{namespace}`")]
    Nothing {
        /// As the user said it.
        what: String,
        /// Where.
        namespace: String,
    },
}

impl HasExitCode for SelectError {
    fn exit(&self) -> Exit {
        match self {
            // Labels that cannot be read.
            Self::List { source, .. } if matches!(source.as_ref(), kube::Error::Api(status) if status.code == 400) => {
                Exit::Usage
            }
            Self::List { .. } => Exit::Infrastructure,
            Self::Nothing { .. } => Exit::Usage,
        }
    }
}

/// A namespace to read from.
#[derive(Clone)]
pub struct NamespaceReader {
    client: Client,
    namespace: String,
}

impl NamespaceReader {
    /// Reads that namespace.
    pub fn new(client: Client, namespace: &str) -> Self {
        Self {
            client,
            namespace: namespace.to_owned(),
        }
    }

    /// The selected Pods, by name. Naming a subject that has none is an error; an empty namespace is not.
    pub async fn pods(&self, selection: Selection<'_>) -> Result<Vec<Pod>, SelectError> {
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

    /// All Services.
    pub async fn services(&self) -> Result<Vec<Service>, SelectError> {
        self.list(&ListParams::default()).await
    }

    /// All slices of Services' endpoints.
    pub async fn slices(&self) -> Result<Vec<EndpointSlice>, SelectError> {
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
