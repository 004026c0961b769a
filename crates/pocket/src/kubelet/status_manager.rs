//! The status manager: keeps the status of every Pod of the node and writes changes to the API.
//!
//! A sync sets a whole status; a readiness or startup probe changes one container's. One task
//! sends: it takes the changed statuses, waits a moment, writes them and looks again. A change that
//! is undone in between may never reach the API.
//!
//! Rule: `pkg/kubelet/status/status_manager.go`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use rules::container::ContainerId;
use rules::probe::View;
use tokio::sync::Notify;

use super::status::Status;
use crate::clock::Clock;
use crate::kinds::{name, namespace, uid};
use crate::latencies::{Chance, Work};
use crate::registry::Registry;

/// Interval at which all statuses are sent again, in case another client changed the API's copy.
const RESEND: Duration = Duration::from_secs(10);

/// The statuses, and the wake-up of the task that sends them.
#[derive(Debug)]
pub(super) struct StatusManager {
    clock: Clock,
    pods: Mutex<BTreeMap<Uid, Entry>>,
    changed: Notify,
}

/// A Pod's `metadata.uid`.
pub(super) type Uid = String;

#[derive(Clone, Debug)]
struct Entry {
    namespace: String,
    name: String,
    status: Status,
    /// The status has changes that the sender has not taken.
    changed_since_sent: bool,
    /// All containers have stopped for good: the API may show a terminal phase.
    stopped: bool,
    /// A relist has confirmed it: once deleted, the Pod may be removed from the API.
    ended: bool,
}

impl StatusManager {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            pods: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// A Pod's status, if it has one yet.
    pub(super) fn get(&self, uid: &str) -> Option<Status> {
        self.pods().get(uid).map(|entry| entry.status.clone())
    }

    /// A container's state as its probes use it.
    pub(super) fn view(&self, uid: &str, container: &str) -> View {
        let pods = self.pods();
        let entry = pods.get(uid);
        entry.map_or_else(View::default, |entry| entry.status.view(container))
    }

    /// Replaces a Pod's status with the one a sync computed.
    pub(super) fn set(&self, pod: &Pod, status: Status) {
        let mut pods = self.pods();
        let entry = pods.entry(uid(pod).to_owned()).or_insert_with(|| Entry {
            namespace: namespace(pod).to_owned(),
            name: name(pod).to_owned(),
            status: status.clone(),
            changed_since_sent: true,
            stopped: false,
            ended: false,
        });
        entry.changed_since_sent |= entry.status != status;
        entry.status = status;
        self.changed.notify_one();
    }

    /// Sets `ready` of one container instance, from its readiness probe.
    pub(super) fn set_ready(&self, uid: &str, id: &ContainerId, ready: bool) {
        self.patch(uid, id, |container| container.ready = ready);
    }

    /// Sets `started` of one container instance, from its startup probe.
    pub(super) fn set_started(&self, uid: &str, id: &ContainerId, started: bool) {
        self.patch(uid, id, |container| container.started = started);
    }

    /// Records that all of the Pod's containers have stopped for good.
    pub(super) fn stop(&self, uid: &str) {
        self.advance(uid, |entry| entry.stopped = true);
    }

    /// Records that a relist has found nothing of the Pod any more.
    pub(super) fn finish(&self, uid: &str) {
        self.advance(uid, |entry| entry.ended = true);
    }

    fn advance(&self, uid: &str, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.pods().get_mut(uid) {
            change(entry);
            entry.changed_since_sent = true;
        }
        self.changed.notify_one();
    }

    /// Drops a Pod that is gone from the API.
    pub(super) fn forget(&self, uid: &str) {
        self.pods().remove(uid);
    }

    /// Writes changed statuses to the API, forever.
    pub(super) async fn send(&self, registry: &Registry, mut chance: Chance) {
        let mut resend = tokio::time::interval(RESEND);
        resend.tick().await;
        loop {
            let all = tokio::select! {
                biased;
                () = self.changed.notified() => false,
                _ = resend.tick() => true,
            };
            // A change that is undone before the batch is taken is never seen by a client.
            chance.spend(Work::Collect).await;
            let mut waited = false;
            for (uid, entry) in self.take(all) {
                // Without latencies a batch takes as long however many Pods it covers. A status
                // without changes is compared, not written.
                if entry.changed_since_sent && (!waited || chance.varies()) {
                    chance.spend(Work::Status).await;
                    waited = true;
                }
                self.write(registry, &uid, &entry);
            }
        }
    }

    /// Changes one container of a status, if its instance is still `id`.
    fn patch(
        &self,
        uid: &str,
        id: &ContainerId,
        change: impl FnOnce(&mut super::status::ContainerStatus),
    ) {
        let mut pods = self.pods();
        let Some(entry) = pods.get_mut(uid) else {
            return;
        };
        let before = entry.status.clone();
        let mut containers = entry.status.containers.iter_mut();
        // A verdict about an instance that was replaced must not change its successor.
        let Some(container) = containers.find(|it| it.id.as_ref() == Some(id)) else {
            return;
        };
        change(container);
        entry.status.date(Some(&before), self.clock.now());
        if entry.status != before {
            entry.changed_since_sent = true;
            self.changed.notify_one();
        }
    }

    fn take(&self, all: bool) -> Vec<(Uid, Entry)> {
        let mut pods = self.pods();
        let changed = pods
            .iter_mut()
            .filter(|(_, entry)| all || entry.changed_since_sent);
        // Unmarked before the write: a change that arrives meanwhile goes into the next batch.
        let take = |(uid, entry): (&Uid, &mut Entry)| {
            let taken = (uid.clone(), entry.clone());
            entry.changed_since_sent = false;
            taken
        };
        changed.map(take).collect()
    }

    /// Writes one status, unless another Pod has taken the name. Removes a deleted Pod whose
    /// containers have ended.
    fn write(&self, registry: &Registry, uid: &str, entry: &Entry) {
        let (namespace, name) = (&entry.namespace, &entry.name);
        let node = registry.subnets().node();
        let written = registry.edit_status::<Pod>(namespace, name, |pod| {
            if pod.metadata.uid.as_deref() == Some(uid) {
                let status = pod.status.get_or_insert_default();
                entry.status.write(status, entry.stopped, &self.clock, node);
            }
        });
        let Ok(pod) = written else { return };
        let deleted = pod.metadata.deletion_timestamp.is_some();
        if entry.ended && deleted && pod.metadata.uid.as_deref() == Some(uid) {
            // An error means that the Pod is already deleted, which is the aim.
            drop(registry.delete::<Pod>(namespace, name, Some(0)));
        }
    }

    fn pods(&self) -> MutexGuard<'_, BTreeMap<Uid, Entry>> {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
