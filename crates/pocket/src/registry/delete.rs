//! Deletion of objects: grace periods for Pods, finalizers for all kinds, and preconditions.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use rules::Moment;
use serde_json::{Value, json};

use super::state::{Registry, State};
use crate::api_status::ApiError;
use crate::clock::seconds;
use crate::kinds::Kind;
use crate::store::{Key, StoredObject};

/// The finalizer of an owner that is deleted after its dependents.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer of an owner whose dependents are kept.
pub(crate) const ORPHAN: &str = "orphan";

/// Options of a deletion.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deletion {
    /// Seconds until the containers are killed; `None` means the Pod's own grace period.
    pub(crate) grace: Option<i64>,
    /// A precondition: the object's UID.
    pub(crate) uid: Option<String>,
    /// A precondition: the object's resource version.
    pub(crate) version: Option<String>,
    /// Check whether the deletion is possible, without doing it.
    pub(crate) dry_run: bool,
    /// How dependents are handled; `None` keeps what the object's finalizers say.
    pub(crate) propagation: Option<Propagation>,
}

/// How the dependents of a deleted object are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Propagation {
    /// The garbage collector deletes them afterwards.
    Background,
    /// They are deleted first.
    Foreground,
    /// They are kept, without this owner.
    Orphan,
}

impl Propagation {
    /// The finalizer that delays the removal until dependents are handled.
    fn finalizer(self) -> Option<&'static str> {
        match self {
            Self::Background => None,
            Self::Foreground => Some(FOREGROUND),
            Self::Orphan => Some(ORPHAN),
        }
    }
}

/// The result of a deletion.
#[derive(Debug)]
pub(crate) enum Deleted {
    /// The object is removed; this is its last state.
    Removed(Arc<StoredObject>),
    /// The object is marked; its kubelet or its finalizers delay the removal.
    Marked(Arc<StoredObject>),
}

/// Namespaces that cannot be deleted. Rule: the admission plugin `NamespaceLifecycle`.
const PROTECTED: [&str; 3] = ["default", "kube-public", "kube-system"];

impl Registry {
    /// Removes an object, or marks it if a grace period or finalizers delay the removal.
    pub(crate) fn delete_value(
        &self,
        kind: &'static Kind,
        namespace: &str,
        name: &str,
        deletion: &Deletion,
    ) -> Result<Deleted, ApiError> {
        self.delete_in(&mut self.state(), kind, namespace, name, deletion)
    }

    /// As [`Registry::delete_value`], for a caller that holds the state.
    pub(super) fn delete_in(
        &self,
        state: &mut State,
        kind: &'static Kind,
        namespace: &str,
        name: &str,
        deletion: &Deletion,
    ) -> Result<Deleted, ApiError> {
        let stored = state.current(kind, namespace, name)?;
        let current = stored.value();
        check_preconditions(kind, name, &current, deletion)?;
        if kind.name == "Namespace" && PROTECTED.contains(&name) {
            return Err(ApiError::forbidden(
                kind,
                name,
                "this namespace may not be deleted",
            ));
        }
        let next = match self.marked(kind, &current, deletion.grace) {
            Some(marked) => with_finalizers(marked, deletion.propagation),
            // Nothing about a deletion that has begun can be changed but its grace period.
            None => current.clone(),
        };
        let is_removed = is_removable(&next);
        let key = Key::new(kind.plural, namespace, name);
        if deletion.dry_run {
            let next = Arc::new(StoredObject::new(&next));
            return Ok(if is_removed {
                Deleted::Removed(next)
            } else {
                Deleted::Marked(next)
            });
        }
        if is_removed {
            // Only Pods have a grace period to set to zero, and that is a change of its own.
            //
            // Rule: `staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go`,
            // `updateForGracefulDeletionAndFinalizers`.
            if kind.name == "Pod" && next != current {
                state.store.put(key.clone(), next);
            }
            return Ok(Deleted::Removed(state.store.remove(&key).unwrap_or(stored)));
        }
        // Deleting it again with the same or a longer grace period changes nothing.
        if next == current {
            return Ok(Deleted::Marked(stored));
        }
        Ok(Deleted::Marked(state.store.put(key, next)))
    }

