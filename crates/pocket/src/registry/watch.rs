//! Watches of one kind for controllers: every change, in order, without gaps.
//!
//! A watch reads the store's history at its own pace. If the history no longer reaches back far
//! enough, it compares a new list with what it has delivered, so that its reader sees only changes.

use std::collections::{BTreeMap, VecDeque};
use std::marker::PhantomData;
use std::sync::Arc;

use tokio::sync::watch::Receiver;

use super::state::Registry;
use crate::kinds::{Kind, Object};
use crate::store::{Event, StoredObject, Verb, Version};

/// A stream of changes to the objects of one kind, by type.
pub(crate) struct Watch<K> {
    changes: UntypedWatch,
    of: PhantomData<fn() -> K>,
}

/// One change of an object, which all watches share.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change<K> {
    /// The object was created, or existed before the watch began.
    Added(Arc<K>),
    /// The object was changed.
    Modified(Arc<K>),
    /// The object was deleted; this is its last state.
    Deleted(Arc<K>),
}

/// A stream of changes to the objects of one kind, as JSON.
pub(crate) struct UntypedWatch {
    registry: Registry,
    kind: &'static Kind,
    namespace: Option<String>,
    written: Receiver<Version>,
    seen: Version,
    /// The objects as the reader knows them once it has read `pending`.
    delivered: BTreeMap<Name, Arc<StoredObject>>,
    pending: VecDeque<(Verb, Arc<StoredObject>)>,
}

/// Namespace and name.
type Name = (String, String);

impl<K: Object> Watch<K> {
    pub(super) fn new(registry: Registry, namespace: Option<&str>) -> Self {
        Self {
            changes: UntypedWatch::new(registry, Kind::of::<K>(), namespace),
            of: PhantomData,
        }
    }

    /// The next change. Cancel-safe: no change is lost if the future is dropped.
    pub(crate) async fn next(&mut self) -> Change<K> {
        loop {
            if let Some(change) = self.try_next() {
                return change;
            }
            self.changes.written().await;
        }
    }

    /// The next change, if there is one now.
    pub(crate) fn try_next(&mut self) -> Option<Change<K>> {
        let (verb, object) = self.changes.try_next()?;
        let object = object.typed();
        Some(match verb {
            Verb::Added => Change::Added(object),
            Verb::Modified => Change::Modified(object),
            Verb::Deleted => Change::Deleted(object),
        })
    }
}

impl UntypedWatch {
    /// A watch of a kind; existing objects arrive first.
    pub(crate) fn new(registry: Registry, kind: &'static Kind, namespace: Option<&str>) -> Self {
        // Subscribed before the first list: a write in between wakes the reader.
        let written = registry.subscribe(kind);
        let mut watch = Self {
            registry,
            kind,
            namespace: namespace.map(str::to_owned),
            written,
            seen: Version::default(),
            delivered: BTreeMap::new(),
            pending: VecDeque::new(),
        };
        watch.relist();
        watch
    }

    /// Waits until the kind has been written to, in any namespace.
    pub(crate) async fn written(&mut self) {
        // The registry that this watch holds keeps the sender alive.
        let written = self.written.changed().await;
        written.expect("the store must outlive its watches");
    }

    /// The next change, if there is one now.
    pub(crate) fn try_next(&mut self) -> Option<(Verb, Arc<StoredObject>)> {
        if self.pending.is_empty() {
            self.catch_up();
        }
        self.pending.pop_front()
    }

    fn catch_up(&mut self) {
        // Before reading: a write in between then wakes the reader again instead of being lost.
        self.written.mark_unchanged();
        match self.registry.since(self.kind, self.seen, usize::MAX) {
            Ok((events, version)) => {
                for event in events {
                    self.deliver(event);
                }
                self.seen = version;
            }
            Err(_) => self.relist(),
        }
    }

    fn deliver(&mut self, event: Event) {
        let name = name(&event.object);
        let mut namespace = self.namespace.iter();
        if namespace.any(|namespace| *namespace != name.0) {
            return;
        }
        match event.verb {
            Verb::Deleted => self.delivered.remove(&name),
            Verb::Added | Verb::Modified => self.delivered.insert(name, Arc::clone(&event.object)),
        };
        self.pending.push_back((event.verb, event.object));
    }

    fn relist(&mut self) {
        let (objects, version) = self
            .registry
            .list_stored(self.kind, self.namespace.as_deref());
        let mut removed = std::mem::take(&mut self.delivered);
        for object in objects {
            let name = name(&object);
            match removed.remove(&name) {
                None => self.pending.push_back((Verb::Added, Arc::clone(&object))),
                // Deleted and created again in between, too: the reader sees the last state.
                Some(delivered) if !Arc::ptr_eq(&delivered, &object) => {
                    self.pending
                        .push_back((Verb::Modified, Arc::clone(&object)));
                }
                Some(_) => {}
            }
            self.delivered.insert(name, object);
        }
        self.pending
            .extend(removed.into_values().map(|object| (Verb::Deleted, object)));
        self.seen = version;
    }
}

impl<K> Change<K> {
    /// The changed object.
    pub(crate) fn object(&self) -> &K {
        match self {
            Self::Added(object) | Self::Modified(object) | Self::Deleted(object) => object,
        }
    }

    /// The changed object, by value.
    pub(crate) fn into_object(self) -> Arc<K> {
        match self {
            Self::Added(object) | Self::Modified(object) | Self::Deleted(object) => object,
        }
    }
}

fn name(object: &StoredObject) -> Name {
    (object.namespace().to_owned(), object.name().to_owned())
}
