//! The watches of a run: record every change of six kinds of objects in one namespace.
//!
//! The timeline receives changes in the order and at the time of their arrival. Watches open before
//! the run's first write, so no change is missed. A broken watch is followed by a list, and the
//! timeline records how long it was down.

mod follow;

use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    core::v1::{Event, Pod, Service},
    discovery::v1::EndpointSlice,
};
use kube::{Client, core::ApiResource};
use tokio::task::JoinSet;

use crate::{
    exit::{Exit, HasExitCode},
    timeline::recorder::Recorder,
};
use follow::Follower;

/// Open watches. Dropping the value closes them.
#[derive(Debug)]
pub(crate) struct Watches {
    _tasks: JoinSet<()>,
}

/// The initial list of a kind failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot list {plural} in namespace `{namespace}`")]
pub(crate) struct ObserveError {
    plural: String,
    namespace: String,
    #[source]
    source: Box<kube::Error>,
}

impl HasExitCode for ObserveError {
    fn exit(&self) -> Exit {
        Exit::Infrastructure
    }
}

/// Lists the existing objects, then watches them. The namespace need not exist yet.
pub(crate) async fn open(
    client: &Client,
    namespace: &str,
    recorder: &Recorder,
) -> Result<Watches, ObserveError> {
    let mut tasks = JoinSet::new();
    for resource in watched() {
        let plural = resource.plural.clone();
        let mut follower = Follower::new(client.clone(), namespace, resource, recorder.clone());
        // One kind after the other, so that equal runs record equal timelines.
        follower.list().await.map_err(|source| ObserveError {
            plural,
            namespace: namespace.to_owned(),
            source: Box::new(source),
        })?;
        tasks.spawn(follower.follow());
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
