//! The StatefulSet controller: creates, deletes and replaces Pods with stable names, in order.
//!
//! [`rules::stateful_set`] decides. The controller relies on published Pod status alone.

mod convert;

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet};
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use rules::stateful_set::{self, Action, Member, Template, sync};

use super::event_recorder::EventRecorder;
use super::history::{self, Templated};
use super::informer::{Informer, Key, key};
use super::owner;
use super::queue::Queue;
use super::reconcile::{Reconcile, drive, ignore_refusal};
use crate::api_status::ApiError;
use crate::kinds::{name, namespace};
use crate::registry::Registry;

/// Wait after a write was refused.
const RETRY: Duration = Duration::from_secs(5);

struct Controller {
    registry: Registry,
    events: EventRecorder,
    sets: Informer<StatefulSet>,
    pods: Informer<Pod>,
    revisions: Informer<ControllerRevision>,
    queue: Queue,
}

pub(super) async fn run(registry: Registry, events: EventRecorder) {
    let controller = Controller {
        sets: Informer::new(&registry),
        pods: Informer::new(&registry),
        revisions: Informer::new(&registry),
        registry,
        events,
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
        self.sets.catch_up(|set| queue.add(key(set)));
        let sets = &self.sets;
        self.pods
            .catch_up(|pod| queue.extend(owner::concerned(pod, sets, |set| &set.spec.selector)));
        // Nothing follows from a change of a ControllerRevision.
        self.revisions.catch_up(|_| {});
    }

    async fn wait(&mut self) {
        tokio::select! {
            biased;
            () = self.sets.changed() => {}
            () = self.pods.changed() => {}
            () = self.revisions.changed() => {}
            () = self.queue.due(self.registry.clock()) => {}
        }
    }

    fn sync(&mut self, key: &Key) {
        let Some(set) = self.sets.get(key).cloned() else {
            return;
        };
        if set.metadata.deletion_timestamp.is_none() && self.claim(&set) {
            return;
        }
        match self.look(&set) {
            Ok(view) => self.act(&view),
            Err(refusal) => {
                tracing::debug!(error = %refusal, "ControllerRevision refused; tried again later");
                self.retry_later(&set);
            }
        }
    }
}

/// A set and all that belongs to it.
struct View<'a> {
    set: &'a StatefulSet,
    rules: stateful_set::StatefulSet,
    /// In ascending order of `revision`; the last one holds the present template.
    revisions: Vec<ControllerRevision>,
    /// The names of the ControllerRevisions that the set or one of its Pods needs.
    in_use: BTreeSet<String>,
    members: Vec<Member>,
}

impl Controller {
    fn claim(&self, set: &StatefulSet) -> bool {
        let revisions = self.revisions.within(namespace(set));
        let selector = &set.spec.selector;
        if owner::claim(&self.registry, set, selector, revisions) {
            return true;
        }
        let pods = self.pods.within(namespace(set));
        let named = pods.filter(|pod| convert::ordinal(pod, set).is_some());
        owner::claim(&self.registry, set, selector, named)
    }

    fn look<'a>(&self, set: &'a StatefulSet) -> Result<View<'a>, ApiError> {
        let mut revisions = history::of(set, self.revisions.within(namespace(set)));
        // The garbage collector may have deleted those of a set that is being deleted.
        if set.metadata.deletion_timestamp.is_none() {
            let workload = Templated {
                owner: set,
                template: &set.spec.template,
                hash_label: history::HASH,
            };
            history::update(&self.registry, &workload, &mut revisions)?;
        }
        let status = set.status.clone().unwrap_or_default();
        let update = revisions.last().map(|newest| name(newest).to_owned());
        let update = update.or(status.update_revision).unwrap_or_default();
        let exists = |current: &String| revisions.iter().any(|it| name(it) == current);
        let current = status.current_revision.filter(exists);
        let current = current.unwrap_or_else(|| update.clone());
        let rules = convert::rules(set, &current, &update);
        let mut in_use = BTreeSet::from([current, update]);
        let pods = self.pods.within(namespace(set));
        let mut members = Vec::new();
        for pod in pods.filter(|pod| owner::controls(set, *pod)) {
            in_use.extend(history::revision_label(pod).map(str::to_owned));
            members.extend(convert::member(pod, set, self.registry.clock()));
        }
        Ok(View {
            set,
            rules,
            revisions,
            in_use,
            members,
        })
    }

    fn act(&mut self, view: &View<'_>) {
        let set = view.set;
        let sync = sync(&view.rules, &view.members, self.registry.clock().now());
        let refused = sync
            .actions
            .iter()
            .any(|action| !self.execute(view, *action));
        let change = |set: &mut StatefulSet| convert::publish(&sync.status, &view.rules, set);
        ignore_refusal(self.registry.edit_status(namespace(set), name(set), change));
        self.truncate(view);
        // A Pod becomes available by the passing of time alone.
        self.queue.add_at(key(set), sync.next);
        if refused {
            self.retry_later(set);
        }
    }

    /// Returns whether the API accepted the action. The first one that it refuses is the last.
    fn execute(&mut self, view: &View<'_>, action: Action) -> bool {
        let set = view.set;
        let (verb, ordinal) = match action {
            Action::Create(ordinal, _) => ("Create", ordinal),
            Action::Delete(ordinal) | Action::Replace(ordinal) => ("Delete", ordinal),
        };
        let pod = convert::pod_name(set, ordinal);
        let written = match action {
            Action::Create(_, which) => self.create(view, ordinal, which),
            _ => self.registry.delete::<Pod>(namespace(set), &pod, None),
        };
        let about = format!("{verb} Pod {pod} in StatefulSet {}", name(set));
        match &written {
            Ok(()) => {
                let (reason, message) =
                    (format!("Successful{verb}"), format!("{about} successful"));
                self.events.record(set, &reason, &message);
            }
            Err(refusal) => {
                let message = format!("{about} failed error: {refusal}");
                self.events.warn(set, &format!("Failed{verb}"), &message);
            }
        }
        written.is_ok()
    }

    fn create(&self, view: &View<'_>, ordinal: u32, which: Template) -> Result<(), ApiError> {
        let revision = match which {
            Template::Current => &view.rules.current,
            Template::Update => &view.rules.update,
        };
        let template = view.template(revision);
        let pod = convert::pod(view.set, ordinal, template, revision);
        self.registry.create(&pod).map(drop)
    }

    /// Deletes ControllerRevisions that nothing needs, beyond the number to keep.
    fn truncate(&self, view: &View<'_>) {
        let limit = history::limit(view.set.spec.revision_history_limit);
        let in_use = |revision: &str| view.in_use.contains(revision);
        history::truncate(&self.registry, &view.revisions, in_use, limit);
    }

    fn retry_later(&mut self, set: &StatefulSet) {
        let retry = self.registry.clock().now() + RETRY;
        self.queue.add_at(key(set), Some(retry));
    }
}

impl View<'_> {
    fn template(&self, revision: &str) -> PodTemplateSpec {
        let mut revisions = self.revisions.iter();
        let found = revisions.find(|found| name(*found) == revision);
        found.map(history::template).unwrap_or_default()
    }
}
