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
    let extra = extra().into_iter().filter(|resource| {
        let mut resources = manifests.iter().map(|manifest| &manifest.resource);
        resources.any(|used| (&used.kind, &used.group) == (&resource.kind, &resource.group))
    });
    // The cluster does not serve the kind. Applying the object says so, with its place.
    follow(client, namespace, extra, recorder, &[404]).await
}

/// The same of all kinds, except those that only some workloads have and that the cluster does not
/// serve or the user must not read.
pub(crate) async fn open_all(
    client: &Client,
    namespace: &str,
    recorder: &Recorder,
) -> Result<Watches, ListError> {
    follow(
        client,
        namespace,
        extra().into_iter(),
        recorder,
        &[403, 404],
    )
    .await
}

/// Follows the kinds that are always watched, then `extra`, of which those are skipped whose list
/// is refused with one of these codes.
async fn follow(
    client: &Client,
    namespace: &str,
    extra: impl Iterator<Item = ApiResource>,
    recorder: &Recorder,
    skipped: &[u16],
) -> Result<Watches, ListError> {
    let mut tasks = JoinSet::new();
    let watched = watched().into_iter().map(|resource| (resource, &[404][..]));
    let extra = extra.map(|resource| (resource, skipped));
    for (resource, skipped) in watched.chain(extra) {
        let plural = resource.plural.clone();
        let mut follower = Follower::new(client.clone(), namespace, resource, recorder.clone());
        // One kind after the other, so that equal runs record equal timelines.
        match follower.list().await {
            Ok(_) => {
                tasks.spawn(follower.follow());
            }
            Err(kube::Error::Api(status)) if skipped.contains(&status.code) => {}
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
