//! The Deployment controller: rolls out each Deployment's Pod template through ReplicaSets.
//!
//! [`rules::rollout`] decides the next steps and the status; [`template`] names ReplicaSets and
//! finds the one with the current template. This controller does not touch Pods.

mod convert;
mod revision;
mod template;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use rules::rollout::progress::{NOT_CREATED, Notice, Status};
use rules::rollout::{self, RolloutStep, Set};

use super::counts;
use super::event_recorder::EventRecorder;
use super::informer::{Informer, Key, key};
use super::owner;
use super::queue::Queue;
use super::reconcile::{Reconcile, drive, ignore_refusal};
use crate::api_status::ApiError;
use crate::kinds::{name, namespace};
use crate::registry::Registry;

struct Controller {
    registry: Registry,
    events: EventRecorder,
    deployments: Informer<Deployment>,
    sets: Informer<ReplicaSet>,
    queue: Queue,
}

/// A Deployment and its ReplicaSets as one sync uses them: as API objects, and in the rules' form.
struct RolloutView {
    deployment: Deployment,
    new: Option<ReplicaSet>,
    old: Vec<ReplicaSet>,
    rules: rollout::Deployment,
    status: Status,
    new_rules: Option<Set>,
    old_rules: Vec<Set>,
}

pub(super) async fn run(registry: Registry, events: EventRecorder) {
    let (deployments, sets) = (Informer::new(&registry), Informer::new(&registry));
    let controller = Controller {
        registry,
        events,
        deployments,
        sets,
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
        // The Deployments first, as a changed set is compared with their selectors.
        self.deployments
            .catch_up(|deployment| queue.add(key(deployment)));
        let deployments = &self.deployments;
        self.sets.catch_up(|set| {
            queue.extend(owner::concerned(set, deployments, |it| &it.spec.selector));
        });
    }

    async fn wait(&mut self) {
        tokio::select! {
            biased;
            () = self.deployments.changed() => {}
            () = self.sets.changed() => {}
            () = self.queue.due(self.registry.clock()) => {}
        }
    }

    /// Acts or reports: an action changes ReplicaSets, which leads to the next sync.
    fn sync(&mut self, key: &Key) {
        let Some(view) = self.view(key) else { return };
        if view.deployment.metadata.deletion_timestamp.is_some() {
            self.publish_status(&view);
            return;
        }
        // At most one kind of write a sync: each comes back as a change, which queues the
        // Deployment again.
        if self.claim(&view.deployment)
            || self.update_revision(&view)
            || self.publish_due_notice(&view)
        {
            return;
        }
        let steps = view.rules.steps(view.new_rules.as_ref(), &view.old_rules);
        for step in &steps {
            self.execute(&view, step);
        }
        // As upstream, old sets are removed only when the rollout is complete, or is paused.
        if steps.is_empty() && (self.publish_status(&view) || view.rules.paused) {
            self.delete_surplus(&view);
        }
    }
}

impl Controller {
    fn view(&self, key: &Key) -> Option<RolloutView> {
        let deployment = self.deployments.get(key)?.clone();
        let owned = self
            .sets
            .within(&key.0)
            .filter(|set| owner::controls(&deployment, *set));
        let (new, old) = template::split(&deployment, owned.cloned().collect());
        let set = |set| convert::set(set, self.registry.clock());
        Some(RolloutView {
            rules: convert::rules(&deployment),
            status: convert::status(&deployment, self.registry.clock()),
            new_rules: new.as_ref().map(set),
            old_rules: old.iter().map(set).collect(),
            deployment,
            new,
            old,
        })
    }

    fn claim(&self, deployment: &Deployment) -> bool {
        let sets = self.sets.within(namespace(deployment));
        owner::claim(&self.registry, deployment, &deployment.spec.selector, sets)
    }

    /// Gives the current ReplicaSet the newest revision and the settings outside the template, and
    /// the Deployment its revision. Returns whether either differed.
    fn update_revision(&self, view: &RolloutView) -> bool {
        let (Some(new), deployment) = (&view.new, &view.deployment) else {
            return false;
        };
        let revision = revision::next(new, &view.old);
        let wait = deployment.spec.min_ready_seconds;
        let set_behind = revision::of(new) != Some(revision)
            || new.spec.min_ready_seconds != wait
            || !template::has_annotations(new, deployment);
        if set_behind {
            let change = |set: &mut ReplicaSet| {
                template::annotate(&mut set.metadata, deployment);
                revision::update(&mut set.metadata, revision);
                set.spec.min_ready_seconds = wait;
            };
            ignore_refusal(self.registry.edit(namespace(new), name(new), change));
        }
        let deployment_behind = revision::of(deployment) != Some(revision);
        if deployment_behind {
            // Written with the status, so that the generation does not change.
            let change = |it: &mut Deployment| revision::write(&mut it.metadata, revision);
            ignore_refusal(self.registry.edit_status(
                namespace(deployment),
                name(deployment),
                change,
            ));
        }
        set_behind || deployment_behind
    }

