//! A registry's state: the store and the generator of names and UIDs, under one lock.
//!
//! Reads are here. Writes are in the other files; each holds the lock from its first read to its
//! write, which makes it atomic.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::kinds::Kind;
use crate::store::{Event, Expired, Store, Version};

/// A handle on all objects of the cluster; clones share one registry.
#[derive(Clone)]
pub(crate) struct Registry {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Clock,
    // Not an async mutex: no call waits while it holds the lock.
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) store: Store,
    pub(super) random: fastrand::Rng,
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
