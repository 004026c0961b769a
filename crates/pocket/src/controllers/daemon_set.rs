//! The DaemonSet controller: keeps one Pod of each set on the node, and replaces it on an update.
//!
//! [`rules::daemon_set`] decides. The controller relies on published Pod status alone.

mod convert;

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{ControllerRevision, DaemonSet};
use k8s_openapi::api::core::v1::{Node, Pod};
use rules::Moment;
use rules::daemon_set::failed_pods::FailedPods;
use rules::daemon_set::{Action, Member, Phase, Placement, actions, count};

use super::event_recorder::EventRecorder;
use super::history::{self, Templated};
use super::informer::{Informer, Key, key};
use super::owner;
use super::pod_control;
use super::pod_view;
use super::queue::Queue;
use super::reconcile::{Reconcile, drive, ignore_refusal};
use crate::api_status::ApiError;
use crate::clock::seconds;
use crate::kinds::node::NAME as NODE;
use crate::kinds::{name, namespace};
use crate::registry::Registry;

/// Wait after a write was refused.
const RETRY: Duration = Duration::from_secs(5);

struct Controller {
    registry: Registry,
    events: EventRecorder,
    sets: Informer<DaemonSet>,
    pods: Informer<Pod>,
    revisions: Informer<ControllerRevision>,
    nodes: Informer<Node>,
    queue: Queue,
    /// Of each set: when it is looked at without a change.
    checks: BTreeMap<Key, Vec<Moment>>,
    /// Of each set: the back-off of its failed Pods.
    failed: BTreeMap<Key, FailedPods>,
}

pub(super) async fn run(registry: Registry, events: EventRecorder) {
    let controller = Controller {
        sets: Informer::new(&registry),
        pods: Informer::new(&registry),
        revisions: Informer::new(&registry),
        nodes: Informer::new(&registry),
        registry,
        events,
        queue: Queue::default(),
        checks: BTreeMap::new(),
        failed: BTreeMap::new(),
    };
    drive(controller).await;
}

impl Reconcile for Controller {
    fn next(&mut self) -> Option<Key> {
        self.queue.pop(self.registry.clock().now())
    }

    fn catch_up(&mut self) {
        let queue = &mut self.queue;
        self.sets.catch_up(|set| queue.add(key(set)));
        let (sets, checks, clock) = (&self.sets, &mut self.checks, self.registry.clock());
        self.pods.compare(|before, change| {
            let pod = change.object();
            let concerned = owner::concerned(pod, sets, |set| &set.spec.selector);
            // The check after `minReadySeconds` comes a second late, against skewed clocks.
            if pod_view::is_ready(pod) && !before.is_some_and(pod_view::is_ready) {
                for set in concerned.iter().filter_map(|key| sets.get(key)) {
                    let wait = seconds(set.spec.min_ready_seconds.unwrap_or(0));
                    let check = clock.now() + wait + Duration::from_secs(1);
                    checks.entry(key(set)).or_default().push(check);
                }
            }
            queue.extend(concerned);
        });
        let mut is_node_changed = false;
        self.nodes.catch_up(|_| is_node_changed = true);
        if is_node_changed {
            let concerned: Vec<Key> = self.concerned_by_node().collect();
            self.queue.extend(concerned);
        }
        // Nothing follows from a change of a ControllerRevision.
        self.revisions.catch_up(|_| {});
    }

    async fn wait(&mut self) {
        tokio::select! {
            biased;
            () = self.sets.changed() => {}
            () = self.pods.changed() => {}
            () = self.revisions.changed() => {}
            () = self.nodes.changed() => {}
            () = self.queue.due(self.registry.clock()) => {}
        }
    }

    fn sync(&mut self, key: &Key) {
        let Some(set) = self.sets.get(key).cloned() else {
            self.checks.remove(key);
            self.failed.remove(key);
            return;
        };
        // Not even the status is kept up: its history may be gone already.
        if set.metadata.deletion_timestamp.is_some() || self.claim(&set) {
            return;
        }
        match self.revisions(&set) {
            Ok(revisions) => self.act(&set, &revisions),
            Err(refusal) => {
                tracing::debug!(error = %refusal, "ControllerRevision refused; tried again later");
                self.check_after(&set, RETRY);
            }
        }
        self.queue_check(key);
    }
}

impl Controller {
    fn node(&self) -> Option<Node> {
        let key = (String::new(), NODE.to_owned());
        self.nodes.get(&key).cloned()
    }

    /// The sets to sync after a change of the node: those with a Pod to create, to delete or to
    /// count anew. A taint that keeps only new Pods away concerns no set.
    ///
    /// Rule: `pkg/controller/daemon/daemon_controller.go`, `syncNodeUpdate`.
    fn concerned_by_node(&self) -> impl Iterator<Item = Key> {
        let node = self.node();
        let sets = self.sets.iter().filter(move |set| {
            let mut pods = self.pods.within(namespace(*set));
            let has_pods = pods.any(|pod| owner::controls(*set, pod));
            let status = set.status.as_ref();
            let is_misscheduled = status.is_some_and(|status| status.number_misscheduled > 0);
            match convert::rules(set, node.as_ref()).placement {
                Placement::Wanted => !has_pods || is_misscheduled,
                Placement::Kept => has_pods && is_misscheduled,
                Placement::Unwanted => has_pods,
            }
        });
        sets.map(key)
    }

