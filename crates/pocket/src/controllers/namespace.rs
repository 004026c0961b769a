//! The namespace controller: empties namespaces that are being deleted, then finalizes them.
//!
//! Pods get their grace period, so this takes as long as the slowest Pod. An object with finalizers
//! keeps its namespace until they are removed.
//!
//! Rule: `pkg/controller/namespace/deletion/namespaced_resources_deleter.go`.

use std::collections::BTreeSet;

use futures::future::select_all;
use k8s_openapi::api::core::v1::Namespace;
use serde_json::Value;
use tokio::sync::watch::Receiver;

use super::reconcile::ignore_refusal;
use crate::kinds::{KINDS, Kind, name};
use crate::registry::{Deletion, Part, Registry};
use crate::store::Version;

const OUTLIVES: &str = "the store must outlive its controllers";

pub(super) async fn run(registry: Registry) {
    let kinds = || KINDS.iter().filter(|kind| kind.namespaced);
    let mut written: Vec<_> = kinds().map(|kind| registry.subscribe(kind)).collect();
    let mut namespaces = registry.subscribe(Kind::of::<Namespace>());
    let mut emptied = BTreeSet::new();
    loop {
        // Before the lists: a write in between then wakes the loop again.
        namespaces.mark_unchanged();
        for receiver in &mut written {
            receiver.mark_unchanged();
        }
        let listed = registry.list::<Namespace>(None);
        let terminating = listed
            .iter()
            .filter(|namespace| namespace.metadata.deletion_timestamp.is_some())
            .map(|namespace| name(namespace).to_owned());
        let terminating: BTreeSet<String> = terminating.collect();
        emptied.retain(|namespace| terminating.contains(namespace));
        for namespace in &terminating {
            // Nothing new is created in it, so once is enough: from then on it is only looked at.
            if emptied.insert(namespace.clone()) {
                empty(&registry, namespace);
            }
            if !kinds().any(|kind| registry.has_any(kind, namespace)) {
                finalize(&registry, namespace);
            }
        }
        tokio::select! {
            biased;
            changed = namespaces.changed() => changed.expect(OUTLIVES),
            () = changed(&mut written), if !terminating.is_empty() => {}
        }
    }
}

async fn changed(written: &mut [Receiver<Version>]) {
    let waiting = written
        .iter_mut()
        .map(|receiver| Box::pin(receiver.changed()));
    select_all(waiting).await.0.expect(OUTLIVES);
}

/// Deletes every object. Pods stay for their grace period, others for their finalizers.
fn empty(registry: &Registry, namespace: &str) {
    for kind in KINDS.iter().filter(|kind| kind.namespaced) {
        for object in registry.list_stored(kind, Some(namespace)).0 {
            // Marked ones are on their way.
            if object.metadata()["deletionTimestamp"].is_null() {
                let (name, deletion) = (object.name(), Deletion::default());
                ignore_refusal(registry.delete_value(kind, namespace, name, &deletion));
            }
        }
    }
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
