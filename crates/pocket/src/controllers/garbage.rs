//! The garbage collector: deletes objects without owners; handles foreground and orphan deletion.
//!
//! An object is deleted once all its owners are gone. An owner deleted in the foreground waits for
//! the dependents that block it; one that orphans them first releases them. All kinds are treated
//! alike, by their metadata.
//!
//! Rule: `pkg/controller/garbagecollector/garbagecollector.go`, `attemptToDeleteItem`.

mod index;

use serde_json::Value;

use super::reconcile::ignore_refusal;
use crate::registry::{Deletion, FOREGROUND, ORPHAN, Part, Registry};
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
    if node.finalizers.contains(ORPHAN) && node.deleted {
        orphan(registry, index, id, node);
    } else if node.finalizers.contains(FOREGROUND) && node.deleted {
        delete_dependents(registry, index, id, node);
    } else if is_abandoned(index, id, node) && !node.deleted {
        delete(registry, id, node, None);
    }
}

/// Whether all owners are gone. An owner in another namespace, or with another UID, does not count
/// as existing.
fn is_abandoned(index: &Index, id: &Id, node: &Node) -> bool {
    let alive = |uid: &String| index.owner(id, uid).is_some();
    !node.owners.is_empty() && !node.owners.keys().any(alive)
}

fn orphan(registry: &Registry, index: &Index, id: &Id, node: &Node) {
    for (dependent, _) in index.dependents(id, &node.uid) {
        remove_owner(registry, dependent, &node.uid);
    }
    remove_finalizer(registry, id, ORPHAN);
}

/// Deletes the dependents of an owner in foreground deletion. A dependent with dependents of its
/// own is deleted in the foreground too; one with another owner is only released.
fn delete_dependents(registry: &Registry, index: &Index, id: &Id, node: &Node) {
    let mut blocked = false;
    for (dependent, found) in index.dependents(id, &node.uid) {
        // A dependent lives as long as one of its owners.
        let mut others = found.owners.keys().filter(|uid| **uid != node.uid);
        if others.any(|uid| index.owner(dependent, uid).is_some()) {
            remove_owner(registry, dependent, &node.uid);
            continue;
        }
        blocked |= found.owners.get(&node.uid) == Some(&true);
        if !found.deleted {
            let has_dependents = !index.dependents(dependent, &found.uid).is_empty();
            let finalizer = has_dependents.then_some(FOREGROUND);
            delete(registry, dependent, found, finalizer);
        }
    }
    if !blocked {
        remove_finalizer(registry, id, FOREGROUND);
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
fn delete(registry: &Registry, id: &Id, node: &Node, finalizer: Option<&'static str>) {
    let uid = Some(node.uid.clone());
    let deletion = Deletion {
        uid,
        finalizer,
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
