//! The table of kinds that pocket serves: their names, their scope and their subresources.
//!
//! Discovery, routing and the store know a kind only by its entry. The registry holds the defaults
//! and checks of its content.

pub(crate) mod node;
pub(crate) mod selector;

use std::fmt;

use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The version of Kubernetes that pocket imitates.
pub(crate) const KUBERNETES_VERSION: &str = "v1.36.3";

/// One kind of object, as discovery describes it.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent facts about a kind"
)]
pub(crate) struct Kind {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The name of the kind, such as `Pod`.
    pub name: &'static str,
    /// The name in paths, such as `pods`.
    pub plural: &'static str,
    /// The name of a single object, as `kubectl get` accepts it.
    pub singular: &'static str,
    /// Abbreviations, such as `po`.
    pub short: &'static [&'static str],
    /// Whether `kubectl get all` shows it.
    pub in_all: bool,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Whether status is a subresource, written separately.
    pub has_status: bool,
    /// Whether `metadata.generation` counts changes of the desired state.
    pub has_generation: bool,
    /// Whether annotations belong to the desired state. They then count for the generation, and
    /// writes of the status also write them.
    ///
    /// Rule: `pkg/registry/apps/deployment/strategy.go`, `PrepareForUpdate`.
    pub has_wanted_annotations: bool,
    /// Whether it has the subresource `scale`.
    pub has_scale: bool,
    /// Whether only pocket itself may write its objects.
    pub read_only: bool,
}

/// A Kubernetes type that the registry can store.
pub(crate) trait Object:
    Metadata<Ty = ObjectMeta>
    + Serialize
    + DeserializeOwned
    + Clone
    + fmt::Debug
    + Send
    + Sync
    + 'static
{
}

impl<K> Object for K where
    K: Metadata<Ty = ObjectMeta>
        + Serialize
        + DeserializeOwned
        + Clone
        + fmt::Debug
        + Send
        + Sync
        + 'static
{
}

impl Kind {
    /// The version of every kind that pocket serves.
    pub(crate) const VERSION: &'static str = "v1";

    /// The defaults of most kinds: namespaced, writable, without status. The names are empty.
    pub(crate) const fn typical() -> Self {
        Self {
            group: "",
            name: "",
            plural: "",
            singular: "",
            short: &[],
            in_all: false,
            namespaced: true,
            has_status: false,
            has_generation: false,
            has_wanted_annotations: false,
            has_scale: false,
            read_only: false,
        }
    }

    /// The kind of a Kubernetes type.
    ///
    /// # Panics
    /// If the type is not in the table: controllers must use served kinds only.
    pub(crate) fn of<K: Object>() -> &'static Self {
        KINDS
            .iter()
            .find(|kind| kind.group == K::GROUP && kind.name == K::KIND)
            .expect("a kind that pocket uses must be in its table of kinds")
    }

    /// The kind with this plural name.
    pub(crate) fn find(group: &str, plural: &str) -> Option<&'static Self> {
        KINDS
            .iter()
            .find(|kind| kind.group == group && kind.plural == plural)
    }

    /// `v1` or `apps/v1`.
    pub(crate) fn api_version(&self) -> String {
        match self.group {
            "" => Self::VERSION.to_owned(),
            group => format!("{group}/{}", Self::VERSION),
        }
    }

    /// The name in messages, such as `pods` or `deployments.apps`.
    pub(crate) fn qualified(&self) -> String {
        match self.group {
            "" => self.plural.to_owned(),
            group => format!("{}.{group}", self.plural),
        }
    }
}

/// The object as its type.
///
/// # Panics
/// If it does not have the shape of its kind, as every stored object must.
pub(crate) fn typed<K: Object>(object: &Value) -> K {
    K::deserialize(object).expect("a stored object must have the shape of its kind")
}

/// The object as JSON.
pub(crate) fn untyped<K: Object>(object: &K) -> Value {
    serde_json::to_value(object).expect("a Kubernetes type must serialize")
}

/// Every kind, in the order in which discovery names them.
pub(crate) static KINDS: &[Kind] = &[
    Kind {
        name: "ConfigMap",
        plural: "configmaps",
        singular: "configmap",
        short: &["cm"],
        ..Kind::typical()
    },
    Kind {
        name: "Event",
        plural: "events",
        singular: "event",
        short: &["ev"],
        ..Kind::typical()
    },
    Kind {
        name: "Namespace",
        plural: "namespaces",
        singular: "namespace",
        short: &["ns"],
        namespaced: false,
        has_status: true,
        ..Kind::typical()
    },
    Kind {
        name: "Node",
        plural: "nodes",
        singular: "node",
        short: &["no"],
        namespaced: false,
        has_status: true,
        read_only: true,
        ..Kind::typical()
    },
    Kind {
        name: "Pod",
        plural: "pods",
        singular: "pod",
        short: &["po"],
        in_all: true,
        has_status: true,
        has_generation: true,
        ..Kind::typical()
    },
    Kind {
        name: "Secret",
        plural: "secrets",
        singular: "secret",
        ..Kind::typical()
    },
    Kind {
        name: "ServiceAccount",
        plural: "serviceaccounts",
        singular: "serviceaccount",
        short: &["sa"],
        ..Kind::typical()
    },
    Kind {
        name: "Service",
        plural: "services",
        singular: "service",
        short: &["svc"],
        in_all: true,
        has_status: true,
        ..Kind::typical()
    },
    Kind {
        group: "apps",
        name: "Deployment",
        plural: "deployments",
        singular: "deployment",
        short: &["deploy"],
        in_all: true,
        has_status: true,
        has_generation: true,
        has_wanted_annotations: true,
        has_scale: true,
        ..Kind::typical()
    },
    Kind {
        group: "apps",
        name: "ReplicaSet",
        plural: "replicasets",
        singular: "replicaset",
        short: &["rs"],
        in_all: true,
        has_status: true,
        has_generation: true,
        has_scale: true,
        ..Kind::typical()
    },
    Kind {
        group: "discovery.k8s.io",
        name: "EndpointSlice",
        plural: "endpointslices",
        singular: "endpointslice",
        has_generation: true,
        ..Kind::typical()
    },
];
