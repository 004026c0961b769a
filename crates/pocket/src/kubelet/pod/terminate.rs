//! Terminates a Pod: stops its containers and its probes, and reports the final status.
//!
//! Rule: `pkg/kubelet/kubelet.go`, `SyncTerminatingPod` and `SyncTerminatedPod`.

use rules::container::{Role, termination_grace};
use rules::probe::ProbeKind;

use super::super::host_ports;
use super::super::status::generate::Stage;
use super::PodWorker;
use crate::clock::seconds;
use crate::latencies::Work;

impl PodWorker {
    /// Ends the running containers. Readiness probes continue until all containers have stopped. So
    /// do all probes of sidecars, to no effect.
    ///
    /// Rule: `pkg/kubelet/prober/prober_manager.go`, `StopLivenessAndStartup`; kubernetes#141766.
    pub(super) async fn terminate(&mut self) {
        self.publish_stage(Stage::Terminating);
        // From here on exec attempts are errors, so they leave the readiness as it is.
        self.probing.end();
        // Readiness goes on: endpoints follow it while the Pod shuts down.
        self.probing
            .stop(Some(Role::Main), &[ProbeKind::Liveness, ProbeKind::Startup]);
        let deletion = self.update.pod.metadata.deletion_grace_period_seconds;
        let grace = termination_grace(deletion.map(seconds), self.spec.grace);
        self.stop_all(grace).await;
        let all = [
            ProbeKind::Liveness,
            ProbeKind::Readiness,
            ProbeKind::Startup,
        ];
        self.probing.stop(None, &all);
        self.remove_sandbox().await;
        self.publish_stage(Stage::Stopped);
        self.node.statuses.stop(&self.uid);
    }

    /// Waits for a last relist of the runtime, then reports the Pod as terminated and frees its
    /// address.
    pub(super) async fn finish(&mut self) {
        self.await_relist().await;
        self.publish_stage(Stage::Terminated);
        self.node.statuses.finish(&self.uid);
        // Not earlier: until its processes have ended, the address belongs to them.
        if let Some(ip) = self.ip {
            self.node.addresses().give_back(ip);
        }
    }

    /// Ends the sandbox, whose network refused connections to the Pod's address since its processes
    /// ended. From now on nothing answers there.
    async fn remove_sandbox(&mut self) {
        self.chance.spend(Work::Removal).await;
        let node = self.node.registry.subnets().node();
        host_ports::close(&self.node.network, node, &self.update.pod);
        if let Some(ip) = self.ip.filter(|_| self.chance.varies()) {
            self.node.network.silence(ip);
        }
    }

    fn publish_stage(&self, stage: Stage) {
        let seen = self.runtime.seen_at(self.node.clock.now());
        let status = self.status(stage, &seen);
        self.publish(status);
    }
}
