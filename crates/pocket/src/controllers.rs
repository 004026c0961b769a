//! The control loops: each watches some kinds, asks the rules what to do, and writes it.
//!
//! A controller never decides; what it does on a change follows from the objects as they are, so that a missed or doubled
//! change does no harm. In reading order: what they share, then a Pod's way from its Deployment to its Services, then how
//! things go away.

mod event_recorder;
mod informer;
mod owner;
mod queue;
mod reconcile;

mod deployment;
mod replica_set;
mod scheduler;

mod endpoint_slice;

mod garbage;
mod namespace;

pub(crate) use endpoint_slice::{HEADLESS, service_of};
pub(crate) use informer::{Informer, Key, key};

use futures::future::join_all;
use futures::{FutureExt, future::BoxFuture};

use crate::api_status::ApiError;
use crate::registry::Registry;
use event_recorder::EventRecorder;

/// Runs every controller for good. The names of their Events are drawn from `random`.
pub async fn run(registry: Registry, mut random: fastrand::Rng) {
    let mut voice = |component| EventRecorder::new(registry.clone(), component, random.fork());
    let loops: Vec<BoxFuture<'static, ()>> = vec![
        deployment::run(registry.clone(), voice("deployment-controller")).boxed(),
        replica_set::run(registry.clone(), voice("replicaset-controller")).boxed(),
        scheduler::run(registry.clone(), voice("default-scheduler")).boxed(),
        endpoint_slice::run(registry.clone()).boxed(),
        garbage::run(registry.clone()).boxed(),
        namespace::run(registry.clone()).boxed(),
    ];
    join_all(loops).await;
}

/// A refused write is no failure: the object has changed or is gone, and that change leads back to it.
fn leave<T>(written: Result<T, ApiError>) {
    if let Err(refusal) = written {
        tracing::debug!(%refusal, "left to the next change");
    }
}

#[cfg(test)]
mod tests;