    /// The object with its deletion timestamp set; `None` if the grace period of an earlier
    /// deletion goes on.
    fn marked(&self, kind: &Kind, current: &Value, requested: Option<i64>) -> Option<Value> {
        let metadata = &current["metadata"];
        if !metadata["deletionTimestamp"].is_null() {
            return match metadata["deletionGracePeriodSeconds"].as_i64() {
                None | Some(0) => Some(current.clone()),
                Some(grace) => self.shortened(current, grace, requested?),
            };
        }
        let grace = grace(kind, current, requested);
        let end: Time = self.clock().time_of(self.clock().now() + seconds(grace));
        let mut next = current.clone();
        next["metadata"]["deletionTimestamp"] = json!(end);
        next["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
        // Controllers treat an object that is being deleted differently, so its desired state has
        // changed.
        if let Some(generation) = metadata["generation"].as_i64() {
            next["metadata"]["generation"] = json!(generation + 1);
        }
        // Rule: `pkg/registry/core/namespace/storage/storage.go`, `Delete`.
        if next["kind"] == "Namespace" {
            next["status"]["phase"] = json!("Terminating");
        }
        Some(next)
    }

    /// A marked object with a shorter grace period than `present`, counted from the first deletion.
    ///
    /// Rule: `staging/src/k8s.io/apiserver/pkg/registry/rest/delete.go`, `BeforeDelete`.
    fn shortened(&self, current: &Value, present: i64, requested: i64) -> Option<Value> {
        let mut grace = not_immediate(requested);
        if grace >= present {
            return None;
        }
        let end = serde_json::from_value::<Time>(current["metadata"]["deletionTimestamp"].clone());
        let end = self.clock().moment_of(&end.ok()?).since_start();
        let mut end = Moment::ZERO + end.saturating_sub(seconds(present - grace));
        let now = self.clock().now();
        if end < now {
            end = now;
            // It is over, but the kubelet still has to confirm that the containers have ended.
            grace = grace.min(1);
        }
        let mut next = current.clone();
        next["metadata"]["deletionTimestamp"] = json!(self.clock().time_of(end));
        next["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
        Some(next)
    }
}

/// A negative grace period means the shortest one that is not immediate.
fn not_immediate(grace: i64) -> i64 {
    if grace < 0 { 1 } else { grace }
}

/// The object with the finalizer of this policy in place of an earlier one's.
///
/// Rule: `staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go`,
/// `deletionFinalizersForGarbageCollection`.
fn with_finalizers(mut object: Value, propagation: Option<Propagation>) -> Value {
    let Some(propagation) = propagation else {
        return object;
    };
    let wanted = propagation.finalizer();
    let field = &mut object["metadata"]["finalizers"];
    let mut finalizers = field.as_array().cloned().unwrap_or_default();
    finalizers.retain(|found| found != FOREGROUND && found != ORPHAN);
    finalizers.extend(wanted.map(Value::from));
    if finalizers.is_empty() {
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("finalizers");
        }
    } else {
        *field = Value::Array(finalizers);
    }
    object
}

/// Whether a marked object can be removed: grace period zero and no finalizers.
pub(super) fn is_removable(object: &Value) -> bool {
    let metadata = &object["metadata"];
    let empty = |list: &Value| list.as_array().is_none_or(Vec::is_empty);
    !metadata["deletionTimestamp"].is_null()
        && metadata["deletionGracePeriodSeconds"]
            .as_i64()
            .unwrap_or_default()
            == 0
        && empty(&metadata["finalizers"])
        // A namespace has further finalizers, in its spec.
        && (object["kind"] != "Namespace" || empty(&object["spec"]["finalizers"]))
}

/// Rule: `pkg/registry/core/pod/strategy.go`, `CheckGracefulDelete`.
fn grace(kind: &Kind, object: &Value, requested: Option<i64>) -> i64 {
    let unbound = object["spec"]["nodeName"]
        .as_str()
        .unwrap_or_default()
        .is_empty();
    let ended = matches!(
        object["status"]["phase"].as_str(),
        Some("Succeeded" | "Failed")
    );
    // No kubelet has to end containers first, so nothing delays the removal.
    if kind.name != "Pod" || unbound || ended {
        return 0;
    }
    let default = || {
        object["spec"]["terminationGracePeriodSeconds"]
            .as_i64()
            .unwrap_or_default()
    };
    not_immediate(requested.unwrap_or_else(default))
}

/// Rule: `staging/src/k8s.io/apiserver/pkg/registry/rest/delete.go`, `BeforeDelete`.
pub(super) fn check_preconditions(
    kind: &Kind,
    name: &str,
    current: &Value,
    deletion: &Deletion,
) -> Result<(), ApiError> {
    let check = |label: &str, requested: &Option<String>, field: &str, hint: &str| {
        let found = current["metadata"][field].as_str().unwrap_or_default();
        match requested {
            Some(requested) if requested != found => {
                let why = format!(
                    "the {label} in the precondition ({requested}) does not match the {label} in \
                     record ({found}). The object might have been {hint}"
                );
                Err(ApiError::failed_precondition(kind, name, &why))
            }
            _ => Ok(()),
        }
    };
    let (uid, version) = (&deletion.uid, &deletion.version);
    check("UID", uid, "uid", "deleted and then recreated")?;
    check("ResourceVersion", version, "resourceVersion", "modified")
}
