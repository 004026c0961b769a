//! The controllers: each one watches some kinds, applies the rules and writes the result.
//!
//! A controller acts on the objects as they are, not on the change that woke it: a missed or
//! repeated change does no harm. The modules are in reading order: shared parts, a Pod's way from
//! its Deployment to its Services, evictions, deletion.

mod counts;
mod event_recorder;
mod informer;
mod owner;
mod pod_control;
mod pod_template;
mod pod_view;
mod queue;
mod reconcile;

mod daemon_set;
mod deployment;
mod history;
mod job;
mod replica_set;
mod scheduler;
mod stateful_set;

mod endpoint_slice;
pub(crate) mod endpoints;

mod disruption;

mod event_expiry;
mod garbage;
mod namespace;
pub(crate) mod namespace_objects;
mod node_taints;
mod taint_eviction;

pub(crate) use endpoint_slice::{HEADLESS, service_of};
pub(crate) use informer::{Informer, Key, key};

use futures::future::join_all;
use futures::{FutureExt, future::BoxFuture};

use crate::latencies::Chance;
use crate::registry::Registry;
use event_recorder::EventRecorder;

/// Runs every controller forever. The names of their Events are drawn from `random`.
pub(crate) async fn run(registry: Registry, mut random: fastrand::Rng, chance: Chance) {
    // A generator for each recorder: the Events of one do not change the names that another draws.
    let mut events = |component| EventRecorder::new(registry.clone(), component, random.fork());
    let loops: Vec<BoxFuture<'static, ()>> = vec![
        deployment::run(registry.clone(), events("deployment-controller")).boxed(),
        replica_set::run(registry.clone(), events("replicaset-controller")).boxed(),
        stateful_set::run(registry.clone(), events("statefulset-controller")).boxed(),
        daemon_set::run(registry.clone(), events("daemonset-controller")).boxed(),
        scheduler::run(registry.clone(), events("default-scheduler")).boxed(),
        job::run(registry.clone(), events("job-controller")).boxed(),
        endpoint_slice::run(registry.clone(), chance).boxed(),
        disruption::run(registry.clone(), events("controllermanager")).boxed(),
        garbage::run(registry.clone()).boxed(),
        namespace::run(registry.clone()).boxed(),
        event_expiry::run(registry.clone()).boxed(),
        node_taints::run(registry.clone()).boxed(),
        taint_eviction::run(registry.clone(), events("taint-eviction-controller")).boxed(),
    ];
    // In one task: they are polled in this order, so equal runs are equal.
    join_all(loops).await;
}

#[cfg(test)]
mod tests;
