//! What an API server does to an object besides keeping it: identity, defaults, validation, the split between
//! spec and status, deletion with grace and finalizers.
//!
//! This file is the face that controllers and the kubelet see, in Kubernetes' own types. Every call is
//! atomic and returns at once. The untyped calls that the HTTP API uses are in the parts; HTTP is not here.

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

pub use crate::kinds::Object;
pub(crate) use admit::shape;
pub(crate) use delete::{Deleted, Deletion, FOREGROUND, ORPHAN};
pub(crate) use update::Part;
pub use watch::{Change, Watch};

/// A handle on all objects of the cluster; clones are the same registry.
#[derive(Clone)]
pub struct Registry {
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
    /// An empty registry; uids and generated names are drawn from `random`.
    pub fn new(clock: Clock, random: fastrand::Rng) -> Self {
        let state = Mutex::new(State {
            store: Store::default(),
            random,
        });
        Self {
            shared: Arc::new(Shared { clock, state }),
        }
    }

    /// One object. `namespace` is empty for cluster-scoped kinds.
    pub fn get<K: Object>(&self, namespace: &str, name: &str) -> Option<K> {
        self.get_value(Kind::of::<K>(), namespace, name)
            .map(|object| typed(&object))
    }

    /// All objects of a kind, or those of one namespace, ordered by namespace and name.
    pub fn list<K: Object>(&self, namespace: Option<&str>) -> Vec<K> {
        let (objects, _) = self.list_values(Kind::of::<K>(), namespace);
        objects.iter().map(|object| typed(object)).collect()
    }

    /// Creates an object in the namespace that its metadata names, and returns it as it was stored.
    pub fn create<K: Object>(&self, object: &K) -> Result<K, ApiError> {
        let namespace = object.metadata().namespace.clone().unwrap_or_default();
        self.create_value(Kind::of::<K>(), &namespace, untyped(object), false)
            .map(|object| typed(&object))
    }

    /// Changes metadata and spec. What `change` does to the status is dropped, and a change that changes
    /// nothing writes nothing. `change` runs inside the registry's lock: it must not call the registry.
    pub fn edit<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut K),
    ) -> Result<K, ApiError> {
        self.edit_part(namespace, name, Part::Main, change)
    }

    /// Changes the status alone, under the same conditions as [`Registry::edit`].
    pub fn edit_status<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut K),
    ) -> Result<K, ApiError> {
        self.edit_part(namespace, name, Part::Status, change)
    }

    /// Deletes an object. A Pod that runs on a node is only marked, unless `grace` is 0: the kubelet deletes
    /// it again with 0 when its containers have ended. `None` is the Pod's own grace period. Finalizers hold
    /// the object back in any case.
    pub fn delete<K: Object>(
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

    /// Every change from now on, beginning with [`Change::Added`] for what is there already.
    pub fn watch<K: Object>(&self, namespace: Option<&str>) -> Watch<K> {
        Watch::new(self.clone(), namespace)
    }

    /// The cluster's clock.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    pub(crate) fn get_value(&self, kind: &Kind, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.state()
            .store
            .get(kind.plural, namespace, name)
            .cloned()
    }

    /// The objects and the version at which they were like this.
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

    /// What happened to a kind after `version`, and the version up to which that is all.
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

    /// A caller's closure may have panicked inside the lock, but only on a copy: the state is whole.
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
