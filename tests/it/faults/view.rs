//! Queries on the observed state of a trial's container, such as restarts, readiness and events.

use k8s_openapi::api::core::v1::ContainerStatus;

use super::{
    pod::Kind,
    seen::{PodSeen, Said},
};

/// The observed state of one container.
pub(crate) struct View<'a> {
    pub(crate) pod: &'a PodSeen,
    pub(crate) kind: Kind,
}

impl View<'_> {
    pub(crate) fn status(&self) -> Option<&ContainerStatus> {
        self.pod.container()
    }

    pub(crate) fn restarts(&self) -> i32 {
        self.status().map_or(0, |status| status.restart_count)
    }

    /// Whether the probe changes readiness. A readiness probe never ends the container.
    pub(crate) fn ready_changes(&self) -> bool {
        self.kind == Kind::Readiness
    }

    /// The events of its probe.
    pub(crate) fn probed(&self) -> impl Iterator<Item = &Said> {
        let events = self.pod.events();
        events.filter(|said| matches!(said.reason.as_str(), "Unhealthy" | "ProbeWarning"))
    }

    pub(crate) fn killing(&self) -> Option<String> {
        let mut events = self.pod.events();
        let killing = events.find(|said| said.reason == "Killing");
        killing.map(|said| said.message.clone())
    }

    pub(crate) fn address(&self) -> String {
        let status = self.pod.pod.status.as_ref();
        let address = status.and_then(|status| status.pod_ip.clone());
        address.unwrap_or_default()
    }
}

pub(crate) fn running(it: &View<'_>) -> bool {
    let state = it.status().and_then(|status| status.state.as_ref());
    state.is_some_and(|state| state.running.is_some())
}

pub(crate) fn ready(it: &View<'_>) -> bool {
    it.status().is_some_and(|status| status.ready)
}

pub(crate) fn started(it: &View<'_>) -> bool {
    it.status()
        .is_some_and(|status| status.started == Some(true))
}

pub(crate) fn failed(it: &View<'_>) -> bool {
    it.probed()
        .any(|said| said.message.contains(" probe failed: "))
}
