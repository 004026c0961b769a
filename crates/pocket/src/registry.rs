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
mod identity;
mod update;
mod watch;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::api_status::ApiError;
use crate::clock::Clock;
use crate::kinds::Kind;
use crate::store::{Event, Expired, Store, Version};

pub(crate) use crate::kinds::Object;
pub(crate) use admit::shape;
pub(crate) use delete::{Deleted, Deletion, FOREGROUND, ORPHAN};
pub(crate) use update::Part;
pub(crate) use watch::{Change, Watch};

/// A handle on all objects of the cluster; clones share one registry.
#[derive(Clone)]
pub(crate) struct Registry {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    store: Store,
    random: fastrand::Rng,
}

impl Registry {
    /// An empty registry. UIDs and generated names are drawn from `random`.
    pub(crate) fn new(clock: Clock, random: fastrand::Rng) -> Self {
        let state = Mutex::new(State {
            store: Store::default(),
            random,
        });
        Self {
            shared: Arc::new(Shared { clock, state }),
        }
    }

    /// One object. `namespace` is empty for cluster-scoped kinds.
    pub(crate) fn get<K: Object>(&self, namespace: &str, name: &str) -> Option<K> {
        self.get_value(Kind::of::<K>(), namespace, name)
            .map(|object| typed(&object))
    }

    /// All objects of a kind, or those of one namespace, ordered by namespace and name.
    pub(crate) fn list<K: Object>(&self, namespace: Option<&str>) -> Vec<K> {
        let (objects, _) = self.list_values(Kind::of::<K>(), namespace);
        objects.iter().map(|object| typed(object)).collect()
    }

    /// Creates an object in the namespace of its metadata. Returns it as stored.
    pub(crate) fn create<K: Object>(&self, object: &K) -> Result<K, ApiError> {
        let namespace = object.metadata().namespace.clone().unwrap_or_default();
        self.create_value(Kind::of::<K>(), &namespace, untyped(object), false)
            .map(|object| typed(&object))
    }

    /// Changes metadata and spec. Changes to the status are dropped, and a change without effect
    /// writes nothing. `change` runs under the registry's lock: it must not call the registry.
    pub(crate) fn edit<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut K),
    ) -> Result<K, ApiError> {
        self.edit_part(namespace, name, Part::Main, change)
    }

    /// Changes only the status, under the same conditions as [`Registry::edit`].
    pub(crate) fn edit_status<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut K),
    ) -> Result<K, ApiError> {
        self.edit_part(namespace, name, Part::Status, change)
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

    /// The cluster's clock.
    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    pub(crate) fn get_value(&self, kind: &Kind, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.state()
            .store
            .get(kind.plural, namespace, name)
            .cloned()
    }

    /// The objects, and the store's version at that moment.
    pub(crate) fn list_values(
        &self,
        kind: &Kind,
        namespace: Option<&str>,
    ) -> (Vec<Arc<Value>>, Version) {
        let state = self.state();
        (
            state.store.list(kind.plural, namespace).cloned().collect(),
            state.store.version(),
        )
    }

    /// The events of a kind after `version`, and the version up to which they are complete.
    pub(crate) fn since(
        &self,
        kind: &Kind,
        version: Version,
    ) -> Result<(Vec<Event>, Version), Expired> {
        let state = self.state();
        let events = state.store.since(kind.plural, version)?.cloned().collect();
        Ok((events, state.store.version()))
    }

    pub(crate) fn subscribe(&self, kind: &'static Kind) -> tokio::sync::watch::Receiver<Version> {
        self.state().store.subscribe(kind.plural)
    }

    fn edit_part<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        part: Part,
        change: impl FnOnce(&mut K),
    ) -> Result<K, ApiError> {
        let apply = |current: &Value| {
            let mut object: K = typed(current);
            change(&mut object);
            Ok(untyped(&object))
        };
        self.update_value(Kind::of::<K>(), namespace, name, part, false, apply)
            .map(|object| typed(&object))
    }

    /// Poisoning is ignored: a caller's closure can panic under the lock, but works on a copy.
    fn state(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

fn typed<K: Object>(object: &Value) -> K {
    K::deserialize(object).expect("a stored object must have the shape of its kind")
}

fn untyped<K: Object>(object: &K) -> Value {
    serde_json::to_value(object).expect("a Kubernetes type must serialize")
}

#[cfg(test)]
pub(crate) mod tests;
