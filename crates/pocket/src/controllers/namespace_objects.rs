//! Gives every namespace its ServiceAccount `default` and its ConfigMap `kube-root-ca.crt`, and
//! restores them.
//!
//! Rule: `pkg/controller/serviceaccount/serviceaccounts_controller.go` and
//! `pkg/controller/certificates/rootcacertpublisher/publisher.go`.

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use serde_json::json;

use super::informer::Informer;
use super::reconcile::ignore_refusal;
use crate::kinds::{name, typed};
use crate::registry::Registry;

const ACCOUNT: &str = "default";
const ROOT_CA: &str = "kube-root-ca.crt";
const DESCRIPTION: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when \
     using internal endpoints such as the internal service IP or kubernetes.default.svc. No other \
     usage is guaranteed across distributions of Kubernetes clusters.";

/// Runs forever.
pub(crate) async fn run(registry: Registry) {
    let mut namespaces = Informer::<Namespace>::new(&registry);
    let mut accounts = Informer::<ServiceAccount>::new(&registry);
    let mut maps = Informer::<ConfigMap>::new(&registry);
    loop {
        namespaces.catch_up(|_| ());
        accounts.catch_up(|_| ());
        maps.catch_up(|_| ());
        let live = namespaces
            .iter()
            .filter(|namespace| namespace.metadata.deletion_timestamp.is_none());
        for namespace in live.map(name) {
            let key = |name: &str| (namespace.to_owned(), name.to_owned());
            if accounts.get(&key(ACCOUNT)).is_none() {
                ignore_refusal(registry.create(&account(namespace)));
            }
            let wanted = root_ca(namespace);
            match maps.get(&key(ROOT_CA)) {
                None => ignore_refusal(registry.create(&wanted)),
                Some(found) if found.data != wanted.data => {
                    let restore = |map: &mut ConfigMap| map.data = wanted.data;
                    ignore_refusal(registry.edit(namespace, ROOT_CA, restore));
                }
                Some(_) => {}
            }
        }
        tokio::select! {
            biased;
            () = namespaces.changed() => {}
            () = accounts.changed() => {}
            () = maps.changed() => {}
        }
    }
}

fn account(namespace: &str) -> ServiceAccount {
    typed(&json!({"metadata": {"name": ACCOUNT, "namespace": namespace}}))
}

/// The ConfigMap with the certificates that vouch for the API server. There are none: pocket's
/// speaks plain HTTP.
fn root_ca(namespace: &str) -> ConfigMap {
    let annotations = json!({"kubernetes.io/description": DESCRIPTION});
    let metadata = json!({"name": ROOT_CA, "namespace": namespace, "annotations": annotations});
    typed(&json!({"metadata": metadata, "data": {"ca.crt": ""}}))
}