    /// Publishes a due notice in the condition `Progressing`. Returns whether there was one.
    fn publish_due_notice(&self, view: &RolloutView) -> bool {
        let Some(notice) = view.notice() else {
            return false;
        };
        self.publish_notice(view, notice);
        true
    }

    fn execute(&mut self, view: &RolloutView, step: &RolloutStep) {
        match step {
            RolloutStep::Create(size) => self.create(view, *size),
            RolloutStep::Scale(name, size) => self.scale(view, name, *size),
        }
    }

    fn create(&mut self, view: &RolloutView, size: u32) {
        let revision = revision::after(&view.old);
        let set = template::new_set(&view.deployment, &view.rules, size, revision);
        match self.registry.create(&set) {
            Ok(set) => {
                // Rule: `pkg/controller/deployment/sync.go`, `getNewReplicaSet`.
                if size > 0 {
                    self.record_scaling(view, name(&set), 0, size);
                }
                self.publish_notice(view, Notice::Created(name(&set)));
                self.queue.forget_failures(&key(&view.deployment));
            }
            // The name belongs to another ReplicaSet: a higher collision count changes the next
            // hash.
            Err(refusal) if refusal.reason == "AlreadyExists" => self.count_collision(view),
            // All of its objects will be deleted.
            Err(refusal) if refusal.is_namespace_terminating() => {}
            Err(refusal) => self.report_refusal(view, name(&set), &refusal),
        }
    }

    fn report_refusal(&mut self, view: &RolloutView, set: &str, refusal: &ApiError) {
        let message = format!("Failed to create new replica set \"{set}\": {refusal}");
        self.publish_notice(view, Notice::NotCreated(&message));
        self.events.warn(&view.deployment, NOT_CREATED, &message);
        let now = self.registry.clock().now();
        self.queue.retry(key(&view.deployment), now);
    }

    fn scale(&mut self, view: &RolloutView, set: &str, size: u32) {
        let mut before = size;
        let recorded = view.rules.size();
        let change = |set: &mut ReplicaSet| {
            before = counts::from_api(set.spec.replicas);
            set.spec.replicas = Some(counts::to_api(size));
            template::record_size(&mut set.metadata, recorded);
        };
        // Without a change of size too: the annotations record what the set was sized for.
        let written = self.registry.edit(namespace(&view.deployment), set, change);
        if written.is_ok() && before != size {
            self.record_scaling(view, set, before, size);
        }
    }

    fn record_scaling(&mut self, view: &RolloutView, set: &str, before: u32, size: u32) {
        let direction = if size > before { "up" } else { "down" };
        let message = format!("Scaled {direction} replica set {set} from {before} to {size}");
        self.events
            .record(&view.deployment, "ScalingReplicaSet", &message);
    }

    fn publish_notice(&self, view: &RolloutView, notice: Notice<'_>) {
        // Without a deadline a Deployment has no condition `Progressing`.
        if view.rules.deadline.is_none() {
            return;
        }
        let clock = self.registry.clock();
        let mut status = view.status.clone();
        let condition = notice.condition(status.progressing.as_ref(), clock.now());
        status.progressing = Some(condition);
        self.edit_status(view, |it| convert::publish_conditions(&status, clock, it));
    }

    fn count_collision(&self, view: &RolloutView) {
        self.edit_status(view, |deployment| {
            let status = deployment.status.get_or_insert_default();
            *status.collision_count.get_or_insert(0) += 1;
        });
    }

    fn edit_status(&self, view: &RolloutView, change: impl FnOnce(&mut Deployment)) {
        let (namespace, name) = (namespace(&view.deployment), name(&view.deployment));
        ignore_refusal(self.registry.edit_status(namespace, name, change));
    }

    /// Publishes counts and conditions. Returns whether the rollout is complete.
    fn publish_status(&mut self, view: &RolloutView) -> bool {
        let (deployment, clock) = (&view.deployment, self.registry.clock());
        let (new, old) = (view.new_rules.as_ref(), &view.old_rules);
        let status = view.rules.status(new, old, &view.status, clock.now());
        self.edit_status(view, |it| {
            convert::publish(&status, it);
            convert::publish_conditions(&status, clock, it);
            it.status.get_or_insert_default().observed_generation = deployment.metadata.generation;
        });
        let next_check = view.rules.next_check(&status, clock.now());
        self.queue.add_at(key(deployment), next_check);
        view.rules.is_complete(&status)
    }

    /// Deletes the oldest ReplicaSets beyond `revisionHistoryLimit`.
    fn delete_surplus(&self, view: &RolloutView) {
        let kept = counts::from_api(view.deployment.spec.revision_history_limit);
        for set in revision::surplus(&view.old, kept) {
            ignore_refusal(
                self.registry
                    .delete::<ReplicaSet>(namespace(set), name(set), None),
            );
        }
    }
}

impl RolloutView {
    /// The notice that the condition `Progressing` lacks, if any.
    fn notice(&self) -> Option<Notice<'_>> {
        self.rules.deadline?;
        let present = self.status.progressing.as_ref();
        let found = || Some(Notice::Found(name(self.new.as_ref()?)));
        self.rules
            .pause_notice(present)
            .or_else(|| present.is_none().then(found)?)
    }
}
