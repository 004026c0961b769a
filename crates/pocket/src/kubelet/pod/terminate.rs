//! Terminates a Pod: stops its containers and its probes, and reports the final status.
//!
//! Rule: `pkg/kubelet/kubelet.go`, `SyncTerminatingPod` and `SyncTerminatedPod`.

use std::time::Duration;

use rules::Moment;
use rules::container::Role;
use rules::probe::ProbeKind;
use tokio::sync::watch;

use super::super::status::generate::Stage;
use super::PodLife;

impl PodLife {
    /// Ends the running containers. Readiness probes continue until all containers have stopped. So
    /// do all probes of sidecars, to no effect.
    ///
    /// Rule: `pkg/kubelet/prober/prober_manager.go`, `StopLivenessAndStartup`; kubernetes#141766.
    pub(super) async fn terminate(&mut self) {
        self.report(Stage::Terminating);
        self.probing.end();
        self.probing
            .stop(Some(Role::Main), &[ProbeKind::Liveness, ProbeKind::Startup]);
        self.say_stopping();
        self.stop_with_deletion().await;
        let all = [
            ProbeKind::Liveness,
            ProbeKind::Readiness,
            ProbeKind::Startup,
        ];
        self.probing.stop(None, &all);
        self.report(Stage::Terminating);
        self.agenda
            .end(self.node.clock.now(), false, Duration::ZERO);
    }

    /// Waits for a last relist of the runtime, then reports the Pod as terminated and frees its
    /// address.
    pub(super) async fn finish(&mut self) {
        self.node.clock.until(self.agenda.fresh()).await;
        self.hear();
        self.report(Stage::Terminated);
        self.node.statuses.finish(&self.uid);
        if let Some(ip) = self.ip {
            self.node.addresses().give_back(ip);
        }
    }

    fn report(&self, stage: Stage) {
        let seen = self.runtime.seen_at(self.node.clock.now());
        let status = self.status(stage, &seen);
        self.publish(status);
    }

    /// Stops all containers. A deletion that arrives meanwhile can only shorten their grace period.
    async fn stop_with_deletion(&mut self) {
        let (deadline, moved) = watch::channel(self.last_moment());
        let roles = self.roles();
        loop {
            let hurried = tokio::select! {
                biased;
                () = self.runtime.stop_all(&roles, &moved) => return,
                changed = self.orders.changed() => changed.is_ok(),
            };
            if !hurried {
                // The sender of orders is gone: the grace period can no longer change.
                return self.runtime.stop_all(&roles, &moved).await;
            }
            self.hear();
            let sooner = self.last_moment();
            deadline.send_if_modified(|moment: &mut Moment| {
                let hurry = sooner < *moment;
                *moment = sooner.min(*moment);
                hurry
            });
        }
    }
}
