//! The statuses of all Pods of the node: written by many, sent to the API by one.
//!
//! Three kinds of writers: a sync sets a whole status, a readiness probe and a startup probe change one container's. The
//! sender takes what has changed, needs a moment, writes it, and looks again; so a change undone meanwhile never shows.
//!
//! Rule: `pkg/kubelet/status/status_manager.go`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use rules::container::{ContainerId, RestartPolicy};
use rules::probe::View;
use tokio::sync::Notify;

use super::status::Status;
use crate::clock::Clock;
use crate::registry::Registry;

/// A round of writes, however many Pods it is about. A node needs 5 to 50 ms a Pod.
const WRITE: Duration = Duration::from_millis(2);
/// Everything is sent again, should the API's copy have been changed by somebody.
const RESEND: Duration = Duration::from_secs(10);

/// The board, and the bell that wakes its sender.
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
    /// There is news that the sender has not taken.
    fresh: bool,
    /// All containers have stopped for good: a deleted Pod may go.
    over: bool,
}

impl StatusManager {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            pods: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// The status of a Pod, if there is one yet.
    pub(super) fn get(&self, uid: &str) -> Option<Status> {
        self.pods().get(uid).map(|entry| entry.status.clone())
    }

    /// A container as its probes see it.
    pub(super) fn view(&self, uid: &str, container: &str, policy: RestartPolicy) -> View {
        let pods = self.pods();
        let entry = pods.get(uid);
        entry.map_or_else(View::default, |entry| entry.status.view(container, policy))
    }

    /// A sync's whole status.
    pub(super) fn set(&self, pod: &Pod, status: Status) {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let mut pods = self.pods();
        let entry = pods
            .entry(text(&pod.metadata.uid))
            .or_insert_with(|| Entry {
                namespace: text(&pod.metadata.namespace),
                name: text(&pod.metadata.name),
                status: status.clone(),
                fresh: true,
                over: false,
            });
        entry.fresh |= entry.status != status;
        entry.status = status;
        self.changed.notify_one();
    }

    /// The readiness probe of one instance has spoken.
    pub(super) fn set_ready(&self, uid: &str, id: &ContainerId, ready: bool) {
        self.patch(uid, id, |container| container.ready = ready);
    }

    /// Its startup probe has.
    pub(super) fn set_started(&self, uid: &str, id: &ContainerId, started: bool) {
        self.patch(uid, id, |container| container.started = started);
    }

    /// The Pod's containers have stopped for good.
    pub(super) fn finish(&self, uid: &str) {
        if let Some(entry) = self.pods().get_mut(uid) {
            entry.over = true;
            entry.fresh = true;
        }
        self.changed.notify_one();
    }

    /// The Pod is gone from the API.
    pub(super) fn forget(&self, uid: &str) {
        self.pods().remove(uid);
    }

    /// Sends what changes, for ever.
    pub(super) async fn send(&self, registry: &Registry) {
        let mut resend = tokio::time::interval(RESEND);
        resend.tick().await;
        loop {
            let all = tokio::select! {
                biased;
                () = self.changed.notified() => false,
                _ = resend.tick() => true,
            };
            let round = self.take(all);
            if !round.is_empty() {
                tokio::time::sleep(WRITE).await;
            }
            for (uid, entry) in round {
                self.write(registry, &uid, &entry);
            }
        }
    }

    /// Changes one container of a status, if that is still about this instance.
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
        let Some(container) = containers.find(|it| it.id.as_ref() == Some(id)) else {
            return;
        };
        change(container);
        entry.status.date(Some(&before), self.clock.now());
        if entry.status != before {
            entry.fresh = true;
            self.changed.notify_one();
        }
    }

    fn take(&self, all: bool) -> Vec<(Uid, Entry)> {
        let mut pods = self.pods();
        let fresh = pods.iter_mut().filter(|(_, entry)| all || entry.fresh);
        let take = |(uid, entry): (&Uid, &mut Entry)| {
            entry.fresh = false;
            (uid.clone(), entry.clone())
        };
        fresh.map(take).collect()
    }

    /// A Pod that has been replaced under its name is left alone; one that may go is let go.
    fn write(&self, registry: &Registry, uid: &str, entry: &Entry) {
        let (namespace, name) = (&entry.namespace, &entry.name);
        let written = registry.edit_status::<Pod>(namespace, name, |pod| {
            if pod.metadata.uid.as_deref() == Some(uid) {
                let status = pod.status.get_or_insert_default();
                entry.status.write(status, entry.over, &self.clock);
            }
        });
        let Ok(pod) = written else { return };
        let deleted = pod.metadata.deletion_timestamp.is_some();
        if entry.over && deleted && pod.metadata.uid.as_deref() == Some(uid) {
            // Should somebody have removed it first, that is as well.
            drop(registry.delete::<Pod>(namespace, name, Some(0)));
        }
    }

    fn pods(&self) -> MutexGuard<'_, BTreeMap<Uid, Entry>> {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