    fn claim(&self, set: &DaemonSet) -> bool {
        let selector = &set.spec.selector;
        let revisions = self.revisions.within(namespace(set));
        let pods = self.pods.within(namespace(set));
        owner::claim(&self.registry, set, selector, revisions)
            || owner::claim(&self.registry, set, selector, pods)
    }

    /// The set's history; the last one holds the present template.
    fn revisions(&self, set: &DaemonSet) -> Result<Vec<ControllerRevision>, ApiError> {
        let mut revisions = history::of(set, self.revisions.within(namespace(set)));
        let workload = Templated {
            owner: set,
            template: &set.spec.template,
            hash_label: history::REVISION_LABEL,
        };
        history::update(&self.registry, &workload, &mut revisions)?;
        Ok(revisions)
    }

    fn act(&mut self, set: &DaemonSet, revisions: &[ControllerRevision]) {
        let (rules, hash) = (convert::rules(set, self.node().as_ref()), hash(revisions));
        let now = self.registry.clock().now();
        let members = self.members(set, hash);
        let failed = self.failed.entry(key(set)).or_default();
        let mut wait = None;
        let may_delete_failed = || {
            let refused = failed.request(now).err();
            wait = wait.max(refused);
            refused.is_none()
        };
        let actions = actions(&rules, &members, now, may_delete_failed);
        if let Some(wait) = wait {
            self.check_after(set, wait);
        }
        for action in &actions {
            self.execute(set, hash, action);
        }
        // Of the Pods as they were, without what the actions changed: that is another sync.
        let counts = count(&rules, &members, now);
        let change = |set: &mut DaemonSet| convert::publish(&counts, set);
        ignore_refusal(self.registry.edit_status(namespace(set), name(set), change));
        if counts.ready != counts.available {
            self.check_after(set, rules.min_ready);
        }
        self.truncate(set, revisions);
    }

    fn members(&self, set: &DaemonSet, hash: &str) -> Vec<Member> {
        let pods = self.pods.within(namespace(set));
        let owned = pods.filter(|pod| owner::controls(set, *pod));
        owned
            .map(|pod| convert::member(pod, hash, self.registry.clock()))
            .collect()
    }

    fn execute(&mut self, set: &DaemonSet, hash: &str, action: &Action) {
        match action {
            Action::Create => self.create(set, hash),
            Action::Delete(pod) => self.delete(set, pod),
            Action::DeleteEnded(pod, phase) => {
                self.record_ended(set, pod, *phase);
                self.delete(set, pod);
            }
        }
    }

    fn record_ended(&mut self, set: &DaemonSet, pod: &str, phase: Phase) {
        let about = format!("daemon pod {}/{pod} on node {NODE}", namespace(set));
        if phase == Phase::Failed {
            let message = format!("Found failed {about}, will try to kill it");
            self.events.warn(set, "FailedDaemonPod", &message);
        } else {
            let message = format!("Found succeeded {about}, will try to delete it");
            self.events.record(set, "SucceededDaemonPod", &message);
        }
    }

    fn create(&mut self, set: &DaemonSet, hash: &str) {
        let pod = convert::pod(set, hash);
        let created = pod_control::create(&self.registry, &mut self.events, set, &pod);
        if let Err(refusal) = created {
            let message = format!("Error creating: {refusal}");
            self.events.warn(set, "FailedCreate", &message);
            self.check_after(set, RETRY);
        }
    }

    fn delete(&mut self, set: &DaemonSet, pod: &str) {
        pod_control::delete(&self.registry, &mut self.events, set, pod);
    }

    /// Deletes old ControllerRevisions that no Pod needs, beyond the number to keep. Those that a
    /// Pod needs count as kept.
    ///
    /// Rule: `pkg/controller/daemon/update.go`, `cleanupHistory`.
    fn truncate(&self, set: &DaemonSet, revisions: &[ControllerRevision]) {
        let Some((_, old)) = revisions.split_last() else {
            return;
        };
        let pods = self.pods.within(namespace(set));
        let owned = pods.filter(|pod| owner::controls(set, *pod));
        let hashes: Vec<&str> = owned.filter_map(history::revision_label).collect();
        let in_use = |name: &str| hashes.iter().any(|hash| name.ends_with(hash));
        let kept = old.iter().filter(|it| in_use(name(*it))).count();
        let limit = history::limit(set.spec.revision_history_limit);
        history::truncate(&self.registry, old, in_use, limit.saturating_sub(kept));
    }

    fn check_after(&mut self, set: &DaemonSet, wait: Duration) {
        let check = self.registry.clock().now() + wait;
        self.checks.entry(key(set)).or_default().push(check);
    }

    /// Queues the next check of a set, which replaces the former one.
    fn queue_check(&mut self, key: &Key) {
        let now = self.registry.clock().now();
        let checks = self.checks.entry(key.clone()).or_default();
        checks.retain(|check| *check > now);
        self.queue.add_at(key.clone(), checks.iter().min().copied());
    }
}

/// The hash of the newest ControllerRevision.
fn hash(revisions: &[ControllerRevision]) -> &str {
    let newest = revisions.last();
    newest.and_then(history::revision_label).unwrap_or_default()
}
