//! The registry: what an API server does to objects – identity, defaults, validation, deletion.
//!
//! It also separates spec from status. This file is the typed interface for controllers and the
//! kubelet; every call is atomic and returns at once. The untyped calls for the HTTP API are in the
//! submodules. The registry knows no HTTP.

mod addresses;
mod admit;
mod bind;
mod create;
mod delete;
mod evict;
mod identity;
mod state;
mod update;
mod watch;

use std::sync::Arc;

use crate::api_status::ApiError;
use crate::kinds::{HasStatus, Kind, Object, untyped};
use crate::store::StoredObject;

pub(crate) use admit::{refused_fields, shape};
pub(crate) use delete::{Deleted, Deletion, FOREGROUND, ORPHAN, Propagation};
pub(crate) use state::Registry;
pub(crate) use update::Part;
pub(crate) use watch::{Change, UntypedWatch, Watch};

impl Registry {
    /// One object. `namespace` is empty for cluster-scoped kinds.
    pub(crate) fn get<K: Object>(&self, namespace: &str, name: &str) -> Option<K> {
        self.get_stored(Kind::of::<K>(), namespace, name)
            .map(|object| owned(&object))
    }

    /// All objects of a kind, or those of one namespace, ordered by namespace and name.
    pub(crate) fn list<K: Object>(&self, namespace: Option<&str>) -> Vec<K> {
        let (objects, _) = self.list_stored(Kind::of::<K>(), namespace);
        objects.iter().map(|object| owned(object)).collect()
    }

    /// Creates an object in the namespace of its metadata. Returns it as stored.
    pub(crate) fn create<K: Object>(&self, object: &K) -> Result<K, ApiError> {
        let namespace = object.metadata().namespace.clone().unwrap_or_default();
        self.create_value(Kind::of::<K>(), &namespace, untyped(object), false)
            .map(|object| owned(&object))
    }

    /// Changes metadata and spec. Changes to the status are dropped, and a change without effect
    /// writes nothing. `change` runs under the registry's lock: it must not call the registry.
    pub(crate) fn edit<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut K),
    ) -> Result<K, ApiError> {
        self.update_typed(namespace, name, change)
    }

    /// Changes only the status, under the same conditions as [`Registry::edit`].
    pub(crate) fn edit_status<K: HasStatus>(
        &self,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut K),
    ) -> Result<Arc<K>, ApiError> {
        self.update_status(namespace, name, change)
    }

    /// Deletes an object. A Pod that runs on a node is only marked, unless `grace` is 0: the
    /// kubelet deletes it again with 0 when its containers have ended. `None` means the Pod's own
    /// grace period. Finalizers always delay the removal.
    pub(crate) fn delete<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        grace: Option<i64>,
    ) -> Result<(), ApiError> {
        let deletion = Deletion {
            grace,
            ..Deletion::default()
        };
        self.delete_value(Kind::of::<K>(), namespace, name, &deletion)
            .map(drop)
    }

    /// Watches a kind. Existing objects arrive first, as [`Change::Added`].
    pub(crate) fn watch<K: Object>(&self, namespace: Option<&str>) -> Watch<K> {
        Watch::new(self.clone(), namespace)
    }
}

fn owned<K: Object>(object: &StoredObject) -> K {
    object.to_typed()
}

#[cfg(test)]
pub(crate) mod tests;
