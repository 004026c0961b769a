//! Creation of objects: checks of name and namespace, admission, UID and creation time.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Map, Value, json};

use super::state::{Registry, State};
use super::{admit, identity};
use crate::api_status::ApiError;
use crate::kinds::{Kind, metadata_text};
use crate::store::{Key, StoredObject};

/// Metadata removed from a new object.
const SET_LATER: [&str; 4] = [
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "selfLink",
];

impl Registry {
    /// Creates an object in `namespace` (empty for cluster-scoped kinds). A dry run does not store
    /// it.
    pub(crate) fn create_value(
        &self,
        kind: &'static Kind,
        namespace: &str,
        mut object: Value,
        dry_run: bool,
    ) -> Result<Arc<StoredObject>, ApiError> {
        let mut state = self.state();
        set_namespace(kind, namespace, &mut object)?;
        // Taken before a name is generated: the admission plugins' errors name the object as it was
        // sent.
        let requested = requested_name(&object);
        let name = state.name(kind, &mut object)?;
        state.check_namespace(kind, namespace, &requested)?;
        if kind.name == "Pod" {
            state.check_service_account(kind, namespace, &requested, &object)?;
        }
        let created = self.clock().time();
        // Before validation, since the selector of a Job names the Job's UID.
        state.identify(kind, metadata(&mut object)?, &created);
        // The checks above are admission plugins, which run before validation.
        let mut object = admit::create(kind, object)?;
        // After validation: an invalid object is reported as invalid even if its name is taken.
        if state.store.get(kind.plural, namespace, &name).is_some() {
            return Err(ApiError::already_exists(kind, &name));
        }
        if kind.name == "Service" {
            let subnets = self.subnets();
            state.allocate_address(kind, subnets, &name, &mut object)?;
        }
        // Only here, so that the answer shows everything that a real creation would set.
        if dry_run {
            return Ok(Arc::new(StoredObject::new(&object)));
        }
        Ok(state
            .store
            .put(Key::new(kind.plural, namespace, &name), object))
    }
}

impl State {
    /// The object's name; generated from `generateName` if it has none.
    fn name(&mut self, kind: &Kind, object: &mut Value) -> Result<String, ApiError> {
        let metadata = metadata(object)?;
        let text = |field: &str| {
            metadata
                .get(field)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        match (text("name"), text("generateName")) {
            ("", "") => Err(ApiError::nameless(kind)),
            ("", base) => {
                let name = identity::generated_name(base, &mut self.random);
                metadata.insert("name".into(), name.clone().into());
                Ok(name)
            }
            (name, _) => Ok(name.to_owned()),
        }
    }

    /// Sets UID, creation time and generation, and removes metadata that only a later write can
    /// set.
    fn identify(&mut self, kind: &Kind, metadata: &mut Map<String, Value>, created: &Time) {
        for field in SET_LATER {
            metadata.remove(field);
        }
        metadata.insert("uid".into(), identity::uid(&mut self.random).into());
        metadata.insert("creationTimestamp".into(), json!(created));
        if kind.has_generation {
            metadata.insert("generation".into(), json!(1));
        }
    }

    /// Rule: the admission plugin `NamespaceLifecycle`.
    fn check_namespace(&self, kind: &Kind, namespace: &str, name: &str) -> Result<(), ApiError> {
        if !kind.namespaced {
            return Ok(());
        }
        let namespaces = Kind::of::<k8s_openapi::api::core::v1::Namespace>();
        let Some(found) = self.store.get(namespaces.plural, "", namespace) else {
            return Err(ApiError::not_found(namespaces, namespace));
        };
        if found.metadata()["deletionTimestamp"].is_null() {
            return Ok(());
        }
        Err(ApiError::namespace_terminating(kind, name, namespace))
    }

    /// A Pod's service account must exist. Every namespace has the account `default`, although no
    /// controller creates it here.
    ///
    /// Rule: the admission plugin `ServiceAccount`.
    fn check_service_account(
        &self,
        kind: &Kind,
        namespace: &str,
        name: &str,
        pod: &Value,
    ) -> Result<(), ApiError> {
        let spec = &pod["spec"];
        let named = spec["serviceAccountName"]
            .as_str()
            .filter(|it| !it.is_empty());
        let account = named
            .or_else(|| spec["serviceAccount"].as_str())
            .unwrap_or_default();
        let accounts = Kind::of::<k8s_openapi::api::core::v1::ServiceAccount>();
        let exists = self
            .store
            .get(accounts.plural, namespace, account)
            .is_some();
        if exists || matches!(account, "" | "default") {
            return Ok(());
        }
        let why = format!(
            "error looking up service account {namespace}/{account}: serviceaccount \"{account}\" \
             not found"
        );
        Err(ApiError::forbidden(kind, name, &why))
    }
}

/// The name that admission uses: `generateName` without its random suffix, if there is no name.
fn requested_name(object: &Value) -> String {
    let name = match metadata_text(object, "name") {
        "" => metadata_text(object, "generateName"),
        name => name,
    };
    name.to_owned()
}

/// Sets the object's namespace to the request's, and refuses an object with another one.
fn set_namespace(kind: &Kind, namespace: &str, object: &mut Value) -> Result<(), ApiError> {
    let metadata = metadata(object)?;
    if metadata
        .remove("resourceVersion")
        // An empty version counts as absent, as does null: Go cannot tell them apart.
        .is_some_and(|version| !version.is_null() && version != "")
    {
        let why = "resourceVersion should not be set on objects to be created";
        return Err(ApiError::unexpected(why));
    }
    match metadata
        .get("namespace")
        .and_then(Value::as_str)
        .unwrap_or_default()
    {
        "" => {}
        named if named == namespace => {}
        _ => return Err(ApiError::other_namespace()),
    }
    if kind.namespaced {
        metadata.insert("namespace".into(), namespace.into());
    } else {
        metadata.remove("namespace");
    }
    Ok(())
}

pub(super) fn metadata(object: &mut Value) -> Result<&mut Map<String, Value>, ApiError> {
    let not_an_object =
        || ApiError::bad_request("the body of the request must be a Kubernetes object");
    let object = object.as_object_mut().ok_or_else(not_an_object)?;
    let metadata = object.entry("metadata").or_insert_with(|| json!({}));
    if metadata.is_null() {
        *metadata = json!({});
    }
    metadata.as_object_mut().ok_or_else(not_an_object)
}
