//! A typed watch of one kind for controllers: every change, in order, without gaps.
//!
//! It reads the store's history at its own pace. If the history no longer reaches back far enough,
//! it compares a new list with what it has delivered, so that its reader sees only changes.

use std::collections::{BTreeMap, VecDeque};
use std::marker::PhantomData;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch::Receiver;

use super::state::Registry;
use crate::kinds::{Kind, Object, typed};
use crate::store::{Event, Verb, Version};

/// A stream of changes to one kind.
pub(crate) struct Watch<K> {
    registry: Registry,
    kind: &'static Kind,
    namespace: Option<String>,
    written: Receiver<Version>,
    seen: Version,
    /// The objects as the reader knows them once it has read `pending`.
    told: BTreeMap<Name, Arc<Value>>,
    pending: VecDeque<(Verb, Arc<Value>)>,
    of: PhantomData<fn() -> K>,
}

/// One change of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change<K> {
    /// The object was created, or existed before the watch began.
    Added(K),
    /// The object was changed.
    Modified(K),
    /// The object was deleted; this is its last state.
    Deleted(K),
}

/// Namespace and name.
type Name = (String, String);

impl<K: Object> Watch<K> {
    pub(super) fn new(registry: Registry, namespace: Option<&str>) -> Self {
        let kind = Kind::of::<K>();
        let written = registry.subscribe(kind);
        let mut watch = Self {
            registry,
            kind,
            namespace: namespace.map(str::to_owned),
            written,
            seen: Version::default(),
            told: BTreeMap::new(),
            pending: VecDeque::new(),
            of: PhantomData,
        };
        watch.relist();
        watch
    }

    /// The next change. Cancel-safe: no change is lost if the future is dropped.
    pub(crate) async fn next(&mut self) -> Change<K> {
        loop {
            if let Some(change) = self.try_next() {
                return change;
            }
            // The registry that this watch holds keeps the sender alive.
            self.written
                .changed()
                .await
                .expect("the store must outlive its watches");
        }
    }

    /// The next change, if there is one now.
    pub(crate) fn try_next(&mut self) -> Option<Change<K>> {
        if self.pending.is_empty() {
            self.catch_up();
        }
        let (verb, object) = self.pending.pop_front()?;
        let object = typed(&object);
        Some(match verb {
            Verb::Added => Change::Added(object),
            Verb::Modified => Change::Modified(object),
            Verb::Deleted => Change::Deleted(object),
        })
    }

    fn catch_up(&mut self) {
        self.written.mark_unchanged();
        match self.registry.since(self.kind, self.seen) {
            Ok((events, version)) => {
                for event in events {
                    self.tell(event);
                }
                self.seen = version;
            }
            Err(_) => self.relist(),
        }
    }

    fn tell(&mut self, event: Event) {
        let name = name(&event.object);
        if self
            .namespace
            .as_ref()
            .is_some_and(|namespace| *namespace != name.0)
        {
            return;
        }
        match event.verb {
            Verb::Deleted => self.told.remove(&name),
            Verb::Added | Verb::Modified => self.told.insert(name, Arc::clone(&event.object)),
        };
        self.pending.push_back((event.verb, event.object));
    }

    fn relist(&mut self) {
        let (objects, version) = self
            .registry
            .list_values(self.kind, self.namespace.as_deref());
        let mut gone = std::mem::take(&mut self.told);
        for object in objects {
            let name = name(&object);
            match gone.remove(&name) {
                None => self.pending.push_back((Verb::Added, Arc::clone(&object))),
                Some(told) if !Arc::ptr_eq(&told, &object) => {
                    self.pending
                        .push_back((Verb::Modified, Arc::clone(&object)));
                }
                Some(_) => {}
            }
            self.told.insert(name, object);
        }
        self.pending
            .extend(gone.into_values().map(|object| (Verb::Deleted, object)));
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
    pub(crate) fn into_object(self) -> K {
        match self {
            Self::Added(object) | Self::Modified(object) | Self::Deleted(object) => object,
        }
    }
}

fn name(object: &Value) -> Name {
    let text = |field: &str| {
        object["metadata"][field]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    (text("namespace"), text("name"))
}
