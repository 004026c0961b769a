//! The garbage collector: deletes objects without owners; handles foreground and orphan deletion.
//!
//! An object is deleted once all its owners are gone; while one is left, references to the others
//! are removed. An owner deleted in the foreground waits for the dependents that block it; one that
//! orphans them first releases them. All kinds are treated alike, by their metadata.
//!
//! Rule: `pkg/controller/garbagecollector/garbagecollector.go`, `attemptToDeleteItem`.

mod index;

use serde_json::Value;

use super::reconcile::ignore_refusal;
use crate::registry::{Deletion, FOREGROUND, ORPHAN, Part, Propagation, Registry};
use index::{Id, Index, Node};

pub(super) async fn run(registry: Registry) {
    let mut index = Index::new(&registry);
    loop {
        // All kinds, before anything is collected: an owner must not seem gone only because it was
        // not read.
        index.catch_up();
        match index.pop() {
            Some(id) => collect(&registry, &index, &id),
            None => index.changed().await,
        }
        tokio::task::yield_now().await;
    }
}

fn collect(registry: &Registry, index: &Index, id: &Id) {
    let Some(node) = index.get(id) else { return };
    // Orphaning comes first: released dependents are no longer deleted with their owner.
    if node.deleted && node.finalizers.contains(ORPHAN) {
        orphan(registry, index, id, node);
    } else if node.deleted && node.finalizers.contains(FOREGROUND) {
        delete_blocking(registry, index, id, node);
    } else if !node.deleted {
        follow_owners(registry, index, id, node);
    }
}

/// Deletes an object without a living owner. One that has a living owner loses its references to
/// all others. An owner in another namespace, or with another UID, does not exist.
fn follow_owners(registry: &Registry, index: &Index, id: &Id, node: &Node) {
    let owner = |uid: &String| index.owner(id, uid);
    // An owner that waits for its dependents does not keep them.
    let is_waiting = |owner: &Node| owner.deleted && owner.finalizers.contains(FOREGROUND);
    let lives = |uid: &&String| owner(uid).is_some_and(|owner| !is_waiting(owner));
    let (living, others): (Vec<&String>, Vec<&String>) = node.owners.keys().partition(lives);
    if !living.is_empty() {
        for uid in others {
            remove_owner(registry, id, uid);
        }
    } else if !others.is_empty() {
        // Its own dependents then also go before the waiting owner.
        let is_awaited = others.iter().any(|uid| owner(uid).is_some());
        let in_foreground = is_awaited && !index.dependents(id, &node.uid).is_empty();
        let propagation = in_foreground.then_some(Propagation::Foreground);
        delete(registry, id, node, propagation);
    }
}

fn orphan(registry: &Registry, index: &Index, id: &Id, node: &Node) {
    for (dependent, _) in index.dependents(id, &node.uid) {
        remove_owner(registry, dependent, &node.uid);
    }
    remove_finalizer(registry, id, ORPHAN);
}

/// Deletes the dependents that block an owner in foreground deletion. The others are collected
/// once the owner is gone.
///
/// Rule: the same file, `processDeletingDependentsItem`.
fn delete_blocking(registry: &Registry, index: &Index, id: &Id, node: &Node) {
    let mut dependents = index.dependents(id, &node.uid);
    dependents.retain(|(_, found)| found.owners.get(&node.uid) == Some(&true));
    if dependents.is_empty() {
        return remove_finalizer(registry, id, FOREGROUND);
    }
    for (dependent, found) in dependents.into_iter().filter(|(_, found)| !found.deleted) {
        follow_owners(registry, index, dependent, found);
    }
}

fn remove_owner(registry: &Registry, id: &Id, owner: &str) {
    let remove = |object: &mut Value| {
        if let Some(owners) = object["metadata"]["ownerReferences"].as_array_mut() {
            owners.retain(|found| found["uid"] != owner);
        }
    };
    edit(registry, id, remove);
}

fn remove_finalizer(registry: &Registry, id: &Id, finalizer: &str) {
    let remove = |object: &mut Value| {
        if let Some(finalizers) = object["metadata"]["finalizers"].as_array_mut() {
            finalizers.retain(|found| found != finalizer);
        }
    };
    edit(registry, id, remove);
}

/// Deletes exactly this object: another one may have taken its name.
fn delete(registry: &Registry, id: &Id, node: &Node, propagation: Option<Propagation>) {
    let uid = Some(node.uid.clone());
    let deletion = Deletion {
        uid,
        propagation,
        ..Deletion::default()
    };
    ignore_refusal(registry.delete_value(id.kind(), &id.namespace, &id.name, &deletion));
}

fn edit(registry: &Registry, id: &Id, change: impl FnOnce(&mut Value)) {
    let change = |object: &Value| {
        let mut object = object.clone();
        change(&mut object);
        Ok(object)
    };
    ignore_refusal(registry.update_value(
        id.kind(),
        &id.namespace,
        &id.name,
        Part::Main,
        false,
        change,
    ));
}
