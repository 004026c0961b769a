//! The owner graph over all kinds as last read from the registry, and the objects to check again.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::select_all;
use serde_json::Value;

use crate::kinds::{KINDS, Kind};
use crate::registry::{Registry, UntypedWatch};
use crate::store::{StoredObject, Verb};

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
    /// For the UID of each owner, whether the object blocks that owner's foreground deletion.
    pub(super) owners: BTreeMap<String, bool>,
    pub(super) finalizers: BTreeSet<String>,
    pub(super) deleted: bool,
}

pub(super) struct Index {
    /// One per kind, in the order of [`KINDS`].
    watches: Vec<UntypedWatch>,
    nodes: BTreeMap<Id, Node>,
    by_uid: BTreeMap<String, Id>,
    /// By the owner's UID.
    dependents: BTreeMap<String, BTreeSet<Id>>,
    due: BTreeSet<Id>,
}

impl Index {
    pub(super) fn new(registry: &Registry) -> Self {
        let watch = |kind| UntypedWatch::new(registry.clone(), kind, None);
        Self {
            watches: KINDS.iter().map(watch).collect(),
            nodes: BTreeMap::new(),
            by_uid: BTreeMap::new(),
            dependents: BTreeMap::new(),
            due: BTreeSet::new(),
        }
    }

    /// Waits until there is a change to take in.
    pub(super) async fn changed(&mut self) {
        let watches = self.watches.iter_mut();
        select_all(watches.map(|watch| Box::pin(watch.written()))).await;
    }

    /// Takes in all pending changes.
    pub(super) fn catch_up(&mut self) {
        for kind in 0..self.watches.len() {
            while let Some((verb, object)) = self.watches[kind].try_next() {
                let node = (verb != Verb::Deleted).then(|| Node::of(&object.metadata()));
                self.put(Id::of(kind, &object), node);
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
        let is_reachable = owner.namespace.is_empty() || owner.namespace == id.namespace;
        self.nodes.get(owner).filter(|_| is_reachable)
    }

    /// The dependents of the object with this UID.
    pub(super) fn dependents(&self, owner: &Id, uid: &str) -> Vec<(&Id, &Node)> {
        let all = self.dependents.get(uid).into_iter().flatten();
        let is_reachable = |id: &&Id| owner.namespace.is_empty() || owner.namespace == id.namespace;
        all.filter(is_reachable)
            .filter_map(|id| Some((id, self.nodes.get(id)?)))
            .collect()
    }

    /// Updates an object's entry. Changes without effect on the entry, such as most changes of a
    /// Pod, queue nothing.
    fn put(&mut self, id: Id, node: Option<Node>) {
        if self.nodes.get(&id) == node.as_ref() {
            return;
        }
        // A recreated object has another UID, so its old links go first.
        if let Some(before) = self.nodes.remove(&id) {
            self.unlink(&id, &before);
        }
        if let Some(node) = node {
            self.link(id, node);
        }
    }

    fn unlink(&mut self, id: &Id, node: &Node) {
        self.by_uid.remove(&node.uid);
        // The dependents may have lost their last owner.
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
            // An owner in foreground deletion may have waited for this one only.
            self.due.extend(self.by_uid.get(owner).cloned());
        }
    }

    fn link(&mut self, id: Id, node: Node) {
        for owner in node.owners.keys() {
            self.dependents
                .entry(owner.clone())
                .or_default()
                .insert(id.clone());
            // An owner in deletion has to delete or release a late dependent too.
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

    fn of(kind: usize, object: &StoredObject) -> Self {
        Self {
            kind,
            namespace: object.namespace().to_owned(),
            name: object.name().to_owned(),
        }
    }
}

impl Node {
    fn of(metadata: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let owner = |owner: &Value| (text(&owner["uid"]), owner["blockOwnerDeletion"] == true);
        let items = |field| metadata[field].as_array().into_iter().flatten();
        Self {
            uid: text(&metadata["uid"]),
            owners: items("ownerReferences").map(owner).collect(),
            finalizers: items("finalizers").map(text).collect(),
            deleted: !metadata["deletionTimestamp"].is_null(),
        }
    }
}
