//! The kinds with a rollout that no run watches: followed while `up` waits, and only where a file names one.
//!
//! What is received goes into the same timeline as what the run's own watches see.

use futures::{Stream, StreamExt as _, stream};
use kube::{
    api::DynamicObject,
    core::{ApiResource, TypeMeta},
    runtime::{WatchStreamExt as _, watcher},
};

use crate::{
    cluster::apply::RunNamespace,
    exit::{Exit, HasExitCode},
    input::workload::Manifest,
    timeline::{Change, What},
};

const KINDS: [&str; 2] = ["DaemonSet", "StatefulSet"];

/// A kind may not be watched.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch {plural} in namespace `{namespace}`")]
pub(super) struct WatchError {
    plural: String,
    namespace: String,
    #[source]
    source: Box<kube::Error>,
}

impl HasExitCode for WatchError {
    fn exit(&self) -> Exit {
        Exit::Infrastructure
    }
}

/// Everything that becomes of these objects, from now on; it ends at once if there are none.
pub(super) fn follow(
    site: &RunNamespace,
    manifests: &[Manifest],
) -> impl Stream<Item = Result<What, WatchError>> + Unpin {
    let unwatched = manifests.iter().filter(|manifest| {
        let resource = &manifest.resource;
        resource.group == "apps" && KINDS.contains(&resource.kind.as_str())
    });
    stream::select_all(unwatched.map(|manifest| one(site, manifest).boxed()))
}

fn one(
    site: &RunNamespace,
    manifest: &Manifest,
) -> impl Stream<Item = Result<What, WatchError>> + use<> {
    let this_one = watcher::Config::default().fields(&format!("metadata.name={}", manifest.name));
    let (resource, namespace) = (manifest.resource.clone(), site.namespace.clone());
    let seen = watcher(site.api(manifest), this_one)
        .default_backoff()
        .applied_objects();
    seen.filter_map(move |seen| {
        let told = match seen {
            Ok(object) => Some(Ok(record(&resource, object))),
            Err(error) => refused(error).map(|source| {
                Err(WatchError {
                    plural: resource.plural.clone(),
                    namespace: namespace.clone(),
                    source: Box::new(source),
                })
            }),
        };
        async { told }
    })
}

/// Items of a list do not name their kind, so it is added.
fn record(resource: &ApiResource, mut object: DynamicObject) -> What {
    object.types = Some(TypeMeta {
        api_version: resource.api_version.clone(),
        kind: resource.kind.clone(),
    });
    let object = serde_json::to_value(object).expect("an object that was JSON must be JSON again");
    What::watched(Change::Modified, object)
}

/// What trying again does not help against.
fn refused(error: watcher::Error) -> Option<kube::Error> {
    match error {
        watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) => {
            let refused = matches!(&error, kube::Error::Api(status) if status.code == 403);
            refused.then_some(error)
        }
        _ => None,
    }
}
