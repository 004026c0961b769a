//! The Deployment controller: rolls out each Deployment's Pod template through ReplicaSets.
//!
//! [`rules::rollout`] decides the next steps and the status; [`template`] names ReplicaSets and
//! finds the one with the current template. This controller does not touch Pods.

mod convert;
mod revision;
mod template;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use rules::rollout::progress::{Notice, Status};
use rules::rollout::{self, RolloutStep, Set};

use super::event_recorder::EventRecorder;
use super::informer::{Informer, Key, key, name, namespace};
use super::owner;
use super::queue::Queue;
use super::reconcile::{Reconcile, drive, ignore_refusal};
use crate::registry::Registry;

struct Controller {
    registry: Registry,
    voice: EventRecorder,
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

pub(super) async fn run(registry: Registry, voice: EventRecorder) {
    let (deployments, sets) = (Informer::new(&registry), Informer::new(&registry));
    let controller = Controller {
        registry,
        voice,
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
        self.deployments
            .catch_up(|deployment| queue.add(key(deployment)));
        let deployments = &self.deployments;
        self.sets.catch_up(|set| {
            queue.extend(owner::key_of::<Deployment>(set));
            let all = deployments.within(namespace(set));
            let adopting = all.filter(|it| owner::is_stray(&it.spec.selector, set));
            queue.extend(adopting.map(key));
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
        let Some(scene) = self.scene(key) else { return };
        if scene.deployment.metadata.deletion_timestamp.is_some() {
            self.report(&scene);
            return;
        }
        if self.claim(&scene.deployment) || self.keep_up(&scene) || self.announce(&scene) {
            return;
        }
        let steps = scene
            .rules
            .steps(scene.new_rules.as_ref(), &scene.old_rules);
        for step in &steps {
            self.take(&scene, step);
        }
        if steps.is_empty() && self.report(&scene) {
            self.tidy(&scene);
        }
    }
}

impl Controller {
    fn scene(&self, key: &Key) -> Option<RolloutView> {
        let deployment = self.deployments.get(key)?.clone();
        let own = self
            .sets
            .within(&key.0)
            .filter(|set| owner::controls(&deployment, *set));
        let (new, old) = template::divide(&deployment, own.cloned().collect());
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
    fn keep_up(&self, scene: &RolloutView) -> bool {
        let (Some(new), deployment) = (&scene.new, &scene.deployment) else {
            return false;
        };
        let revision = revision::next(new, &scene.old);
        let wait = deployment.spec.min_ready_seconds;
        let set_behind = revision::of(new) != Some(revision)
            || new.spec.min_ready_seconds != wait
            || !template::has_annotations(new, deployment);
        if set_behind {
            let change = |set: &mut ReplicaSet| {
                template::annotate(&mut set.metadata, deployment);
                revision::renew(&mut set.metadata, revision);
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
    fn announce(&self, scene: &RolloutView) -> bool {
        let Some(notice) = scene.notice() else {
            return false;
        };
        self.notice(scene, notice, scene.new.as_ref());
        true
    }

    fn take(&mut self, scene: &RolloutView, step: &RolloutStep) {
        match step {
            RolloutStep::Create(size) => self.create(scene, *size),
            RolloutStep::Scale(name, size) => self.scale(scene, name, *size),
        }
    }

    fn create(&mut self, scene: &RolloutView, size: u32) {
        let revision = revision::after(&scene.old);
        let set = template::new_set(&scene.deployment, &scene.rules, size, revision);
        match self.registry.create(&set) {
            Ok(set) => {
                self.say_scaled(scene, name(&set), 0, size);
                self.notice(scene, Notice::Created, Some(&set));
            }
            // The name belongs to another ReplicaSet: a higher collision count changes the next
            // hash.
            Err(refusal) if refusal.reason == "AlreadyExists" => self.count_collision(scene),
            Err(refusal) => {
                let message = format!(
                    "Failed to create new replica set \"{}\": {refusal}",
                    name(&set)
                );
                self.voice
                    .warn(&scene.deployment, "ReplicaSetCreateError", &message);
            }
        }
    }

    fn scale(&mut self, scene: &RolloutView, set: &str, size: u32) {
        let mut before = size;
        let remembered = scene.rules.size();
        let change = |set: &mut ReplicaSet| {
            before = convert::number(set.spec.replicas);
            set.spec.replicas = Some(convert::wire(size));
            template::remember(&mut set.metadata, remembered);
        };
        let written = self
            .registry
            .edit(namespace(&scene.deployment), set, change);
        if written.is_ok() && before != size {
            self.say_scaled(scene, set, before, size);
        }
    }

    fn say_scaled(&mut self, scene: &RolloutView, set: &str, before: u32, size: u32) {
        let way = if size > before { "up" } else { "down" };
        let message = format!("Scaled {way} replica set {set} from {before} to {size}");
        self.voice
            .say(&scene.deployment, "ScalingReplicaSet", &message);
    }

    fn notice(&self, scene: &RolloutView, notice: Notice, set: Option<&ReplicaSet>) {
        if scene.rules.deadline.is_none() {
            return;
        }
        let clock = self.registry.clock();
        let mut status = scene.status.clone();
        let set = set.map(name).unwrap_or_default();
        let condition = notice.condition(set, status.progressing.as_ref(), clock.now());
        status.progressing = Some(condition);
        let change = |it: &mut Deployment| convert::publish_conditions(&status, clock, it);
        ignore_refusal(self.registry.edit_status(
            namespace(&scene.deployment),
            name(&scene.deployment),
            change,
        ));
    }

    fn count_collision(&self, scene: &RolloutView) {
        let change = |deployment: &mut Deployment| {
            *deployment
                .status
                .get_or_insert_default()
                .collision_count
                .get_or_insert(0) += 1;
        };
        ignore_refusal(self.registry.edit_status(
            namespace(&scene.deployment),
            name(&scene.deployment),
            change,
        ));
    }

    /// Publishes counts and conditions. Returns whether the rollout is complete.
    fn report(&mut self, scene: &RolloutView) -> bool {
        let (deployment, clock) = (&scene.deployment, self.registry.clock());
        let (new, old) = (scene.new_rules.as_ref(), &scene.old_rules);
        let status = scene.rules.status(new, old, &scene.status, clock.now());
        let change = |it: &mut Deployment| {
            convert::publish(&status, it);
            convert::publish_conditions(&status, clock, it);
            it.status.get_or_insert_default().observed_generation = deployment.metadata.generation;
        };
        ignore_refusal(
            self.registry
                .edit_status(namespace(deployment), name(deployment), change),
        );
        let again = scene.rules.check_again(&status, clock.now());
        self.queue.add_at(key(deployment), again);
        scene.rules.is_complete(&status)
    }

    /// Deletes the oldest ReplicaSets beyond `revisionHistoryLimit`.
    fn tidy(&self, scene: &RolloutView) {
        let kept = convert::number(scene.deployment.spec.revision_history_limit);
        for set in revision::forgotten(&scene.old, kept) {
            ignore_refusal(
                self.registry
                    .delete::<ReplicaSet>(namespace(set), name(set), None),
            );
        }
    }
}

impl RolloutView {
    /// The notice that the condition `Progressing` lacks, if any.
    fn notice(&self) -> Option<Notice> {
        self.rules.deadline?;
        let said = self
            .status
            .progressing
            .as_ref()
            .map(|condition| condition.reason.as_str());
        match (self.rules.paused, said) {
            (true, Some("DeploymentPaused")) => None,
            (true, _) => Some(Notice::Paused),
            (false, Some("DeploymentPaused")) => Some(Notice::Resumed),
            (false, None) if self.new.is_some() => Some(Notice::Found),
            (false, _) => None,
        }
    }
}
