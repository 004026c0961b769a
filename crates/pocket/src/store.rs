//! Stores objects and their recent history, like etcd with an API server's watch cache.
//!
//! One version counter serves all resources, as in etcd. Each resource keeps a window of its last
//! events, so that a watch can begin in the past. The store knows no schema, rules or HTTP; the
//! only field it writes is `metadata.resourceVersion`.

mod object;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch;

pub(crate) use object::StoredObject;

use crate::kinds::Object;

/// Size of the events kept per resource, in bytes of their objects' JSON. A watch from before them
/// has to list again.
const WINDOW: usize = 8 * 1024 * 1024;

/// All objects of a cluster.
#[derive(Debug, Default)]
pub(crate) struct Store {
    version: Version,
    tables: BTreeMap<&'static str, Table>,
}

/// A point in the store's history, comparable only with others of the same store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(u64);

/// Identifies an object of a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The plural name, such as `pods`.
    pub resource: &'static str,
    /// Empty for cluster-scoped resources.
    pub namespace: String,
    /// The object's name.
    pub name: String,
}

/// One entry of the history.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// The version that this event created; `object` carries it too.
    pub version: Version,
    /// What happened.
    pub verb: Verb,
    /// The object after the event. For a deletion: its last state, with the deletion's version.
    pub object: Arc<StoredObject>,
    /// The object before the event, so that a selector can tell "no longer matches" from "never
    /// did".
    pub previous: Option<Arc<StoredObject>>,
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// The object was created.
    Added,
    /// The object was changed.
    Modified,
    /// The object was deleted.
    Deleted,
}

/// The requested history begins before the window.
#[derive(Debug, thiserror::Error)]
#[error("too old resource version: {asked} ({oldest})")]
pub(crate) struct Expired {
    /// The requested version.
    pub asked: Version,
    /// The oldest version from which the history is complete.
    pub oldest: Version,
}

/// The objects of one resource, by namespace and name, and its recent changes for watches.
#[derive(Debug)]
struct Table {
    // Nested, so that a lookup needs no owned key.
    objects: BTreeMap<String, BTreeMap<String, Arc<StoredObject>>>,
    history: VecDeque<Event>,
    /// Size of the history, in bytes of its objects.
    kept: usize,
    /// The version after which the history is complete.
    complete_after: Version,
    latest: watch::Sender<Version>,
}

impl Store {
    /// The version of the last write to any resource.
    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// One object.
    pub(crate) fn get(
        &self,
        resource: &str,
        namespace: &str,
        name: &str,
    ) -> Option<&Arc<StoredObject>> {
        self.tables.get(resource)?.objects.get(namespace)?.get(name)
    }

    /// All objects of a resource, or those of one namespace, ordered by namespace and name.
    pub(crate) fn list<'a>(
        &'a self,
        resource: &str,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Arc<StoredObject>> {
        self.tables
            .get(resource)
            .into_iter()
            .flat_map(|table| &table.objects)
            .filter(move |(at, _)| namespace.is_none_or(|namespace| namespace == *at))
            .flat_map(|(_, objects)| objects.values())
    }

    /// As [`Store::list`], of the objects as they were at `version`.
    pub(crate) fn list_at(
        &self,
        resource: &str,
        namespace: Option<&str>,
        version: Version,
    ) -> Result<Vec<Arc<StoredObject>>, Expired> {
        let key = |object: &StoredObject| (object.namespace().to_owned(), object.name().to_owned());
        let present = self.list(resource, namespace);
        let mut objects: BTreeMap<_, _> = present
            .map(|object| (key(object), Arc::clone(object)))
            .collect();
        let later: Vec<&Event> = self.since(resource, version)?.collect();
        // Undone one by one, the last one first.
        for event in later.into_iter().rev() {
            let key = key(&event.object);
            if namespace.is_some_and(|namespace| namespace != key.0) {
                continue;
            }
            match &event.previous {
                Some(previous) => objects.insert(key, Arc::clone(previous)),
                None => objects.remove(&key),
            };
        }
        Ok(objects.into_values().collect())
    }

    /// Stores `object` under a new version, which is written into it.
    pub(crate) fn put(&mut self, key: Key, mut object: Value) -> Arc<StoredObject> {
        let version = self.next_version();
        stamp(&mut object, version);
        self.insert(key, version, StoredObject::new(&object))
    }

    /// As [`Store::put`], of an object as its type.
    pub(crate) fn put_typed<K: Object>(&mut self, key: Key, mut object: K) -> Arc<StoredObject> {
        let version = self.next_version();
        object.metadata_mut().resource_version = Some(version.to_string());
        self.insert(key, version, StoredObject::of_type(Arc::new(object)))
    }

    fn insert(&mut self, key: Key, version: Version, object: StoredObject) -> Arc<StoredObject> {
        let object = Arc::new(object);
        let table = self.table(key.resource);
        let objects = table.objects.entry(key.namespace).or_default();
        let previous = objects.insert(key.name, Arc::clone(&object));
        let verb = if previous.is_some() {
            Verb::Modified
        } else {
            Verb::Added
        };
        table.record(Event {
            version,
            verb,
            object: Arc::clone(&object),
            previous,
        });
        object
    }

    /// Removes an object. Returns it with the version of the deletion, which is a version of its
    /// own.
    pub(crate) fn remove(&mut self, key: &Key) -> Option<Arc<StoredObject>> {
        let previous = self
            .table(key.resource)
            .objects
            .get_mut(&key.namespace)?
            .remove(&key.name)?;
        let version = self.next_version();
        let mut object = previous.value();
        stamp(&mut object, version);
        let object = Arc::new(StoredObject::new(&object));
        self.table(key.resource).record(Event {
            version,
            verb: Verb::Deleted,
            object: Arc::clone(&object),
            previous: Some(previous),
        });
        Some(object)
    }

