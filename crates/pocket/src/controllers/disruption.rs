//! The disruption controller: tells in the status of each PodDisruptionBudget how many of its Pods
//! may be evicted.
//!
//! [`rules::disruption`] decides. As upstream it acts on changes of budgets and Pods alone: a
//! workload that is scaled changes its Pods sooner or later.
//!
//! Rule: `pkg/controller/disruption/disruption.go`.

mod convert;
mod scale;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use rules::disruption::{Member, Status, status};

use super::event_recorder::EventRecorder;
use super::informer::{Informer, Key, key};
use super::queue::Queue;
use super::reconcile::{Reconcile, drive, ignore_refusal};
use crate::kinds::disruption_budget::selects;
use crate::kinds::{name, namespace};
use crate::registry::Registry;

struct Controller {
    registry: Registry,
    events: EventRecorder,
    budgets: Informer<PodDisruptionBudget>,
    pods: Informer<Pod>,
    owners: Owners,
    queue: Queue,
}

/// The workloads whose replicas count.
struct Owners {
    deployments: Informer<Deployment>,
    replica_sets: Informer<ReplicaSet>,
    stateful_sets: Informer<StatefulSet>,
}

pub(super) async fn run(registry: Registry, events: EventRecorder) {
    let controller = Controller {
        events,
        budgets: Informer::new(&registry),
        pods: Informer::new(&registry),
        owners: Owners {
            deployments: Informer::new(&registry),
            replica_sets: Informer::new(&registry),
            stateful_sets: Informer::new(&registry),
        },
        registry,
        queue: Queue::default(),
    };
    drive(controller).await;
}

impl Reconcile for Controller {
    fn next(&mut self) -> Option<Key> {
        self.queue.pop(self.registry.clock().now())
    }

    fn catch_up(&mut self) {
        let queue = &mut self.queue;
        self.budgets.catch_up(|budget| queue.add(key(budget)));
        self.owners.catch_up();
        let (budgets, events) = (&self.budgets, &mut self.events);
        self.pods.compare(|_, change| {
            let pod = change.object();
            let selecting = budgets
                .within(namespace(pod))
                .filter(|budget| selects(budget, pod));
            let keys: Vec<Key> = selecting.map(key).collect();
            if let [(_, chosen), _, ..] = keys.as_slice() {
                let message = format!(
                    "Pod {:?}/{:?} matches multiple PodDisruptionBudgets.  Chose {chosen:?} \
                     arbitrarily.",
                    namespace(pod),
                    name(pod)
                );
                events.warn(pod, "MultiplePodDisruptionBudgets", &message);
            }
            queue.extend(keys);
        });
    }

    async fn wait(&mut self) {
        tokio::select! {
            biased;
            () = self.budgets.changed() => {}
            () = self.pods.changed() => {}
            () = self.queue.due(self.registry.clock()) => {}
        }
    }

    fn sync(&mut self, key: &Key) {
        let Some(budget) = self.budgets.get(key).cloned() else {
            return;
        };
        let pods = self.pods.within(namespace(&budget));
        let pods: Vec<&Pod> = pods.filter(|pod| selects(&budget, pod)).collect();
        if pods.is_empty() {
            self.events
                .record(&budget, "NoPods", "No matching pods found");
        }
        let bound = convert::bound(&budget);
        let is_of_scale = bound.is_some_and(rules::disruption::Bound::is_of_scale);
        let scale = if is_of_scale {
            scale::of(&pods, &self.owners)
        } else {
            Ok(scale::Scale::default())
        };
        let scale = match scale {
            Ok(scale) => scale,
            Err(error) => return self.fail(&budget, &error),
        };
        if scale.has_unmanaged {
            let message = convert::unmanaged_text(&budget);
            self.events.warn(&budget, "UnmanagedPods", &message);
        }
        let clock = self.registry.clock();
        let members: Vec<Member> = pods.iter().map(|pod| convert::member(pod)).collect();
        let disrupted = convert::disrupted(&budget, clock);
        let status = status(bound, &members, scale.replicas, &disrupted, clock.now());
        self.record_not_deleted(&budget, &pods_named(&pods, &status));
        self.publish(&budget, &status);
        self.queue.add_at(key.clone(), status.next);
    }
}

impl Controller {
    fn publish(&self, budget: &PodDisruptionBudget, status: &Status) {
        let clock = self.registry.clock();
        self.edit_status(budget, |budget| convert::publish(status, clock, budget));
    }

    /// Allows no disruption, as it is not known how many there may be.
    ///
    /// Rule: `failSafe`.
    fn fail(&mut self, budget: &PodDisruptionBudget, error: &str) {
        let message = format!("Failed to calculate the number of expected pods: {error}");
        self.events
            .warn(budget, "CalculateExpectedPodCountFailed", &message);
        let now = self.registry.clock().time();
        self.edit_status(budget, |budget| {
            convert::publish_failure(error, now, budget);
        });
    }

    /// Changes the status of a budget, unless it has changed since it was read: an eviction may
    /// have counted meanwhile. That change leads back here.
    fn edit_status(
        &self,
        budget: &PodDisruptionBudget,
        change: impl FnOnce(&mut PodDisruptionBudget),
    ) {
        let read = &budget.metadata.resource_version;
        let change = |current: &mut PodDisruptionBudget| {
            if current.metadata.resource_version == *read {
                change(current);
            }
        };
        let (namespace, name) = (namespace(budget), name(budget));
        ignore_refusal(self.registry.edit_status(namespace, name, change));
    }

    fn record_not_deleted(&mut self, budget: &PodDisruptionBudget, pods: &[Pod]) {
        // Upstream names the namespace twice.
        let namespace = namespace(budget);
        let message =
            format!("Pod was expected by PDB {namespace}/{namespace} to be deleted but it wasn't");
        for pod in pods {
            self.events.warn(pod, "NotDeleted", &message);
        }
    }
}

impl Owners {
    fn catch_up(&mut self) {
        self.deployments.catch_up(|_| ());
        self.replica_sets.catch_up(|_| ());
        self.stateful_sets.catch_up(|_| ());
    }
}

/// The evicted Pods whose deletion is no longer expected.
fn pods_named(pods: &[&Pod], status: &Status) -> Vec<Pod> {
    let is_named = |pod: &&&Pod| status.not_deleted.iter().any(|it| it == name(**pod));
    pods.iter()
        .filter(is_named)
        .map(|pod| (*pod).clone())
        .collect()
}
