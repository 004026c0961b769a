//! The ReplicaSet controller: creates and deletes Pods to reach `replicas`, and reports counts.
//!
//! [`rules::replica_set`] decides which Pods to delete. The controller relies on published Pod
//! status alone.

mod member;

use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition, ReplicaSetStatus};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use rules::replica_set::{Action, Counts, Member, action, count};

use super::counts;
use super::event_recorder::EventRecorder;
use super::informer::{Informer, Key, key};
use super::owner;
use super::pod_control;
use super::pod_template;
use super::pod_view;
use super::queue::Queue;
use super::reconcile::{Reconcile, drive, ignore_refusal};
use crate::api_status::ApiError;
use crate::clock::seconds;
use crate::kinds::{name, namespace};
use crate::registry::Registry;

/// The condition of a ReplicaSet that could not create a Pod; its Deployment repeats it.
pub(super) const REPLICA_FAILURE: &str = "ReplicaFailure";
/// The reason of that condition, and of the event.
const FAILED_CREATE: &str = "FailedCreate";

struct Controller {
    registry: Registry,
    events: EventRecorder,
    sets: Informer<ReplicaSet>,
    pods: Informer<Pod>,
    queue: Queue,
}

pub(super) async fn run(registry: Registry, events: EventRecorder) {
    let (sets, pods) = (Informer::new(&registry), Informer::new(&registry));
    let controller = Controller {
        registry,
        events,
        sets,
        pods,
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
        // The sets first, as a changed Pod is compared with their selectors.
        self.sets.catch_up(|set| queue.add(key(set)));
        let sets = &self.sets;
        self.pods
            .catch_up(|pod| queue.extend(owner::concerned(pod, sets, |set| &set.spec.selector)));
    }

    async fn wait(&mut self) {
        tokio::select! {
            biased;
            () = self.sets.changed() => {}
            () = self.pods.changed() => {}
            () = self.queue.due(self.registry.clock()) => {}
        }
    }

    /// Acts or reports: an action changes Pods, which leads to the next sync.
    fn sync(&mut self, key: &Key) {
        let Some(set) = self.sets.get(key).cloned() else {
            return;
        };
        if set.metadata.deletion_timestamp.is_some() {
            // Upstream neither adopts nor creates Pods then. The garbage collector deletes those
            // that it has.
            return self.publish_status(&set, &self.members(&set), None);
        }
        // One that has ended or is being deleted is no replica any more, and stays as it is.
        let pods = self.pods.within(namespace(&set));
        let pods = pods.filter(|pod| pod_view::is_active(pod));
        if owner::claim(&self.registry, &set, &set.spec.selector, pods) {
            return;
        }
        let members = self.members(&set);
        let wanted = usize::try_from(set.spec.replicas.unwrap_or(1)).unwrap_or_default();
        match action(wanted, &members, self.registry.clock().now()) {
            Action::Create(0) => self.publish_status(&set, &members, None),
            Action::Create(missing) => {
                if let Err(refusal) = self.create(&set, missing) {
                    return self.report_refusal(&set, &members, &refusal);
                }
            }
            Action::Delete(surplus) => self.delete(&set, &surplus),
        }
        self.queue.forget_failures(key);
    }
}

impl Controller {
    fn members(&self, set: &ReplicaSet) -> Vec<Member> {
        let pods = self.pods.within(namespace(set));
        let owned = owner::claimed(set, &set.spec.selector, pods);
        let template = member::template_labels(set);
        owned
            .map(|pod| member::of(pod, &template, self.registry.clock()))
            .collect()
    }

    fn create(&mut self, set: &ReplicaSet, missing: usize) -> Result<(), ApiError> {
        // Upstream creates 1, 2, 4 … Pods at once, so that a refusal costs few calls. One after the
        // other has the same effect here.
        let pod = pod_template::pod(set, set.spec.template.clone().unwrap_or_default());
        for _ in 0..missing {
            pod_control::create(&self.registry, &mut self.events, set, &pod)?;
        }
        Ok(())
    }

    fn report_refusal(&mut self, set: &ReplicaSet, members: &[Member], refusal: &ApiError) {
        // All of its objects will be deleted.
        if refusal.is_namespace_terminating() {
            return self.publish_status(set, members, None);
        }
        self.publish_status(set, members, Some(refusal));
        self.events
            .warn(set, FAILED_CREATE, &format!("Error creating: {refusal}"));
        self.queue.retry(key(set), self.registry.clock().now());
    }

    fn delete(&mut self, set: &ReplicaSet, surplus: &[String]) {
        for pod in surplus {
            pod_control::delete(&self.registry, &mut self.events, set, pod);
        }
    }

    fn publish_status(&mut self, set: &ReplicaSet, members: &[Member], refusal: Option<&ApiError>) {
        let min_ready = seconds(set.spec.min_ready_seconds.unwrap_or(0));
        let (counts, next) = count(members, min_ready, self.registry.clock().now());
        let generation = set.metadata.generation;
        let failure = refusal.map(|refusal| failure(refusal, self.registry.clock().time()));
        let change = |set: &mut ReplicaSet| {
            let status = set.status.get_or_insert_default();
            publish(&counts, generation, status);
            publish_failure(failure, status);
        };
        ignore_refusal(self.registry.edit_status(namespace(set), name(set), change));
        // A Pod becomes available by the passing of time alone.
        self.queue.add_at(key(set), next);
    }
}

fn publish(numbers: &Counts, generation: Option<i64>, status: &mut ReplicaSetStatus) {
    status.replicas = counts::to_api(numbers.replicas);
    status.fully_labeled_replicas = counts::unless_zero(numbers.fully_labelled);
    status.ready_replicas = counts::unless_zero(numbers.ready);
    status.available_replicas = counts::unless_zero(numbers.available);
    // A pointer in Go's type, so its zero is published; `omitempty` drops the others.
    status.terminating_replicas = Some(counts::to_api(numbers.terminating));
    status.observed_generation = generation;
}

/// Writes the condition `ReplicaFailure`: the first refusal's until a sync has none.
///
/// Rule: `pkg/controller/replicaset/replica_set_utils.go`, `calculateStatus`.
fn publish_failure(failure: Option<ReplicaSetCondition>, status: &mut ReplicaSetStatus) {
    let conditions = status.conditions.get_or_insert_default();
    let is_failure = |found: &ReplicaSetCondition| found.type_.as_deref() == Some(REPLICA_FAILURE);
    match failure {
        Some(failure) if !conditions.iter().any(is_failure) => conditions.push(failure),
        Some(_) => {}
        None => conditions.retain(|found| !is_failure(found)),
    }
    if conditions.is_empty() {
        status.conditions = None;
    }
}

fn failure(refusal: &ApiError, now: Time) -> ReplicaSetCondition {
    ReplicaSetCondition {
        type_: Some(REPLICA_FAILURE.to_owned()),
        status: Some("True".to_owned()),
        reason: Some(FAILED_CREATE.to_owned()),
        message: Some(refusal.to_string()),
        last_transition_time: Some(now),
    }
}
