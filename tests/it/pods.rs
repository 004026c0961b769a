//! Helper: containers of the probe target, and waits for what becomes of their Pods.

use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::serde::de::DeserializeOwned;
use kube::{
    Api,
    runtime::wait::{Condition, await_condition},
};
use serde_json::{Value, json};

use crate::program;

/// A container of the probe target with these fields. Its name is `c`, unless they say otherwise.
pub(crate) fn container(fields: &Value) -> Value {
    let base = json!({
        "name": "c",
        "image": program::image(),
        "imagePullPolicy": "IfNotPresent",
    });
    with(base, fields)
}

/// An object with the fields of another one besides or instead of its own.
pub(crate) fn with(mut one: Value, other: &Value) -> Value {
    let fields = one.as_object_mut().unwrap();
    fields.extend(other.as_object().unwrap().clone());
    one
}

/// Waits until an object meets a condition, which `what` tells in a panic. Returns the object;
/// `None` if it is gone.
pub(crate) async fn until<K>(
    objects: Api<K>,
    name: &str,
    what: &str,
    within: Duration,
    condition: impl Condition<K>,
) -> Option<K>
where
    K: kube::Resource + Clone + Debug + Send + DeserializeOwned + 'static,
{
    let awaited = await_condition(objects, name, condition);
    let awaited = tokio::time::timeout(within, awaited).await;
    let awaited = awaited.unwrap_or_else(|_| panic!("{name}: {what} must come within {within:?}"));
    awaited.unwrap()
}
