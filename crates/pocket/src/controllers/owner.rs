//! Who an object belongs to, and how it says so.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use super::mirror::{Key, name, namespace};
use crate::registry::Object;

/// The reference by which `owner` controls what it makes.
pub(crate) fn reference<K: Object>(owner: &K) -> OwnerReference {
    OwnerReference {
        api_version: K::API_VERSION.to_owned(),
        kind: K::KIND.to_owned(),
        name: name(owner).to_owned(),
        uid: owner.metadata().uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// The controller of `object`, if it is a `K`.
pub(crate) fn key_of<K: Object>(object: &impl Object) -> Option<Key> {
    let owner = controller(object).filter(|owner| owner.kind == K::KIND)?;
    Some((namespace(object).to_owned(), owner.name.clone()))
}

/// Whether `owner` controls `object`; a namesake of an earlier owner does not.
pub(crate) fn controls(owner: &impl Object, object: &impl Object) -> bool {
    let uid = owner.metadata().uid.as_deref();
    controller(object).is_some_and(|found| uid == Some(&found.uid))
}

fn controller(object: &impl Object) -> Option<&OwnerReference> {
    let owners = object.metadata().owner_references.as_ref()?;
    owners.iter().find(|owner| owner.controller == Some(true))
}
