//! Updates of existing objects: spec and status kept apart, generation, and skipped no-op writes.

use std::sync::Arc;

use serde_json::{Value, json};

use super::state::{Registry, State};
use super::{admit, create, delete};
use crate::api_status::ApiError;
use crate::kinds::{HasStatus, Kind, Object, untyped};
use crate::store::{Key, StoredObject};

/// The part of an object that a write changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Metadata and spec; everything for kinds without a status subresource.
    Main,
    /// The status alone.
    Status,
}

/// Metadata that only the registry writes.
const REGISTRY_METADATA: [&str; 8] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
];

impl Registry {
    /// Replaces an object or its status with the result of `change`. A dry run does not store it.
    pub(crate) fn update_value(
        &self,
        kind: &'static Kind,
        namespace: &str,
        name: &str,
        part: Part,
        dry_run: bool,
        change: impl FnOnce(&Value) -> Result<Value, ApiError>,
    ) -> Result<Arc<StoredObject>, ApiError> {
        let mut state = self.state();
        let stored = state.current(kind, namespace, name)?;
        let current = stored.value();
        let proposed = change(&current)?;
        state.replace(kind, part, dry_run, stored, &current, proposed)
    }

    /// As [`Registry::update_value`], for a change of metadata and spec by type.
    pub(super) fn update_typed<K: Object>(
        &self,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut K),
    ) -> Result<K, ApiError> {
        let kind = Kind::of::<K>();
        let mut state = self.state();
        let stored = state.current(kind, namespace, name)?;
        let current = stored.typed::<K>();
        let mut object = K::clone(&current);
        change(&mut object);
        // Most writes of controllers are repetitions.
        if object == *current {
            return Ok(object);
        }
        let (current, proposed) = (stored.value(), untyped(&object));
        let replaced = state.replace(kind, Part::Main, false, stored, &current, proposed)?;
        Ok(super::owned(&replaced))
    }

    /// As [`Registry::update_value`], for a change of the status by type. Most writes of a run are
    /// such: it is never a tree of JSON.
    pub(super) fn update_status<K: HasStatus>(
        &self,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut K),
    ) -> Result<Arc<K>, ApiError> {
        let kind = Kind::of::<K>();
        let mut state = self.state();
        let stored = state.current(kind, namespace, name)?;
        let current = stored.typed::<K>();
        let mut proposed = K::clone(&current);
        change(&mut proposed);
        // Most writes of controllers and of the kubelet are repetitions.
        if proposed == *current {
            return Ok(current);
        }
        let mut next = K::clone(&current);
        if kind.has_wanted_annotations {
            let annotations = proposed.metadata_mut().annotations.take();
            next.metadata_mut().annotations = annotations;
        }
        next.set_status(proposed);
        if next == *current {
            return Ok(current);
        }
        let key = Key::new(kind.plural, namespace, name);
        Ok(state.store.put_typed(key, next).typed())
    }
}

impl State {
    fn replace(
        &mut self,
        kind: &'static Kind,
        part: Part,
        dry_run: bool,
        stored: Arc<StoredObject>,
        current: &Value,
        mut proposed: Value,
    ) -> Result<Arc<StoredObject>, ApiError> {
        // First: `next_main` overwrites the proposed UID and version with the object's own.
        check_preconditions(kind, stored.name(), current, &mut proposed)?;
        let next = match part {
            Part::Main => next_main(kind, proposed, current)?,
            Part::Status => next_status(kind, &proposed, current)?,
        };
        // As in an API server a write without effect makes no version and no event. Controllers
        // would wake one another for ever otherwise.
        if next == *current {
            return Ok(stored);
        }
        if dry_run {
            return Ok(Arc::new(StoredObject::new(&next)));
        }
        let key = Key::new(kind.plural, stored.namespace(), stored.name());
        if delete::is_removable(&next) {
            // The removal of the last finalizer. Watches see only the deletion, not this change.
            return Ok(self.store.remove(&key).unwrap_or(stored));
        }
        Ok(self.store.put(key, next))
    }
}

fn next_main(kind: &Kind, mut proposed: Value, current: &Value) -> Result<Value, ApiError> {
    // Clients send back what they have read, so differences in these fields are not wishes.
    let metadata = create::metadata(&mut proposed)?;
    for field in REGISTRY_METADATA {
        match current["metadata"].get(field) {
            Some(value) => metadata.insert(field.into(), value.clone()),
            None => metadata.remove(field),
        };
    }
    if kind.has_status {
        proposed["status"] = current["status"].clone();
    }
    let mut next = admit::update(kind, proposed, current)?;
    if kind.has_generation && desired(kind, &next) != desired(kind, current) {
        let generation = current["metadata"]["generation"]
            .as_i64()
            .unwrap_or_default();
        next["metadata"]["generation"] = json!(generation + 1);
    }
    Ok(next)
}

fn next_status(kind: &Kind, proposed: &Value, current: &Value) -> Result<Value, ApiError> {
    let mut next = current.clone();
    next["status"] = proposed["status"].clone();
    if kind.has_wanted_annotations {
        // The status strategy of Deployments keeps spec and labels, but not annotations.
        next["metadata"]["annotations"] = proposed["metadata"]["annotations"].clone();
    }
    admit::shape(kind, next)
}

/// A UID or version in the proposal must equal the object's; either may be absent.
fn check_preconditions(
    kind: &Kind,
    name: &str,
    current: &Value,
    proposed: &mut Value,
) -> Result<(), ApiError> {
    let metadata = create::metadata(proposed)?;
    let differs = |field: &str| {
        let proposed = metadata
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default();
        !proposed.is_empty() && current["metadata"][field] != *proposed
    };
    if differs("uid") {
        let text = |metadata: &Value| metadata.as_str().unwrap_or_default().to_owned();
        let (wanted, found) = (metadata.get("uid"), &current["metadata"]["uid"]);
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{}/{}, ResourceVersion: 0, \
             AdditionalErrorMsg: Precondition failed: UID in precondition: {}, UID in object meta: \
             {}",
            kind.plural,
            path(current, name),
            wanted.map(text).unwrap_or_default(),
            text(found)
        );
        return Err(ApiError::conflict(kind, name, &why));
    }
    let version = metadata.get("resourceVersion").and_then(Value::as_str);
    let version = version.unwrap_or_default();
    if version.is_empty() && kind.needs_version {
        return Err(ApiError::without_version(kind, name));
    }
    if !version.is_empty() && version.parse::<u64>().is_err() {
        let why = format!("strconv.ParseUint: parsing {version:?}: invalid syntax");
        return Err(ApiError::unexpected(why));
    }
    if differs("resourceVersion") {
        let why = "the object has been modified; please apply your changes to the latest version \
                   and try again";
        return Err(ApiError::conflict(kind, name, why));
    }
    Ok(())
}

/// An object's place in upstream's storage, below its resource.
fn path(object: &Value, name: &str) -> String {
    match object["metadata"]["namespace"].as_str() {
        None | Some("") => name.to_owned(),
        Some(namespace) => format!("{namespace}/{name}"),
    }
}

/// The desired state: all fields but metadata and status, and annotations for kinds where they
/// belong to it.
fn desired<'a>(kind: &Kind, object: &'a Value) -> Vec<(&'a str, &'a Value)> {
    let fields = object.as_object().into_iter().flatten();
    let fields = fields.filter(|(name, _)| *name != "metadata" && *name != "status");
    let annotations = kind.has_wanted_annotations;
    let annotations = annotations.then(|| ("annotations", &object["metadata"]["annotations"]));
    fields
        .map(|(name, value)| (name.as_str(), value))
        .chain(annotations)
        .collect()
}
