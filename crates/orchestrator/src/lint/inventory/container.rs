//! A container that runs beside others: a regular one, or a sidecar.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, LifecycleHandler, PodSpec};
use rules::probe::ProbeKind;

use super::probe::ProbeFacts;
use crate::stand_in::{is_tcp_name, shell_sleep};

/// A container.
#[derive(Debug)]
pub(in crate::lint) struct ContainerFacts {
    /// Its place in the workload.
    pub(in crate::lint) at: usize,
    pub(in crate::lint) spec: Container,
    /// The path of the container in the manifest.
    pub(in crate::lint) path: String,
    /// Whether it is an init container that always restarts.
    pub(in crate::lint) is_sidecar: bool,
    /// Its liveness, readiness and startup probe, those that it has.
    pub(in crate::lint) probes: Vec<ProbeFacts>,
}

impl ContainerFacts {
    /// The containers of a Pod that run until it ends. `path` is that of its specification.
    pub(super) fn of_pod(spec: &PodSpec, path: &str) -> Vec<Self> {
        let path = |list: &str, at: usize| format!("{path}.{list}[{at}]");
        let regular = spec.containers.iter().enumerate();
        let regular = regular.map(|(at, container)| (container, path("containers", at), false));
        let init = spec.init_containers.iter().flatten().enumerate();
        let sidecars =
            init.filter(|(_, container)| container.restart_policy.as_deref() == Some("Always"));
        let sidecars =
            sidecars.map(|(at, container)| (container, path("initContainers", at), true));
        regular
            .chain(sidecars)
            .enumerate()
            .map(|(at, (container, path, is_sidecar))| Self {
                at,
                probes: ProbeFacts::of_container(container, &path),
                spec: container.clone(),
                path,
                is_sidecar,
            })
            .collect()
    }

    /// Its name.
    pub(in crate::lint) fn name(&self) -> &str {
        &self.spec.name
    }

    /// A probe that it has, and that decides: one that asks a port by a name that no port has
    /// decides nothing.
    pub(in crate::lint) fn probe(&self, kind: ProbeKind) -> Option<&ProbeFacts> {
        let mut probes = self.probes.iter();
        probes.find(|probe| probe.spec.kind == kind && probe.handler.is_some())
    }

    /// Whether it has a readiness probe. Without a result of it, the Pod is not Ready.
    pub(in crate::lint) fn has_readiness(&self) -> bool {
        let mut probes = self.probes.iter();
        probes.any(|probe| probe.spec.kind == ProbeKind::Readiness)
    }

    /// The TCP ports that it declares, each with its name.
    pub(in crate::lint) fn ports(&self) -> impl Iterator<Item = (u16, Option<&str>)> {
        let ports = self.spec.ports.iter().flatten();
        let tcp = ports.filter(|port| is_tcp_name(port.protocol.as_deref()));
        tcp.filter_map(|port| {
            let number = u16::try_from(port.container_port).ok()?;
            Some((number, port.name.as_deref()))
        })
    }

    /// Whether it declares a TCP port of this number.
    pub(in crate::lint) fn declares(&self, number: u16) -> bool {
        self.ports().any(|(port, _)| port == number)
    }

    /// Its preStop hook.
    pub(in crate::lint) fn pre_stop(&self) -> Option<&LifecycleHandler> {
        self.spec.lifecycle.as_ref()?.pre_stop.as_ref()
    }

    /// How long the preStop hook sleeps, if it does nothing else.
    pub(in crate::lint) fn pre_stop_sleep(&self) -> Option<Duration> {
        let hook = self.pre_stop()?;
        let seconds = match (&hook.sleep, &hook.exec) {
            (Some(sleep), _) => u64::try_from(sleep.seconds).ok()?,
            (None, exec) => {
                let command = exec.as_ref()?.command.as_deref().unwrap_or_default();
                let sleep = shell_sleep::parse(command)?;
                sleep.seconds.filter(|_| sleep.alone)?
            }
        };
        Some(Duration::from_secs(seconds))
    }
}
