//! The watches of a run: everything that happens to six kinds of objects in one namespace goes into the
//! timeline, in the order and at the time it is received.
//!
//! They are opened before the first write, so nothing is missed at the start. A watch that breaks is
//! taken up again where it ended; how long it was down is recorded, and nothing is judged here.

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

/// Open watches; they close when this is dropped.
#[derive(Debug)]
pub struct Watches {
    _tasks: JoinSet<()>,
}

/// A kind cannot be listed.
#[derive(Debug, thiserror::Error)]
#[error("cannot list {plural} in namespace `{namespace}`")]
pub struct ObserveError {
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

/// Lists what is there and watches what becomes of it. The namespace need not exist yet.
pub async fn open(
    client: &Client,
    namespace: &str,
    recorder: &Recorder,
) -> Result<Watches, ObserveError> {
    let mut tasks = JoinSet::new();
    for resource in watched() {
        let plural = resource.plural.clone();
        let mut follower = Follower::new(client.clone(), namespace, resource, recorder.clone());
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
