//! Container states that decide when the kubelet probes: running since, started, being killed.

use std::collections::BTreeMap;

use serde_json::Value;

use super::probe_spec::ProbeSpec;
use crate::input::experiment::ContainerPhase;
use crate::timeline::Micros;
use crate::timeline::view::PodFacts;

/// Containers, keyed by the UID of their Pod and by name.
#[derive(Debug, Default)]
pub(super) struct Containers(BTreeMap<String, BTreeMap<String, Container>>);

/// The last observed state of a container.
#[derive(Debug, Clone, Default)]
pub(super) struct Container {
    pub(super) restarts: i64,
    /// When this start of it was first observed running; none while it does not run.
    running: Option<Micros>,
    started: bool,
    /// The kubelet has begun to kill it, and holds its liveness and startup probes until the next
    /// start.
    killed: bool,
    /// Its Pod is deleted or being deleted.
    leaving: bool,
}

impl Containers {
    pub(super) fn get(&self, uid: &str, container: &str) -> Option<&Container> {
        self.0.get(uid)?.get(container)
    }

    pub(super) fn take_pod(&mut self, pod: &PodFacts, at: Micros) {
        let known = self.0.entry(pod.uid.clone()).or_default();
        for (name, facts) in &pod.containers {
            let container = known.entry(name.clone()).or_default();
            let runs = facts.phase == Some(ContainerPhase::Running);
            // A restart without back-off shows no state but running; only the restart count
            // changes.
            if !runs || facts.restarts != container.restarts {
                container.running = None;
                container.killed = false;
            }
            if runs && container.running.is_none() {
                container.running = Some(at);
            }
            container.restarts = facts.restarts;
            container.started = facts.started;
            container.leaving = pod.gone || pod.deleting;
        }
    }

    /// Takes the kubelet's `Killing` event for a container. Returns the UID of the Pod.
    pub(super) fn take_killing<'e>(&mut self, event: &'e Value) -> &'e str {
        let about = &event["involvedObject"];
        let uid = about["uid"].as_str().unwrap_or_default();
        // `spec.containers{b}`, `spec.initContainers{b}`
        let path = about["fieldPath"].as_str().unwrap_or_default();
        let name = path
            .split_once('{')
            .and_then(|(_, rest)| rest.strip_suffix('}'));
        if let Some(container) = name.and_then(|name| self.0.get_mut(uid)?.get_mut(name)) {
            container.killed = true;
        }
        uid
    }
}

impl Container {
    /// The time from which a probe is due, which may be in the future; none while it is not due.
    ///
    /// By `doProbe` of pkg/kubelet/prober/worker.go, no probe is due before its initial delay has
    /// passed. The startup probe is due until it has succeeded, the others from then on.
    pub(super) fn due(&self, probe: &str, spec: &ProbeSpec, at: Micros) -> Option<Micros> {
        let may_ask = if probe == "startup" {
            !self.started
        } else {
            self.started
        };
        let running = self.running?;
        (may_ask && !self.killed && !self.leaving).then(|| at.max(running + spec.initial_delay))
    }
}
