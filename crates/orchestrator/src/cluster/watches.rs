//! The watches of a run: record every change of some kinds of objects in one namespace.
//!
//! The timeline receives changes in the order and at the time of their arrival. Watches open before
//! the run's first write, so no change is missed. A broken watch is followed by a list, and the
//! timeline records how long it was down.

mod follow;

use k8s_openapi::api::{
    apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet},
    batch::v1::Job,
    core::v1::{Event, Pod, Service},
    discovery::v1::EndpointSlice,
};
use kube::{Client, core::ApiResource};
use tokio::task::JoinSet;

use super::ListError;
use crate::{input::manifests::Manifest, timeline::recorder::Recorder};
use follow::Follower;

/// Open watches. Dropping the value closes them.
#[derive(Debug)]
pub(crate) struct Watches {
    _tasks: JoinSet<()>,
}

/// Lists the existing objects, then watches them. The namespace need not exist yet. Kinds that only
/// some workloads have are watched if one of these manifests is of them.
pub(crate) async fn open(
    client: &Client,
    namespace: &str,
    manifests: &[Manifest],
    recorder: &Recorder,
) -> Result<Watches, ListError> {
    let mut tasks = JoinSet::new();
    let extra = extra().into_iter().filter(|resource| {
        let mut resources = manifests.iter().map(|manifest| &manifest.resource);
        resources.any(|used| (&used.kind, &used.group) == (&resource.kind, &resource.group))
    });
    for resource in watched().into_iter().chain(extra) {
        let plural = resource.plural.clone();
        let mut follower = Follower::new(client.clone(), namespace, resource, recorder.clone());
        // One kind after the other, so that equal runs record equal timelines.
        match follower.list().await {
            Ok(_) => {
                tasks.spawn(follower.follow());
            }
            // The cluster does not serve the kind. Applying the object says so, with its place.
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(source) => return Err(ListError::new(&plural, namespace, source)),
        }
    }
    Ok(Watches { _tasks: tasks })
}

fn watched() -> [ApiResource; 6] {
    [
        ApiResource::erase::<Pod>(&()),
        ApiResource::erase::<EndpointSlice>(&()),
        ApiResource::erase::<Service>(&()),
        ApiResource::erase::<Deployment>(&()),
        ApiResource::erase::<ReplicaSet>(&()),
        ApiResource::erase::<Event>(&()),
    ]
}

/// Kinds that not every cluster and not every role has to know.
fn extra() -> [ApiResource; 3] {
    [
        ApiResource::erase::<StatefulSet>(&()),
        ApiResource::erase::<DaemonSet>(&()),
        ApiResource::erase::<Job>(&()),
    ]
}
