//! The kinds that pocket serves: their names, their scope and what they have.
//!
//! The table is all that discovery, routing and the store know about a kind. Defaults and checks of its content are in
//! the registry.

pub(crate) mod node;
pub mod selector;

use std::fmt;

use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// One kind of object, as discovery describes it.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent facts about a kind"
)]
pub struct Kind {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The name of the kind, such as `Pod`.
    pub name: &'static str,
    /// The name in paths, such as `pods`.
    pub plural: &'static str,
    /// The name that `kubectl get` accepts for one.
    pub singular: &'static str,
    /// Abbreviations, such as `po`.
    pub short: &'static [&'static str],
    /// Whether `kubectl get all` shows it.
    pub in_all: bool,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Whether status is a subresource: written apart from the rest.
    pub has_status: bool,
    /// Whether `metadata.generation` counts the changes of what is wanted.
    pub has_generation: bool,
    /// Whether annotations are part of what is wanted: they count for the generation, and are written with the status
    /// too.
    ///
    /// Rule: `pkg/registry/apps/deployment/strategy.go`, `PrepareForUpdate`.
    pub has_wanted_annotations: bool,
    /// Whether replicas can be read and written at `scale`.
    pub has_scale: bool,
    /// Whether only pocket itself may write it.
    pub read_only: bool,
}

/// A Kubernetes type that the registry can keep.
pub trait Object:
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
    pub const VERSION: &'static str = "v1";

    /// What most kinds have in common: in a namespace, written by anyone, no status; the names are missing.
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

    /// The kind behind a Kubernetes type.
    ///
    /// # Panics
    /// When the type is not in the table: a controller must only use kinds that are served.
    pub fn of<K: Object>() -> &'static Self {
        KINDS
            .iter()
            .find(|kind| kind.group == K::GROUP && kind.name == K::KIND)
            .expect("a kind that pocket uses must be in its table of kinds")
    }

    /// The kind with this plural name.
    pub fn find(group: &str, plural: &str) -> Option<&'static Self> {
        KINDS
            .iter()
            .find(|kind| kind.group == group && kind.plural == plural)
    }

    /// `v1` or `apps/v1`.
    pub fn api_version(&self) -> String {
        match self.group {
            "" => Self::VERSION.to_owned(),
            group => format!("{group}/{}", Self::VERSION),
        }
    }

    /// `pods` or `deployments.apps`, as messages name a kind.
    pub fn qualified(&self) -> String {
        match self.group {
            "" => self.plural.to_owned(),
            group => format!("{}.{group}", self.plural),
        }
    }
}

/// Every kind, in the order in which discovery names them.
pub static KINDS: &[Kind] = &[
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
