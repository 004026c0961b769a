//! Watches DaemonSets and StatefulSets while `up` waits.
//!
//! Only objects that the files name are watched. Their events go into the same timeline as those of
//! the run's watches.

use futures::{Stream, StreamExt as _, stream};
use kube::{
    api::DynamicObject,
    core::{ApiResource, TypeMeta},
    runtime::{WatchStreamExt as _, watcher},
};

use crate::{
    cluster::apply::RunNamespace,
    exit::{Exit, HasExitCode},
    input::manifests::Manifest,
    timeline::{Change, What},
};

const KINDS: [&str; 2] = ["DaemonSet", "StatefulSet"];

/// A kind cannot be watched.
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

/// All changes of these objects from now on. The stream ends at once if none is a DaemonSet or
/// StatefulSet.
pub(super) fn follow(
    scope: &RunNamespace,
    manifests: &[Manifest],
) -> impl Stream<Item = Result<What, WatchError>> + Unpin {
    let unwatched = manifests.iter().filter(|manifest| {
        let resource = &manifest.resource;
        resource.group == "apps" && KINDS.contains(&resource.kind.as_str())
    });
    stream::select_all(unwatched.map(|manifest| one(scope, manifest).boxed()))
}

fn one(
    scope: &RunNamespace,
    manifest: &Manifest,
) -> impl Stream<Item = Result<What, WatchError>> + use<> {
    let this_one = watcher::Config::default().fields(&format!("metadata.name={}", manifest.name));
    let (resource, namespace) = (manifest.resource.clone(), scope.namespace.clone());
    let seen = watcher(scope.api(manifest), this_one)
        .default_backoff()
        .applied_objects();
    seen.filter_map(move |seen| {
        let result = match seen {
            Ok(object) => Some(Ok(record(&resource, object))),
            Err(error) => refused(error).map(|source| {
                Err(WatchError {
                    plural: resource.plural.clone(),
                    namespace: namespace.clone(),
                    source: Box::new(source),
                })
            }),
        };
        async { result }
    })
}

/// Converts an object to a record. Adds the kind, which items of a list lack.
fn record(resource: &ApiResource, mut object: DynamicObject) -> What {
    object.types = Some(TypeMeta {
        api_version: resource.api_version.clone(),
        kind: resource.kind.clone(),
    });
    let object = serde_json::to_value(object).expect("an object that was JSON must be JSON again");
    What::watched(Change::Modified, object)
}

/// The error if it is permanent: the API answered 403.
fn refused(error: watcher::Error) -> Option<kube::Error> {
    match error {
        watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) => {
            let refused = matches!(&error, kube::Error::Api(status) if status.code == 403);
            refused.then_some(error)
        }
        _ => None,
    }
}
