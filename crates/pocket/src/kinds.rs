//! The table of kinds that pocket serves: their names, their scope and their subresources.
//!
//! Discovery, routing and the store know a kind only by its entry. The registry holds the defaults
//! and checks of its content.

pub(crate) mod disruption_budget;
pub(crate) mod node;
pub(crate) mod pod;
pub(crate) mod selector;

use std::fmt;

use k8s_openapi::Metadata;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use rules::selector::Labels;
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
    /// Whether a replacement must name the version that it replaces.
    ///
    /// Rule: `AllowUnconditionalUpdate` in `pkg/registry/*/strategy.go`.
    pub needs_version: bool,
    /// Whether its objects are given: they can be changed, but not created or deleted.
    pub is_fixed: bool,
}

/// A Kubernetes type that the registry can store.
pub(crate) trait Object:
    Metadata<Ty = ObjectMeta>
    + Serialize
    + DeserializeOwned
    + Clone
    + PartialEq
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
        + PartialEq
        + fmt::Debug
        + Send
        + Sync
        + 'static
{
}

/// A type with a status, which is written apart from the rest.
pub(crate) trait HasStatus: Object {
    /// Replaces the status with that of `other`.
    fn set_status(&mut self, other: Self);
}

macro_rules! has_status {
    ($($kind:ty),*) => {$(
        impl HasStatus for $kind {
            fn set_status(&mut self, other: Self) {
                self.status = other.status;
            }
        }
    )*};
}

has_status!(
    Pod,
    DaemonSet,
    Deployment,
    ReplicaSet,
    StatefulSet,
    Job,
    PodDisruptionBudget
);

impl Kind {
    /// The version of every kind that pocket serves.
    pub(crate) const VERSION: &'static str = "v1";

    /// A kind like most: namespaced, writable, without status.
    pub(crate) const fn new(
        group: &'static str,
        name: &'static str,
        plural: &'static str,
        short: &'static [&'static str],
    ) -> Self {
        Self {
            group,
            name,
            plural,
            short,
            in_all: false,
            namespaced: true,
            has_status: false,
            has_generation: false,
            has_wanted_annotations: false,
            has_scale: false,
            needs_version: false,
            is_fixed: false,
        }
    }

    /// The name of a single object, as `kubectl get` accepts it.
    pub(crate) fn singular(&self) -> String {
        self.name.to_lowercase()
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

/// An object's name; empty if it has none yet.
pub(crate) fn name<K: Object>(object: &K) -> &str {
    object.metadata().name.as_deref().unwrap_or_default()
}

/// An object's namespace; empty for a cluster-scoped kind.
pub(crate) fn namespace<K: Object>(object: &K) -> &str {
    object.metadata().namespace.as_deref().unwrap_or_default()
}

/// An object's UID; empty if it has none yet.
pub(crate) fn uid<K: Object>(object: &K) -> &str {
    object.metadata().uid.as_deref().unwrap_or_default()
}

/// An object's labels.
pub(crate) fn labels<K: Object>(object: &K) -> &Labels {
    const NONE: &Labels = &Labels::new();
    object.metadata().labels.as_ref().unwrap_or(NONE)
}

/// A text of an untyped object's metadata; empty if it is absent.
pub(crate) fn metadata_text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}

/// The object as JSON.
pub(crate) fn untyped<K: Object>(object: &K) -> Value {
    serde_json::to_value(object).expect("a Kubernetes type must serialize")
}

/// Every kind, in the order in which discovery names them.
pub(crate) static KINDS: &[Kind] = &[
    Kind::new("", "ConfigMap", "configmaps", &["cm"]),
    Kind::new("", "Endpoints", "endpoints", &["ep"]),
    Kind::new("", "Event", "events", &["ev"]),
    Kind {
        namespaced: false,
        has_status: true,
        ..Kind::new("", "Namespace", "namespaces", &["ns"])
    },
    Kind {
        namespaced: false,
        has_status: true,
        is_fixed: true,
        ..Kind::new("", "Node", "nodes", &["no"])
    },
    Kind {
        in_all: true,
        has_status: true,
        has_generation: true,
        ..Kind::new("", "Pod", "pods", &["po"])
    },
    // None can be created; clients that list everything expect it.
    Kind {
        in_all: true,
        has_status: true,
        has_generation: true,
        has_scale: true,
        ..Kind::new(
            "",
            "ReplicationController",
            "replicationcontrollers",
            &["rc"],
        )
    },
    Kind::new("", "Secret", "secrets", &[]),
    Kind::new("", "ServiceAccount", "serviceaccounts", &["sa"]),
    Kind {
        in_all: true,
        has_status: true,
        ..Kind::new("", "Service", "services", &["svc"])
    },
    Kind::new("apps", "ControllerRevision", "controllerrevisions", &[]),
    Kind {
        in_all: true,
        has_status: true,
        has_generation: true,
        ..Kind::new("apps", "DaemonSet", "daemonsets", &["ds"])
    },
    Kind {
        in_all: true,
        has_status: true,
        has_generation: true,
        has_wanted_annotations: true,
        has_scale: true,
        ..Kind::new("apps", "Deployment", "deployments", &["deploy"])
    },
    Kind {
        in_all: true,
        has_status: true,
        has_generation: true,
        has_scale: true,
        ..Kind::new("apps", "ReplicaSet", "replicasets", &["rs"])
    },
    Kind {
        in_all: true,
        has_status: true,
        has_generation: true,
        has_scale: true,
        ..Kind::new("apps", "StatefulSet", "statefulsets", &["sts"])
    },
    Kind {
        in_all: true,
        has_status: true,
        has_generation: true,
        ..Kind::new("batch", "Job", "jobs", &[])
    },
    Kind {
        needs_version: true,
        ..Kind::new("coordination.k8s.io", "Lease", "leases", &[])
    },
    Kind {
        has_generation: true,
        ..Kind::new("discovery.k8s.io", "EndpointSlice", "endpointslices", &[])
    },
    Kind {
        has_status: true,
        has_generation: true,
        needs_version: true,
        ..Kind::new(
            "policy",
            "PodDisruptionBudget",
            "poddisruptionbudgets",
            &["pdb"],
        )
    },
];
