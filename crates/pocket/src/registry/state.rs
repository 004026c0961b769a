//! A registry's state: the store and the generator of names and UIDs, under one lock.
//!
//! Reads are here. Writes are in the other files; each holds the lock from its first read to its
//! write, which makes it atomic.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::api_status::ApiError;
use crate::clock::Clock;
use crate::kinds::Kind;
use crate::store::{Event, Expired, Store, StoredObject, Version};
use crate::subnets::Subnets;

/// A handle on all objects of the cluster; clones share one registry.
#[derive(Clone)]
pub(crate) struct Registry {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Clock,
    subnets: Subnets,
    // Not an async mutex: no call waits while it holds the lock.
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) store: Store,
    pub(super) random: fastrand::Rng,
}

impl Registry {
    /// An empty registry with the default addresses. UIDs and generated names are drawn from
    /// `random`.
    #[cfg(test)]
    pub(crate) fn new(clock: Clock, random: fastrand::Rng) -> Self {
        Self::with_subnets(clock, random, Subnets::default())
    }

    /// An empty registry. UIDs and generated names are drawn from `random`.
    pub(crate) fn with_subnets(clock: Clock, random: fastrand::Rng, subnets: Subnets) -> Self {
        let state = Mutex::new(State {
            store: Store::default(),
            random,
        });
        Self {
            shared: Arc::new(Shared {
                clock,
                subnets,
                state,
            }),
        }
    }

    /// The cluster's clock.
    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// The cluster's addresses.
    pub(crate) fn subnets(&self) -> Subnets {
        self.shared.subnets
    }

    pub(crate) fn get_stored(
        &self,
        kind: &Kind,
        namespace: &str,
        name: &str,
    ) -> Option<Arc<StoredObject>> {
        self.state()
            .store
            .get(kind.plural, namespace, name)
            .cloned()
    }

    /// The objects, and the store's version at that moment.
    pub(crate) fn list_stored(
        &self,
        kind: &Kind,
        namespace: Option<&str>,
    ) -> (Vec<Arc<StoredObject>>, Version) {
        let state = self.state();
        (
            state.store.list(kind.plural, namespace).cloned().collect(),
            state.store.version(),
        )
    }

    /// The objects as they were at `version`.
    pub(crate) fn list_at(
        &self,
        kind: &Kind,
        namespace: Option<&str>,
        version: Version,
    ) -> Result<Vec<Arc<StoredObject>>, Expired> {
        self.state().store.list_at(kind.plural, namespace, version)
    }

    /// The version of the last write.
    pub(crate) fn version(&self) -> Version {
        self.state().store.version()
    }

    /// Whether there is an object of a kind in a namespace.
    pub(crate) fn has_any(&self, kind: &Kind, namespace: &str) -> bool {
        let state = self.state();
        let mut objects = state.store.list(kind.plural, Some(namespace));
        objects.next().is_some()
    }

    /// The first events of a kind after `version`, at most `limit`, and the version up to which
    /// they are complete.
    pub(crate) fn since(
        &self,
        kind: &Kind,
        version: Version,
        limit: usize,
    ) -> Result<(Vec<Event>, Version), Expired> {
        let state = self.state();
        let events = state.store.since(kind.plural, version)?.take(limit);
        let events: Vec<Event> = events.cloned().collect();
        let through = match events.last() {
            Some(last) if events.len() == limit => last.version,
            _ => state.store.version(),
        };
        Ok((events, through))
    }

    pub(crate) fn subscribe(&self, kind: &'static Kind) -> watch::Receiver<Version> {
        self.state().store.subscribe(kind.plural)
    }

    /// Poisoning is ignored: a caller's closure can panic under the lock, but works on a copy.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The object that a write is about to change, or `NotFound`.
    pub(super) fn current(
        &self,
        kind: &Kind,
        namespace: &str,
        name: &str,
    ) -> Result<Arc<StoredObject>, ApiError> {
        let stored = self.store.get(kind.plural, namespace, name).cloned();
        stored.ok_or_else(|| ApiError::not_found(kind, name))
    }
}
