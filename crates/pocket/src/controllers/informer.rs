//! The informer: a controller's copy of all objects of one kind, updated from a watch.
//!
//! The copy changes only in a call to `catch_up` or `compare`, so that a decision sees one state.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::kinds::{Object, name, namespace};
use crate::registry::{Change, Registry, Watch};

/// Namespace and name.
pub(crate) type Key = (String, String);

/// All objects of a kind as of the last [`Informer::catch_up`].
pub(crate) struct Informer<K> {
    watch: Watch<K>,
    /// A change that was awaited and is not yet in the copy.
    early: Option<Change<K>>,
    objects: BTreeMap<Key, Arc<K>>,
}

impl<K: Object> Informer<K> {
    pub(crate) fn new(registry: &Registry) -> Self {
        Self {
            watch: registry.watch(None),
            early: None,
            objects: BTreeMap::new(),
        }
    }

    /// Takes in all pending changes. Calls `touched` with every changed object, after and before
    /// the change.
    pub(crate) fn catch_up(&mut self, mut touched: impl FnMut(&K)) {
        self.compare(|before, change| {
            touched(change.object());
            before.into_iter().for_each(&mut touched);
        });
    }

    /// Takes in all pending changes. Calls `touched` with each object before the change, and the
    /// change.
    pub(crate) fn compare(&mut self, mut touched: impl FnMut(Option<&K>, &Change<K>)) {
        while let Some(change) = self.early.take().or_else(|| self.watch.try_next()) {
            let key = key(change.object());
            // Before the copy changes, so that both states can be compared.
            touched(self.objects.get(&key).map(Arc::as_ref), &change);
            match change {
                Change::Added(object) | Change::Modified(object) => {
                    self.objects.insert(key, object);
                }
                Change::Deleted(_) => {
                    self.objects.remove(&key);
                }
            }
        }
    }

    /// Waits until there is a change to take in.
    pub(crate) async fn changed(&mut self) {
        if self.early.is_none() {
            self.early = Some(self.watch.next().await);
        }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&K> {
        self.objects.get(key).map(Arc::as_ref)
    }

    /// All objects, by namespace and name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &K> {
        self.objects.values().map(Arc::as_ref)
    }

    /// The objects of one namespace, by name.
    pub(crate) fn within<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a K> {
        // The empty name is the lowest key of the namespace.
        let first = (namespace.to_owned(), String::new());
        let rest = self
            .objects
            .range((Bound::Included(first), Bound::Unbounded));
        rest.take_while(move |((found, _), _)| found == namespace)
            .map(|(_, object)| object.as_ref())
    }
}

pub(crate) fn key<K: Object>(object: &K) -> Key {
    (namespace(object).to_owned(), name(object).to_owned())
}
