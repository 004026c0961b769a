//! The namespace controller: empties namespaces that are being deleted, then finalizes them.
//!
//! Pods get their grace period, so this takes as long as the slowest Pod. An object with finalizers
//! keeps its namespace until they are removed.
//!
//! Rule: `pkg/controller/namespace/deletion/namespaced_resources_deleter.go`.

use futures::future::select_all;
use k8s_openapi::api::core::v1::Namespace;
use serde_json::Value;
use tokio::sync::watch::Receiver;

use super::reconcile::ignore_refusal;
use crate::kinds::{KINDS, Kind, metadata_text};
use crate::registry::{Deletion, Part, Registry};
use crate::store::Version;

pub(super) async fn run(registry: Registry) {
    let kinds = || {
        KINDS
            .iter()
            .filter(|kind| kind.namespaced || kind.name == "Namespace")
    };
    let mut written: Vec<_> = kinds().map(|kind| registry.subscribe(kind)).collect();
    loop {
        // Before the lists: a write in between then wakes the loop again.
        for receiver in &mut written {
            receiver.mark_unchanged();
        }
        for namespace in registry.list::<Namespace>(None) {
            if namespace.metadata.deletion_timestamp.is_some() {
                empty(&registry, &namespace.metadata.name.unwrap_or_default());
            }
        }
        changed(&mut written).await;
    }
}

async fn changed(written: &mut [Receiver<Version>]) {
    let waiting = written
        .iter_mut()
        .map(|receiver| Box::pin(receiver.changed()));
    select_all(waiting)
        .await
        .0
        .expect("the store must outlive its controllers");
}

fn empty(registry: &Registry, namespace: &str) {
    let mut left = 0;
    for kind in KINDS.iter().filter(|kind| kind.namespaced) {
        for object in registry.list_values(kind, Some(namespace)).0 {
            // Marked ones are on their way; each change of theirs leads back here.
            if object["metadata"]["deletionTimestamp"].is_null() {
                delete(registry, kind, namespace, &object);
            }
        }
        // Counted after the deletions: Pods stay for their grace period, others for finalizers.
        left += registry.list_values(kind, Some(namespace)).0.len();
    }
    if left == 0 {
        finalize(registry, namespace);
    }
}

fn delete(registry: &Registry, kind: &'static Kind, namespace: &str, object: &Value) {
    let name = metadata_text(object, "name");
    ignore_refusal(registry.delete_value(kind, namespace, name, &Deletion::default()));
}

fn finalize(registry: &Registry, namespace: &str) {
    let change = |object: &Value| {
        let mut object = object.clone();
        object["spec"]["finalizers"] = Value::Array(Vec::new());
        Ok(object)
    };
    let kind = Kind::of::<Namespace>();
    ignore_refusal(registry.update_value(kind, "", namespace, Part::Main, false, change));
}
