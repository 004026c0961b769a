//! Deletion of objects: grace periods for Pods, finalizers for all kinds, and preconditions.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use rules::Moment;
use serde_json::{Value, json};

use super::state::Registry;
use crate::api_status::ApiError;
use crate::clock::seconds;
use crate::kinds::Kind;
use crate::store::Key;

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
    /// The finalizer that delays the removal until dependents are handled; `None` leaves them to
    /// the garbage collector.
    pub(crate) finalizer: Option<&'static str>,
}

/// The result of a deletion.
#[derive(Debug)]
pub(crate) enum Deleted {
    /// The object is removed; this is its last state.
    Removed(Arc<Value>),
    /// The object is marked; its kubelet or its finalizers delay the removal.
    Marked(Arc<Value>),
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
        let mut state = self.state();
        let current = state
            .store
            .get(kind.plural, namespace, name)
            .cloned()
            .ok_or_else(|| ApiError::not_found(kind, name))?;
        check_preconditions(kind, name, &current, deletion)?;
        if kind.name == "Namespace" && PROTECTED.contains(&name) {
            return Err(ApiError::forbidden(
                kind,
                name,
                "this namespace may not be deleted",
            ));
        }
        let next = with_finalizer(
            self.marked(kind, &current, deletion.grace),
            deletion.finalizer,
        );
        let is_removed = is_removable(&next);
        let key = Key::new(kind.plural, namespace, name);
        if deletion.dry_run {
            let next = Arc::new(next);
            return Ok(if is_removed {
                Deleted::Removed(next)
            } else {
                Deleted::Marked(next)
            });
        }
        if is_removed {
            // An immediate removal writes no event for the mark.
            return Ok(Deleted::Removed(
                state.store.remove(&key).unwrap_or(current),
            ));
        }
        // Deleting it again with the same or a longer grace period changes nothing.
        if next == *current {
            return Ok(Deleted::Marked(current));
        }
        Ok(Deleted::Marked(state.store.put(key, next)))
    }

    /// The object with its deletion timestamp set.
    fn marked(&self, kind: &Kind, current: &Value, requested: Option<i64>) -> Value {
        let metadata = &current["metadata"];
        if !metadata["deletionTimestamp"].is_null() {
            return self.shortened(current, requested);
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
        next
    }

    /// A marked object that is deleted again. Its grace period can only be shortened, counted from
    /// the first deletion.
    ///
    /// Rule: `staging/src/k8s.io/apiserver/pkg/registry/rest/delete.go`, `BeforeDelete`.
    fn shortened(&self, current: &Value, requested: Option<i64>) -> Value {
        let mut next = current.clone();
        let metadata = &mut next["metadata"];
        let grace = metadata["deletionGracePeriodSeconds"].as_i64();
        let grace = grace.unwrap_or_default();
        let end = serde_json::from_value::<Time>(metadata["deletionTimestamp"].clone());
        let shorter = requested
            .map(not_immediate)
            .filter(|requested| *requested < grace);
        if let (Some(shorter), Ok(end)) = (shorter, end) {
            let end = self.clock().moment_of(&end).since_start();
            let end = Moment::ZERO + end.saturating_sub(seconds(grace - shorter));
            metadata["deletionTimestamp"] = json!(self.clock().time_of(end));
            metadata["deletionGracePeriodSeconds"] = json!(shorter);
        }
        next
    }
}

/// A negative grace period means the shortest one that is not immediate.
fn not_immediate(grace: i64) -> i64 {
    if grace < 0 { 1 } else { grace }
}

fn with_finalizer(mut object: Value, finalizer: Option<&str>) -> Value {
    let Some(finalizer) = finalizer else {
        return object;
    };
    let finalizers = &mut object["metadata"]["finalizers"];
    match finalizers.as_array_mut() {
        Some(present) if present.iter().any(|found| found == finalizer) => {}
        Some(present) => present.push(finalizer.into()),
        None => *finalizers = json!([finalizer]),
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

fn check_preconditions(
    kind: &Kind,
    name: &str,
    current: &Value,
    deletion: &Deletion,
) -> Result<(), ApiError> {
    let check = |label: &str, requested: &Option<String>, field: &str| match requested {
        Some(requested) if current["metadata"][field] != **requested => {
            let found = current["metadata"][field].as_str().unwrap_or_default();
            let why = format!(
                "Precondition failed: {label} in precondition: {requested}, {label} in object \
                 meta: {found}"
            );
            Err(ApiError::conflict(kind, name, &why))
        }
        _ => Ok(()),
    };
    check("UID", &deletion.uid, "uid")?;
    check("ResourceVersion", &deletion.version, "resourceVersion")
}
