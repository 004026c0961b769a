//! One sync of a running Pod: its status, probes and sandbox, and which containers end and start.
//!
//! Rule: `pkg/kubelet/kubelet.go`, `SyncPod`, and `pkg/kubelet/kuberuntime/kuberuntime_manager.go`,
//! `SyncPod`.

use std::time::Duration;

use rules::container::StartRefusal;
use rules::probe::ProbeKind;
use rules::restart::{Found, SyncPlan, plan, removal};

use super::super::container_history::History;
use super::super::host_ports;
use super::super::node::jittered;
use super::super::spec;
use super::super::status::generate::Stage;
use super::{PodWorker, Synced};
use crate::events::Severity;
use crate::latencies::Work;

/// Time to the next sync of a healthy Pod, and of one with an error; both get random jitter.
const RESYNC: Duration = Duration::from_mins(1);
const RETRY: Duration = Duration::from_secs(10);

/// The result of the starts in one sync.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Started {
    /// A container was started or ended.
    pub(super) changed: bool,
    /// A postStart hook has failed. Then no relist on demand follows the sync.
    pub(super) hook_failed: bool,
    /// The shortest wait after which a refused start may be retried.
    pub(super) retry: Option<Duration>,
}

impl Started {
    pub(super) fn retry_in(&mut self, wait: Duration) {
        self.retry = Some(self.retry.map_or(wait, |retry| retry.min(wait)));
    }
}

impl PodWorker {
    pub(super) async fn sync(&mut self) -> Synced {
        let now = self.node.clock.now();
        let seen = self.runtime.seen_at(self.sync_queue.relist_used_at(now));
        self.seen_ip = self.ip;
        let status = self.status(Stage::Syncing, &seen);
        let restarting = status.restarting == Some(true);
        let ended = status.phase.is_terminal();
        if self.chance.happens(1, 16) {
            // `status` has triggered the readiness probe. Its worker may look at the status cache
            // before the new status is in it, and then ignores the trigger: 5 of 100 starts on a
            // node.
            //
            // Rule: `pkg/kubelet/kubelet.go`, `SyncPod`.
            tokio::task::yield_now().await;
        }
        // Published first: the kills and starts below can take minutes, and a client should not
        // have to wait for them.
        self.publish(status);
        if ended {
            return Synced::Ended;
        }
        if let Some(why) = &self.unsupported {
            let why = why.to_string();
            return self.record_unsupported(&why, &seen);
        }
        if self.ip.is_none() {
            self.chance.spend(Work::Mount).await;
        }
        let dying = self.is_terminating();
        // Probers exist before their containers and tick while images are pulled and init
        // containers run: the first attempt has no fixed distance from a container's start.
        self.probing.set_up(
            &self.spec,
            dying,
            &mut self.random,
            &mut self.chance,
            &mut self.probers,
        );
        if self.ip.is_none() {
            self.make_sandbox(&seen).await;
        }
        let plan = self.plan(&seen, restarting);
        let started = self.execute(plan, &seen).await;
        let wait = started.retry.map_or(RESYNC, |retry| retry.min(RESYNC));
        Synced::Alive {
            // Rule: `pkg/kubelet/kubelet.go`, `SyncPod`, `postSync`.
            changed: started.changed && !started.hook_failed,
            wait: jittered(wait, &mut self.random),
        }
    }

    async fn execute(&mut self, plan: SyncPlan, seen: &[History]) -> Started {
        let mut started = Started::default();
        match plan {
            SyncPlan::Pod => {
                self.stop_pod().await;
                started.changed = true;
            }
            SyncPlan::Remove(places) => {
                started.changed = true;
                self.remove(places).await;
            }
            SyncPlan::Containers { kill, start } => {
                started.changed = !kill.is_empty();
                self.kill(kill).await;
                // In the same sync, as far as their back-off permits.
                for place in start {
                    self.start(place, &seen[place], &mut started).await;
                }
            }
        }
        started
    }

    /// Reports on every container of an unsupported Pod a `CreateContainerConfigError`, as for an
    /// invalid configuration.
    fn record_unsupported(&mut self, why: &str, seen: &[History]) -> Synced {
        let containers = self.update.pod.spec.iter().flat_map(spec::containers);
        let names: Vec<String> = containers.map(|(_, it)| it.name.clone()).collect();
        for name in names {
            self.record_refusal(&name, "CreateContainerConfigError", why);
        }
        let status = self.status(Stage::Syncing, seen);
        self.publish(status);
        Synced::Alive {
            changed: false,
            wait: jittered(RETRY, &mut self.random),
        }
    }

    /// Remembers why a container was not started.
    pub(super) fn refuse(&mut self, container: &str, reason: &str, why: String) {
        let refusal = StartRefusal {
            reason: reason.to_owned(),
            message: Some(why),
        };
        self.refusals.insert(container.to_owned(), refusal);
    }

    /// Remembers why a container was not started, and records an event.
    pub(super) fn record_refusal(&mut self, container: &str, reason: &str, why: &str) {
        self.refuse(container, reason, why.to_owned());
        self.record(
            container,
            Severity::Warning,
            "Failed",
            &format!("Error: {why}"),
        );
    }

    async fn make_sandbox(&mut self, seen: &[History]) {
        self.chance.spend(Work::Sandbox).await;
        self.ip = self.node.addresses().take();
        if let Some(ip) = self.ip {
            let node = self.node.registry.subnets().node();
            self.node.network.unsilence(ip);
            host_ports::open(&self.node.network, node, &self.update.pod, ip);
        }
        let status = self.status(Stage::Syncing, seen);
        self.publish(status);
    }

    fn plan(&self, seen: &[History], restarting: bool) -> SyncPlan {
        let containers = self.spec.containers.iter().zip(seen);
        let found: Vec<Found<'_>> = containers
            .map(|(container, history)| {
                let instance = history.newest.as_ref();
                let verdict = |kind| self.probing.verdict(kind, &instance?.id);
                Found {
                    spec: &container.rules,
                    instance,
                    liveness: verdict(ProbeKind::Liveness),
                    startup: verdict(ProbeKind::Startup),
                }
            })
            .collect();
        if restarting {
            return removal(&found);
        }
        plan(&found)
    }
}
