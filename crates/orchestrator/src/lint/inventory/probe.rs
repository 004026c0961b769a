//! A probe: its timing with Kubernetes' defaults, and what it asks.

use std::time::Duration;

use k8s_openapi::{
    api::core::v1::{Container, Probe},
    apimachinery::pkg::util::intstr::IntOrString,
};
use rules::probe::{ProbeKind, Spec, Window};

use super::handler::{Handler, is_own_host};
use crate::targets::probe_timing::timing;

/// A probe of a container.
#[derive(Debug)]
pub(in crate::lint) struct ProbeFacts {
    pub(in crate::lint) spec: Spec,
    /// What it asks; none if its container declares no port of that name.
    pub(in crate::lint) handler: Option<Handler>,
    /// The path of the probe in the manifest.
    pub(in crate::lint) path: String,
    written: Probe,
}

impl ProbeFacts {
    pub(super) fn of_container(container: &Container, path: &str) -> Vec<Self> {
        let probes = [
            (ProbeKind::Liveness, &container.liveness_probe),
            (ProbeKind::Readiness, &container.readiness_probe),
            (ProbeKind::Startup, &container.startup_probe),
        ];
        let probes = probes
            .into_iter()
            .filter_map(|(kind, probe)| Some((kind, probe.clone()?)));
        probes
            .map(|(kind, written)| Self {
                spec: timing(kind, &written),
                handler: Handler::of(container, &written),
                path: format!("{path}.{}Probe", word(kind)),
                written,
            })
            .collect()
    }

    /// `liveness`, `readiness` or `startup`.
    pub(in crate::lint) fn word(&self) -> &'static str {
        word(self.spec.kind)
    }

    /// The port that it asks, of whatever host; none for a command.
    pub(in crate::lint) fn port(&self) -> Option<u16> {
        self.handler.as_ref()?.port()
    }

    /// The port that it asks, unless of another host.
    pub(in crate::lint) fn own_port(&self) -> Option<u16> {
        let host = self.handler.as_ref()?.host();
        self.port().filter(|_| host.is_none_or(is_own_host))
    }

    /// The port's name, if it asks a port by name.
    pub(in crate::lint) fn port_name(&self) -> Option<&str> {
        let get = self.written.http_get.as_ref().map(|get| &get.port);
        let socket = self.written.tcp_socket.as_ref();
        match get.or(socket.map(|socket| &socket.port))? {
            IntOrString::String(name) => Some(name),
            IntOrString::Int(_) => None,
        }
    }

    /// Whether `timeoutSeconds` is set.
    pub(in crate::lint) fn has_timeout(&self) -> bool {
        self.written.timeout_seconds.is_some_and(|given| given > 0)
    }

    /// `failureThreshold`.
    pub(in crate::lint) fn failures(&self) -> u32 {
        self.spec.failure.count()
    }

    /// `failureThreshold` · `periodSeconds`.
    pub(in crate::lint) fn failure_time(&self) -> Duration {
        self.spec.period * self.failures()
    }

    /// When it fails after its container answers with an error.
    pub(in crate::lint) fn failure(&self) -> Window {
        self.spec.failure_window(Duration::ZERO)
    }
}

fn word(kind: ProbeKind) -> &'static str {
    match kind {
        ProbeKind::Liveness => "liveness",
        ProbeKind::Readiness => "readiness",
        ProbeKind::Startup => "startup",
    }
}