    /// The events of a resource after `version`, oldest first.
    pub(crate) fn since(
        &self,
        resource: &str,
        version: Version,
    ) -> Result<impl Iterator<Item = &Event>, Expired> {
        let history = match self.tables.get(resource) {
            Some(table) if version < table.complete_after => {
                return Err(Expired {
                    asked: version,
                    oldest: table.complete_after,
                });
            }
            Some(table) => Some(&table.history),
            None => None,
        };
        Ok(history.into_iter().flat_map(move |history| {
            // Versions only grow, so the history is sorted by them.
            let seen = history.partition_point(|event| event.version <= version);
            history.range(seen..)
        }))
    }

    /// Receives the version of every write to a resource.
    pub(crate) fn subscribe(&mut self, resource: &'static str) -> watch::Receiver<Version> {
        self.table(resource).latest.subscribe()
    }

    fn next_version(&mut self) -> Version {
        self.version.0 += 1;
        self.version
    }

    fn table(&mut self, resource: &'static str) -> &mut Table {
        self.tables.entry(resource).or_insert_with(Table::new)
    }
}

impl Key {
    /// The key of one object.
    pub(crate) fn new(resource: &'static str, namespace: &str, name: &str) -> Self {
        Self {
            resource,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

impl Table {
    fn new() -> Self {
        Self {
            objects: BTreeMap::new(),
            history: VecDeque::new(),
            kept: 0,
            complete_after: Version::default(),
            latest: watch::Sender::new(Version::default()),
        }
    }

    fn record(&mut self, event: Event) {
        self.latest.send_replace(event.version);
        event.previous.iter().for_each(|object| object.outdate());
        if event.verb == Verb::Deleted {
            event.object.outdate();
        }
        self.kept += event.object.text().len();
        self.history.push_back(event);
        // A watch from the forgotten version itself still gets every later event.
        while self.kept > WINDOW
            && let Some(forgotten) = self.history.pop_front()
        {
            self.kept -= forgotten.object.text().len();
            self.complete_after = forgotten.version;
        }
        // `send` would fail without a receiver and keep the old version.
    }
}

fn stamp(object: &mut Value, version: Version) {
    object["metadata"]["resourceVersion"] = Value::String(version.to_string());
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Version {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key(name: &str) -> Key {
        Key::new("pods", "default", name)
    }

    fn put(store: &mut Store, name: &str) -> Version {
        store.put(key(name), json!({"metadata": {"name": name}}));
        store.version()
    }

    fn since(store: &Store, version: Version) -> Vec<(Verb, String)> {
        let events = store.since("pods", version).unwrap();
        events
            .map(|event| {
                (
                    event.verb,
                    event.object.value()["metadata"]["name"].to_string(),
                )
            })
            .collect()
    }

    #[test]
    fn one_counter_serves_all_resources() {
        let mut store = Store::default();
        put(&mut store, "a");
        let other = Key {
            resource: "services",
            ..key("a")
        };
        let service = store.put(other, json!({"metadata": {}}));
        assert_eq!(service.value()["metadata"]["resourceVersion"], "2");
        assert_eq!(put(&mut store, "b"), Version(3));
    }

    #[test]
    fn history_begins_strictly_after_the_version() {
        let mut store = Store::default();
        let first = put(&mut store, "a");
        put(&mut store, "a");
        store.remove(&key("a"));
        let name = "\"a\"".to_owned();
        assert_eq!(
            since(&store, first),
            [(Verb::Modified, name.clone()), (Verb::Deleted, name)]
        );
        assert_eq!(since(&store, store.version()), []);
    }

    #[test]
    fn a_deletion_has_a_version_of_its_own() {
        let mut store = Store::default();
        put(&mut store, "a");
        let gone = store.remove(&key("a")).unwrap();
        assert_eq!(gone.value()["metadata"]["resourceVersion"], "2");
        assert!(store.get("pods", "default", "a").is_none());
        assert!(store.remove(&key("a")).is_none());
    }

    #[test]
    fn versions_before_the_window_have_expired() {
        let mut store = Store::default();
        let first = put(&mut store, "a");
        let large = "x".repeat(WINDOW / 4);
        for _ in 0..3 {
            store.put(key("b"), json!({"metadata": {"name": "b", "x": large}}));
        }
        assert_eq!(store.since("pods", Version(0)).unwrap().count(), 4);
        store.put(key("b"), json!({"metadata": {"name": "b", "x": large}}));
        assert!(store.since("pods", Version(0)).is_err());
        assert!(store.since("pods", first).is_err());
        let second = Version(2);
        assert_eq!(store.since("pods", second).unwrap().count(), 3);
        assert!(store.since("services", Version(0)).is_ok());
    }

    #[test]
    fn lists_are_ordered_and_can_be_narrowed() {
        let mut store = Store::default();
        for (namespace, name) in [("b", "x"), ("a", "z"), ("a", "y")] {
            let key = Key {
                namespace: namespace.into(),
                ..key(name)
            };
            store.put(key, json!({"metadata": {"name": name}}));
        }
        let names = |namespace| -> Vec<String> {
            let list = store.list("pods", namespace);
            list.map(|object| {
                object.value()["metadata"]["name"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect()
        };
        assert_eq!(names(None), ["y", "z", "x"]);
        assert_eq!(names(Some("b")), ["x"]);
        assert!(names(Some("c")).is_empty());
    }
}
