//! Owner references: which controller owns an object, and adoption and release by label selector.
//!
//! Rule: `pkg/controller/controller_ref_manager.go`, `ClaimObject`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, OwnerReference};
use rules::selector::Selector;

use super::informer::{Informer, Key, key};
use super::reconcile::ignore_refusal;
use crate::kinds::{Object, labels, name, namespace, selector, uid};
use crate::registry::Registry;

/// The owner reference that `owner` puts on the objects it creates.
pub(crate) fn reference<K: Object>(owner: &K) -> OwnerReference {
    OwnerReference {
        api_version: K::API_VERSION.to_owned(),
        kind: K::KIND.to_owned(),
        name: name(owner).to_owned(),
        uid: uid(owner).to_owned(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// The key of the object's controller, if that is of kind `K`.
pub(crate) fn key_of<K: Object>(object: &impl Object) -> Option<Key> {
    let owner = controller(object).filter(|owner| owner.kind == K::KIND)?;
    Some((namespace(object).to_owned(), owner.name.clone()))
}

/// The owners of kind `K` that a change of `object` concerns: its controller, or all that could
/// adopt it.
pub(crate) fn concerned<K: Object>(
    object: &impl Object,
    owners: &Informer<K>,
    selector: impl Fn(&K) -> &LabelSelector,
) -> Vec<Key> {
    let is_orphan = controller(object).is_none();
    let adopting = owners.within(namespace(object)).filter(|_| is_orphan);
    let adopting = adopting.filter(|owner| {
        let selector = selector::of(selector(owner));
        is_adoptable(selector.as_ref(), object)
    });
    key_of::<K>(object)
        .into_iter()
        .chain(adopting.map(key))
        .collect()
}

/// Whether `owner` controls `object`. The UID decides, so an earlier owner of the same name does
/// not count.
pub(crate) fn controls(owner: &impl Object, object: &impl Object) -> bool {
    controller(object).is_some_and(|found| found.uid == uid(owner))
}

/// The objects that `owner` controls and still selects.
///
/// Rule: `pkg/controller/controller_utils.go`, `FilterClaimedPods`.
pub(crate) fn claimed<'a, K: Object>(
    owner: &impl Object,
    selector: &LabelSelector,
    objects: impl Iterator<Item = &'a K>,
) -> impl Iterator<Item = &'a K> {
    // Once, not for each object: a set may own thousands, and is synced at each change of one.
    let selector = selector::of(selector);
    objects
        .filter(move |object| controls(owner, *object) && is_selected(selector.as_ref(), *object))
}

/// Whether `object` can be adopted: it has no controller, matches `selector` and is not being
/// deleted.
fn is_adoptable(selector: Option<&Selector>, object: &impl Object) -> bool {
    controller(object).is_none() && is_selected(selector, object) && !is_deleted(object)
}

/// Adopts matching objects without a controller, and releases those that no longer match. Returns
/// whether there were any.
pub(crate) fn claim<'a, K: Object, O: Object>(
    registry: &Registry,
    owner: &O,
    selector: &LabelSelector,
    objects: impl Iterator<Item = &'a K>,
) -> bool {
    let selector = selector::of(selector);
    let selector = selector.as_ref();
    let mut claimed = false;
    for object in objects {
        // Also one that is being deleted, unlike an adoption.
        let released = controls(owner, object) && !is_selected(selector, object);
        if released || is_adoptable(selector, object) {
            let reference = (!released).then(|| reference(owner));
            let change = |object: &mut K| set_owner(object, uid(owner), reference);
            // The change comes back through the informer, and with it the next sync.
            ignore_refusal(registry.edit(namespace(object), name(object), change));
            claimed = true;
        }
    }
    claimed
}

fn set_owner(object: &mut impl Object, owner: &str, reference: Option<OwnerReference>) {
    let owners = object
        .metadata_mut()
        .owner_references
        .get_or_insert_default();
    owners.retain(|found| found.uid != owner);
    owners.extend(reference);
}

/// The owner reference of the object's controller.
pub(crate) fn controller(object: &impl Object) -> Option<&OwnerReference> {
    let owners = object.metadata().owner_references.as_ref()?;
    owners.iter().find(|owner| owner.controller == Some(true))
}

/// Without a selector, no object is selected.
fn is_selected(selector: Option<&Selector>, object: &impl Object) -> bool {
    selector.is_some_and(|selector| selector.matches(labels(object)))
}

fn is_deleted(object: &impl Object) -> bool {
    object.metadata().deletion_timestamp.is_some()
}
