//! The owner graph over all kinds as last read from the registry, and the objects to check again.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::select_all;
use serde_json::Value;
use tokio::sync::watch::Receiver;

use crate::kinds::{KINDS, Kind};
use crate::registry::Registry;
use crate::store::{Verb, Version};

/// Identifies an object: its kind by index in [`KINDS`], its namespace and its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    kind: usize,
    pub(super) namespace: String,
    pub(super) name: String,
}

/// The metadata of an object that garbage collection needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) uid: String,
    /// The UIDs of its owners, and whether this object blocks their foreground deletion.
    pub(super) owners: BTreeMap<String, bool>,
    pub(super) finalizers: BTreeSet<String>,
    pub(super) deleted: bool,
}

#[derive(Debug)]
pub(super) struct Index {
    feeds: Vec<Feed>,
    nodes: BTreeMap<Id, Node>,
    by_uid: BTreeMap<String, Id>,
    /// By the owner's UID.
    dependents: BTreeMap<String, BTreeSet<Id>>,
    due: BTreeSet<Id>,
}

#[derive(Debug)]
struct Feed {
    kind: &'static Kind,
    written: Receiver<Version>,
    seen: Version,
}

impl Index {
    pub(super) fn new(registry: &Registry) -> Self {
        let feed = |kind| Feed {
            kind,
            written: registry.subscribe(kind),
            seen: Version::default(),
        };
        Self {
            feeds: KINDS.iter().map(feed).collect(),
            nodes: BTreeMap::new(),
            by_uid: BTreeMap::new(),
            dependents: BTreeMap::new(),
            due: BTreeSet::new(),
        }
    }

    /// Waits until there is a change to take in.
    pub(super) async fn changed(&mut self) {
        let waiting = self
            .feeds
            .iter_mut()
            .map(|feed| Box::pin(feed.written.changed()));
        select_all(waiting)
            .await
            .0
            .expect("the store must outlive its controllers");
    }

    /// Takes in all pending changes.
    pub(super) fn catch_up(&mut self, registry: &Registry) {
        for number in 0..self.feeds.len() {
            let feed = &mut self.feeds[number];
            feed.written.mark_unchanged();
            match registry.since(feed.kind, feed.seen) {
                Ok((events, version)) => {
                    feed.seen = version;
                    for event in events {
                        let node = (event.verb != Verb::Deleted).then(|| Node::of(&event.object));
                        self.put(Id::of(number, &event.object), node);
                    }
                }
                Err(_) => self.relist(registry, number),
            }
        }
    }

    pub(super) fn pop(&mut self) -> Option<Id> {
        self.due.pop_first()
    }

    pub(super) fn get(&self, id: &Id) -> Option<&Node> {
        self.nodes.get(id)
    }

    /// The owner of `id` with this UID, if it exists in a namespace from which it may own `id`.
    pub(super) fn owner(&self, id: &Id, uid: &str) -> Option<&Node> {
        let owner = self.by_uid.get(uid)?;
        let near = owner.namespace.is_empty() || owner.namespace == id.namespace;
        self.nodes.get(owner).filter(|_| near)
    }

    /// The dependents of the object with this UID.
    pub(super) fn dependents(&self, owner: &Id, uid: &str) -> Vec<(&Id, &Node)> {
        let all = self.dependents.get(uid).into_iter().flatten();
        let near = |id: &&Id| owner.namespace.is_empty() || owner.namespace == id.namespace;
        all.filter(near)
            .filter_map(|id| Some((id, self.nodes.get(id)?)))
            .collect()
    }

    fn relist(&mut self, registry: &Registry, number: usize) {
        let (objects, version) = registry.list_values(self.feeds[number].kind, None);
        self.feeds[number].seen = version;
        let mut gone: BTreeSet<_> = self
            .nodes
            .keys()
            .filter(|id| id.kind == number)
            .cloned()
            .collect();
        for object in objects {
            let id = Id::of(number, &object);
            gone.remove(&id);
            self.put(id, Some(Node::of(&object)));
        }
        for id in gone {
            self.put(id, None);
        }
    }

    /// Updates an object's entry. Changes without effect on the entry, such as most changes of a
    /// Pod, queue nothing.
    fn put(&mut self, id: Id, node: Option<Node>) {
        if self.nodes.get(&id) == node.as_ref() {
            return;
        }
        if let Some(before) = self.nodes.remove(&id) {
            self.forget(&id, &before);
        }
        if let Some(node) = node {
            self.learn(id, node);
        }
    }

    fn forget(&mut self, id: &Id, node: &Node) {
        self.by_uid.remove(&node.uid);
        self.due.extend(
            self.dependents
                .get(&node.uid)
                .into_iter()
                .flatten()
                .cloned(),
        );
        for owner in node.owners.keys() {
            let dependents = self.dependents.entry(owner.clone()).or_default();
            dependents.remove(id);
            if dependents.is_empty() {
                self.dependents.remove(owner);
            }
            self.due.extend(self.by_uid.get(owner).cloned());
        }
    }

    fn learn(&mut self, id: Id, node: Node) {
        for owner in node.owners.keys() {
            self.dependents
                .entry(owner.clone())
                .or_default()
                .insert(id.clone());
            self.due.extend(self.by_uid.get(owner).cloned());
        }
        self.by_uid.insert(node.uid.clone(), id.clone());
        self.due.insert(id.clone());
        self.nodes.insert(id, node);
    }
}

impl Id {
    pub(super) fn kind(&self) -> &'static Kind {
        &KINDS[self.kind]
    }

    fn of(kind: usize, object: &Value) -> Self {
        let text = |field: &str| {
            object["metadata"][field]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        Self {
            kind,
            namespace: text("namespace"),
            name: text("name"),
        }
    }
}

impl Node {
    fn of(object: &Value) -> Self {
        let metadata = &object["metadata"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let owner = |owner: &Value| (text(&owner["uid"]), owner["blockOwnerDeletion"] == true);
        Self {
            uid: text(&metadata["uid"]),
            owners: metadata["ownerReferences"]
                .as_array()
                .into_iter()
                .flatten()
                .map(owner)
                .collect(),
            finalizers: metadata["finalizers"]
                .as_array()
                .into_iter()
                .flatten()
                .map(text)
                .collect(),
            deleted: !metadata["deletionTimestamp"].is_null(),
        }
    }
}
