//! The task of one Pod on the node: syncs the Pod until it ends, then terminates it.
//!
//! The task is sequential, as on a node: a slow step, above all the grace period of a container
//! being killed, delays everything else of the Pod. [`super::sync_queue`] decides when the next
//! sync is due, [`sync`] performs it.
//!
//! Rule: `pkg/kubelet/pod_workers.go`.

mod start;
mod stop;
mod sync;
mod terminate;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use rules::Moment;
use rules::back_off::BackOff;
use rules::container::{Instance, Role, StartRefusal};
use rules::probe::ProbeKind;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::container_history::History;
use super::node::Node;
use super::prober::Probing;
use super::pull::Pull;
use super::runtime::Runtime;
use super::spec::{self, PodSpec, Unsupported};
use super::status::Status;
use super::status::generate::{Facts, Probed, Stage, gates};
use super::sync_queue::SyncQueue;
use crate::events::{Recorder, Severity};
use crate::image::Image;
use crate::image::files::{Directory, Files};
use crate::kinds::uid;
use crate::latencies::{Chance, Work};
use crate::tasks::Tasks;

/// The Pod as last read from the API.
#[derive(Clone, Debug)]
pub(super) struct PodUpdate {
    pub(super) pod: Arc<Pod>,
    /// The Pod is deleted from the API; its running containers must end.
    pub(super) deleted: bool,
}

/// The state of one Pod that outlives a single sync.
pub(super) struct PodWorker {
    node: Arc<Node>,
    uid: String,
    updates: watch::Receiver<PodUpdate>,
    update: PodUpdate,
    spec: PodSpec,
    /// Set if pocket cannot run the Pod; `spec` is empty then.
    unsupported: Option<Unsupported>,
    random: fastrand::Rng,
    chance: Chance,
    sync_queue: SyncQueue,
    since: Moment,
    ip: Option<IpAddr>,
    /// `ip` as of the last sync's relist. The API shows it only then.
    seen_ip: Option<IpAddr>,
    /// The Pod's `emptyDir` volumes, by name.
    directories: BTreeMap<String, Directory>,
    runtime: Runtime,
    /// One entry per container.
    attempts: Vec<Attempts>,
    /// The reason why a container's last start was refused, by container name.
    refusals: BTreeMap<String, StartRefusal>,
    events: Arc<Recorder>,
    probing: Arc<Probing>,
    probers: JoinSet<()>,
    /// Running preStop hooks.
    hooks: Tasks,
}

/// Back-off state of one container's starts and image pulls.
#[derive(Clone, Debug, Default)]
struct Attempts {
    back_off: BackOff,
    pull: Pull,
}

/// The result of a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Synced {
    /// The Pod goes on.
    Alive {
        /// The sync started or ended containers.
        changed: bool,
        /// Time to the next sync if nothing happens before.
        wait: Duration,
    },
    /// All containers have ended for good.
    Ended,
}

impl PodWorker {
    pub(super) fn new(
        node: Arc<Node>,
        mut updates: watch::Receiver<PodUpdate>,
        mut random: fastrand::Rng,
        chance: Chance,
    ) -> Self {
        let update = updates.borrow_and_update().clone();
        let pod = &update.pod;
        let (spec, unsupported) = parse(pod);
        let containers = pod.spec.iter().flat_map(spec::containers).count();
        let uid = uid(&**pod).to_owned();
        let recorder = Recorder::new(node.registry.clone(), "kubelet", &**pod, random.fork());
        let events = Arc::new(recorder.at(crate::kinds::node::NAME));
        let probing = Probing::new(Arc::clone(&node), uid.clone(), Arc::clone(&events));
        let now = node.clock.now();
        Self {
            sync_queue: SyncQueue::new(node.relists, now),
            since: now,
            ip: None,
            seen_ip: None,
            directories: BTreeMap::new(),
            runtime: Runtime::new(node.clock.clone(), node.logs.clone(), containers),
            attempts: vec![Attempts::default(); containers],
            refusals: BTreeMap::new(),
            probing: Arc::new(probing),
            probers: JoinSet::new(),
            hooks: Tasks::default(),
            node,
            uid,
            updates,
            update,
            spec,
            unsupported,
            random,
            chance,
            events,
        }
    }

    /// Runs the Pod from its binding to its removal from the API.
    pub(super) async fn run(mut self) {
        loop {
            self.wait().await;
            // Also before the first sync: a Pod deleted that early starts nothing.
            if self.is_terminating() {
                break;
            }
            self.sync_queue.begin(self.node.clock.now());
            // Boxed: a worker waits most of the time, and a sync is most of its size.
            match Box::pin(self.sync()).await {
                Synced::Alive { changed, wait } => {
                    let relist = changed.then(|| self.chance.time(Work::Relist));
                    self.sync_queue.end(self.node.clock.now(), relist, wait);
                }
                Synced::Ended => {
                    self.await_relist().await;
                    break;
                }
            }
        }
        Box::pin(self.terminate()).await;
        Box::pin(self.finish()).await;
        self.node.running.remove(&self.uid);
        // A Pod that ended by itself stays in the API until it is deleted.
        drop(self.updates.wait_for(|update| update.deleted).await);
        self.node.statuses.forget(&self.uid);
    }

    /// Waits for a reason to sync, and then until the runtime's state is fresh enough.
    async fn wait(&mut self) {
        loop {
            tokio::select! {
                biased;
                Ok(()) = self.updates.changed() => if self.receive() { break },
                () = self.probing.changes() => break,
                ended = self.runtime.ended() => self.sync_queue.container_ended(ended),
                () = self.node.clock.until(self.sync_queue.due()) => break,
            }
        }
        let sync = self.node.clock.now() + self.chance.time(Work::Sync);
        let earliest = self.sync_queue.earliest().max(sync);
        self.node.clock.until(earliest).await;
        // An update that came while waiting belongs to this sync.
        self.receive();
    }

