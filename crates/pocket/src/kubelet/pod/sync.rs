//! One sync of a running Pod: its status, probes and sandbox, and which containers end and start.
//!
//! Rule: `pkg/kubelet/kubelet.go`, `SyncPod`, and `pkg/kubelet/kuberuntime/kuberuntime_manager.go`,
//! `SyncPod`.

use std::time::Duration;

use rules::Moment;
use rules::container::{Role, StartRefusal, kill_grace};
use rules::event_text;
use rules::probe::ProbeKind;
use rules::restart::{Found, Kill, KillCause, SyncPlan, plan};
use tokio::sync::watch;

use super::super::history::History;
use super::super::node::jittered;
use super::super::spec;
use super::super::status::generate::Stage;
use super::{PodLife, Synced};
use crate::clock::seconds;
use crate::events::Severity;

/// Time to create a Pod's sandbox. A node takes some 0.2 s; here the delay only puts the sandbox
/// before its containers.
const SANDBOX: Duration = Duration::from_millis(5);
/// Time to the next sync of a healthy Pod, and of one with an error; both get random jitter.
const RESYNC: Duration = Duration::from_mins(1);
const RETRY: Duration = Duration::from_secs(10);

/// The result of the starts in one sync.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// A container was started or ended.
    pub(super) changed: bool,
    /// The shortest wait after which a refused start may be retried.
    pub(super) retry: Option<Duration>,
}

impl Tally {
    pub(super) fn retry_in(&mut self, wait: Duration) {
        self.retry = Some(self.retry.map_or(wait, |retry| retry.min(wait)));
    }
}

impl PodLife {
    pub(super) async fn sync(&mut self) -> Synced {
        let now = self.node.clock.now();
        let seen = self.runtime.seen_at(self.agenda.looked(now));
        let status = self.status(Stage::Syncing, &seen);
        let ended = status.phase.is_terminal();
        self.publish(status);
        if ended {
            return Synced::Ended;
        }
        if let Some(why) = &self.unsupported {
            let why = why.to_string();
            return self.refuse_all(&why, &seen);
        }
        let dying = self.is_dying();
        self.probing
            .set_up(&self.spec, dying, &mut self.random, &mut self.probers);
        if self.ip.is_none() {
            self.make_sandbox(&seen).await;
        }
        let plan = self.plan(&seen);
        let tally = self.carry_out(plan, &seen).await;
        let wait = tally.retry.map_or(RESYNC, |retry| retry.min(RESYNC));
        Synced::Alive {
            changed: tally.changed,
            wait: jittered(wait, &mut self.random),
        }
    }

    async fn carry_out(&mut self, plan: SyncPlan, seen: &[History]) -> Tally {
        let mut tally = Tally::default();
        match plan {
            SyncPlan::Pod => {
                self.stop_all().await;
                tally.changed = true;
            }
            SyncPlan::Containers { kill, start } => {
                tally.changed = !kill.is_empty();
                self.kill(kill).await;
                for place in start {
                    self.start(place, &seen[place], &mut tally).await;
                }
            }
        }
        tally
    }

    /// Reports on every container of an unsupported Pod a `CreateContainerConfigError`, as for an
    /// invalid configuration.
    fn refuse_all(&mut self, why: &str, seen: &[History]) -> Synced {
        let containers = self.order.pod.spec.iter().flat_map(spec::containers);
        let names: Vec<String> = containers.map(|(_, it)| it.name.clone()).collect();
        for name in names {
            self.refuse(&name, "CreateContainerConfigError", why);
        }
        let status = self.status(Stage::Syncing, seen);
        self.publish(status);
        Synced::Alive {
            changed: false,
            wait: jittered(RETRY, &mut self.random),
        }
    }

    /// Remembers why a container was not started, and records an event.
    pub(super) fn refuse(&mut self, container: &str, reason: &str, why: &str) {
        let refusal = StartRefusal {
            reason: reason.to_owned(),
            message: Some(why.to_owned()),
        };
        self.refusals.insert(container.to_owned(), refusal);
        self.say(
            container,
            Severity::Warning,
            "Failed",
            &format!("Error: {why}"),
        );
    }

    async fn make_sandbox(&mut self, seen: &[History]) {
        let clock = &self.node.clock;
        clock.until(clock.now() + SANDBOX).await;
        self.ip = self.node.addresses().take();
        let status = self.status(Stage::Syncing, seen);
        self.publish(status);
    }

    fn plan(&self, seen: &[History]) -> SyncPlan {
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
        plan(self.spec.policy, &found)
    }

    /// Ends containers one after the other, in random order: Kubernetes does not promise any.
    async fn kill(&mut self, mut kills: Vec<Kill>) {
        self.random.shuffle(&mut kills);
        for kill in kills {
            let rules = &self.spec.containers[kill.index].rules;
            let probe = match kill.cause {
                KillCause::Changed => None,
                KillCause::Probe(failed) => rules.probe(failed),
            };
            let grace = kill_grace(
                None,
                probe.and_then(|probe| probe.grace),
                Some(self.spec.grace),
            );
            let message = event_text::killing(rules.role, &rules.name, kill.cause, kill.restart);
            self.say(&rules.name, Severity::Normal, "Killing", &message);
            self.runtime.stop(kill.index, grace).await;
        }
    }

    /// Ends all containers of a Pod in which none would be left running.
    async fn stop_all(&self) {
        let (_keep, deadline) = watch::channel(self.last_moment());
        self.say_stopping();
        self.runtime.stop_all(&self.roles(), &deadline).await;
    }

    /// The containers' roles, in the order of `PodSpec::containers`.
    pub(super) fn roles(&self) -> Vec<Role> {
        let containers = self.spec.containers.iter();
        containers.map(|container| container.rules.role).collect()
    }

    /// The deadline for containers that are sent SIGTERM now. Each one gets its minimum grace even
    /// past it.
    pub(super) fn last_moment(&self) -> Moment {
        let deletion = self.order.pod.metadata.deletion_grace_period_seconds;
        let grace = kill_grace(deletion.map(seconds), None, Some(self.spec.grace));
        self.node.clock.now() + grace
    }

    pub(super) fn say_stopping(&self) {
        let now = self.node.clock.now();
        let running = self.spec.containers.iter().zip(self.runtime.seen_at(now));
        for (container, history) in running {
            if history.newest.is_some_and(|newest| newest.is_running()) {
                let name = &container.rules.name;
                self.say(
                    name,
                    Severity::Normal,
                    "Killing",
                    &event_text::stopping(name),
                );
            }
        }
    }
}
