//! Stops containers: the event `Killing`, the preStop hook, SIGTERM and SIGKILL.
//!
//! Rule: `pkg/kubelet/kuberuntime/kuberuntime_container.go`, `killContainer` and
//! `killContainersWithSyncResult`.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use rules::container::{Role, ends_after, grace_after, kill_grace, stop_grace};
use rules::event_text;
use rules::restart::{Kill, KillCause};
use tokio::sync::oneshot;

use super::super::hook::{Hook, HookRun};
use super::super::node::hexadecimal;
use super::super::spec;
use super::PodWorker;
use crate::clock::seconds;
use crate::events::Severity;
use crate::kinds::{name, namespace};
use crate::latencies::Work;

/// A container that is to be stopped, with its preStop hook, if it has one.
struct Stop {
    place: usize,
    pre_stop: Option<HookRun>,
}

impl PodWorker {
    /// Ends containers one after the other, in random order: Kubernetes does not promise any.
    pub(super) async fn kill(&mut self, mut kills: Vec<Kill>) {
        self.random.shuffle(&mut kills);
        for kill in kills {
            let rules = &self.spec.containers[kill.index].rules;
            let probe = match kill.cause {
                // A probe's own grace period applies only to a kill by that probe.
                KillCause::Changed => None,
                KillCause::Probe(failed) => rules.probe(failed),
            };
            let grace = probe.and_then(|probe| probe.grace);
            let message = event_text::killing(rules.role, &rules.name, kill.cause, kill.restart);
            self.stop(kill.index, grace, &message).await;
        }
    }

    /// Ends one container for the reason that `message` gives. `grace` is that of its failed probe.
    pub(super) async fn stop(&mut self, place: usize, grace: Option<Duration>, message: &str) {
        let grace = kill_grace(None, grace, Some(self.spec.grace));
        self.record_killing(place, message);
        let stop = self.prepare_stop(place);
        let left = self.run_pre_stop(stop, grace).await;
        self.runtime.stop(place, stop_grace(left)).await;
        self.chance.spend(Work::Stop).await;
    }

    /// Removes containers so that all of the Pod can be restarted. What runs gets no time for its
    /// preStop hook, and little after SIGTERM.
    ///
    /// Rule: `pkg/kubelet/kuberuntime/kuberuntime_manager.go`, `SyncPod`.
    pub(super) async fn remove(&mut self, places: Vec<usize>) {
        let running = self.runtime.running();
        for place in places {
            if running.contains(&place) {
                self.record_killing(place, "killing");
                self.runtime.stop(place, stop_grace(Duration::ZERO)).await;
                self.chance.spend(Work::Stop).await;
            }
            self.runtime.remove(place);
        }
    }

    /// Ends all containers of a Pod in which none would be left running.
    pub(super) async fn stop_pod(&mut self) {
        let deletion = self.update.pod.metadata.deletion_grace_period_seconds;
        let grace = kill_grace(deletion.map(seconds), None, Some(self.spec.grace));
        self.stop_all(grace).await;
    }

    /// Ends all running containers. Their preStop hooks start together; then they get SIGTERM in
    /// the order of their roles.
    pub(super) async fn stop_all(&mut self, grace: Duration) {
        let places = self.runtime.running();
        for place in &places {
            let message = event_text::stopping(&self.spec.containers[*place].rules.name);
            self.record_killing(*place, &message);
        }
        let stops: Vec<_> = places
            .into_iter()
            .map(|place| self.prepare_stop(place))
            .collect();
        let roles: Vec<Role> = self
            .spec
            .containers
            .iter()
            .map(|it| it.rules.role)
            .collect();
        let (worker, roles) = (&*self, &roles);
        let stops = stops.into_iter().map(|stop| async move {
            let place = stop.place;
            let left = worker.run_pre_stop(stop, grace).await;
            let left = worker.wait_for_turn(place, roles, left).await;
            worker.runtime.stop(place, stop_grace(left)).await;
        });
        join_all(stops).await;
    }

    /// Waits for the containers that must end before the one at `place`, for as long as its grace
    /// period. Returns what is left of that.
    async fn wait_for_turn(&self, place: usize, roles: &[Role], grace: Duration) -> Duration {
        let before = ends_after(roles, place);
        let began = self.node.clock.now();
        let ended = self.runtime.until_ended(&before);
        // Past its grace period, a sidecar does not wait for the others.
        drop(tokio::time::timeout(grace, ended).await);
        grace_after(grace, self.node.clock.now() - began)
    }

    /// Runs a preStop hook, and waits for it for as long as the grace period. Returns what is left
    /// of that. A hook that takes longer goes on beside the termination.
    async fn run_pre_stop(&self, stop: Stop, grace: Duration) -> Duration {
        let Some(hook) = stop.pre_stop.filter(|_| !grace.is_zero()) else {
            return grace;
        };
        let began = self.node.clock.now();
        let events = Arc::clone(&self.events);
        let part = self.part(stop.place);
        let (done, is_done) = oneshot::channel::<()>();
        self.hooks.spawn(async move {
            // The error may hold secrets, so the event does not.
            if hook.run().await.is_err() {
                let message = event_text::PRE_STOP_FAILED;
                events.record_part(&part, Severity::Warning, "FailedPreStopHook", message);
            }
            drop(done);
        });
        drop(tokio::time::timeout(grace, is_done).await);
        grace_after(grace, self.node.clock.now() - began)
    }

    fn prepare_stop(&mut self, place: usize) -> Stop {
        let hook = self.spec.containers[place].pre_stop.clone();
        let pre_stop = hook.and_then(|hook| self.prepare_hook(place, hook));
        Stop { place, pre_stop }
    }

    /// Prepares a run of this hook of the container at `place`, which has been started.
    pub(super) fn prepare_hook(&mut self, place: usize, hook: Hook) -> Option<HookRun> {
        let container = self.spec.containers[place].rules.name.clone();
        Some(HookRun {
            context: self.probing.context(&container)?,
            ip: self.ip?,
            id: match hook {
                Hook::Exec(_) => hexadecimal(&mut self.random),
                Hook::Http(_) | Hook::Sleep(_) | Hook::Invalid(_) => String::new(),
            },
            hook,
            container,
            pod: self.full_name(),
            node: Arc::clone(&self.node),
        })
    }

    /// The Pod's name in messages.
    ///
    /// Rule: `pkg/kubelet/util/format/pod.go`, `Pod`.
    pub(super) fn full_name(&self) -> String {
        let pod = &*self.update.pod;
        format!("{}_{}({})", name(pod), namespace(pod), self.uid)
    }

    fn record_killing(&self, place: usize, message: &str) {
        let part = self.part(place);
        self.events
            .record_part(&part, Severity::Normal, "Killing", message);
    }

    /// The part of the Pod that events about the container at `place` name.
    fn part(&self, place: usize) -> String {
        let rules = &self.spec.containers[place].rules;
        spec::part(rules.role, &rules.name)
    }
}