    /// Waits for one more relist of the runtime, before a Pod that ended by itself is terminated,
    /// and before a terminated one is finished.
    ///
    /// Rule: `pkg/kubelet/pod_workers.go`, the wait for fresh runtime state between the syncs of a
    /// Pod.
    async fn await_relist(&mut self) {
        self.sync_queue
            .end(self.node.clock.now(), None, Duration::ZERO);
        self.node.clock.until(self.sync_queue.earliest()).await;
        self.receive();
    }

    /// Takes the newest update. Returns whether it changes more than the status that the kubelet
    /// itself writes.
    fn receive(&mut self) -> bool {
        let update = self.updates.borrow_and_update().clone();
        let before = std::mem::replace(&mut self.update, update);
        let (old, new) = (&before.pod.metadata, &self.update.pod.metadata);
        // The kubelet's own status writes come back as updates. They must not start a sync: each
        // sync would cause the next.
        //
        // Rule: `pkg/kubelet/config/config.go`, `podsDifferSemantically`.
        let is_relevant = self.update.deleted != before.deleted
            || old.generation != new.generation
            || old.deletion_timestamp != new.deletion_timestamp
            || old.deletion_grace_period_seconds != new.deletion_grace_period_seconds
            || old.labels != new.labels
            || old.annotations != new.annotations
            || gates(&before.pod) != gates(&self.update.pod) && self.gates_change_readiness();
        if old.generation != new.generation {
            self.parse_changed();
        }
        is_relevant
    }

    /// Whether the current readiness gates change the status's `Ready` condition.
    ///
    /// Rule: `pkg/kubelet/status/status_manager.go`, `NeedToReconcilePodReadiness`.
    fn gates_change_readiness(&self) -> bool {
        let Some(before) = self.node.statuses.get(&self.uid) else {
            return false;
        };
        let mut after = before.clone();
        after.gates = gates(&self.update.pod);
        after.date(Some(&before), self.node.clock.now());
        after.ready() != before.ready()
    }

    /// Parses a changed specification. A container whose image changed starts without back-off.
    fn parse_changed(&mut self) {
        let (spec, unsupported) = parse(&self.update.pod);
        let images = self.spec.containers.iter().zip(&spec.containers);
        for ((before, after), attempts) in images.zip(&mut self.attempts) {
            if before.rules.image != after.rules.image {
                *attempts = Attempts::default();
            }
        }
        (self.spec, self.unsupported) = (spec, unsupported);
    }

    fn is_terminating(&self) -> bool {
        self.update.deleted || self.update.pod.metadata.deletion_timestamp.is_some()
    }

    /// The Pod's status as computed from `histories`. Triggers the readiness probe of each started
    /// container that is not ready.
    ///
    /// Rule: `pkg/kubelet/prober/prober_manager.go`, `UpdatePodStatus`.
    fn status(&self, stage: Stage, histories: &[History]) -> Status {
        let before = self.node.statuses.get(&self.uid);
        let facts = Facts {
            pod: &self.update.pod,
            stage,
            since: self.since,
            ip: self.seen_ip,
            has_sandbox: self.ip.is_some(),
            histories,
            refusals: &self.refusals,
            before: before.as_ref(),
        };
        let status = facts.status(self.node.clock.now(), |name, instance| {
            self.probed(name, instance)
        });
        // Every sync does it, so as long as a container is not ready, each change in its Pod gives
        // it an additional attempt: kubernetes#118815.
        let unready = status
            .containers
            .iter()
            .filter(|it| it.started && !it.ready);
        unready.for_each(|container| self.probing.trigger(&container.name));
        status
    }

    fn probed(&self, name: &str, instance: &Instance) -> Probed {
        let probing = &self.probing;
        Probed {
            startup: probing.verdict(ProbeKind::Startup, &instance.id),
            readiness: probing.verdict(ProbeKind::Readiness, &instance.id),
            startup_worker: probing.exists(name, ProbeKind::Startup),
            readiness_worker: probing.exists(name, ProbeKind::Readiness),
        }
    }

    /// The files of a container that starts: its image's, and over them the Pod's volumes, where it
    /// mounts them, and the file of its termination message.
    fn files(&mut self, container: &spec::Container, image: &Image) -> Files {
        let mut files = image.files(container.read_only_root);
        for mount in &container.mounts {
            let directory = self.directories.entry(mount.name.clone()).or_default();
            let below = mount.sub_path.as_deref().unwrap_or_default();
            let read_only = mount.read_only == Some(true);
            files.mount(&mount.mount_path, directory, below, read_only);
        }
        files.mount_file(&container.termination_message.path);
        if let Some(directory) = &container.working_directory {
            files.enter(directory);
        }
        files
    }

    fn publish(&self, status: Status) {
        self.node.statuses.set(&self.update.pod, status);
    }

    /// Records an event about a container.
    fn record(&self, container: &str, severity: Severity, reason: &str, message: &str) {
        let mut all = self.update.pod.spec.iter().flat_map(spec::containers);
        let role = all.find(|(_, it)| it.name == container);
        let part = spec::part(role.map_or(Role::Main, |(role, _)| role), container);
        self.events.record_part(&part, severity, reason, message);
    }
}

fn parse(pod: &Pod) -> (PodSpec, Option<Unsupported>) {
    let spec = pod.spec.clone().unwrap_or_default();
    match PodSpec::parse(&spec) {
        Ok(spec) => (spec, None),
        Err(why) => (PodSpec::default(), Some(why)),
    }
}
