//! A container as a sync finds it, and why the sync ends it.

use crate::container::{ContainerSpec, Instance};
use crate::probe::{ProbeKind, Verdict};

/// A container as a sync finds it.
#[derive(Clone, Debug)]
pub struct Found<'a> {
    /// Its specification.
    pub spec: &'a ContainerSpec,
    /// Its newest instance, if there is one.
    pub instance: Option<&'a Instance>,
    /// The verdict of its liveness probe.
    pub liveness: Option<Verdict>,
    /// The verdict of its startup probe.
    pub startup: Option<Verdict>,
}

/// The kill of one container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kill {
    /// The container's index.
    pub index: usize,
    /// Why it is killed.
    pub cause: KillCause,
    /// Whether the same sync starts another instance, whatever this one's exit code.
    pub restart: bool,
}

/// Why a running container is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillCause {
    /// Its image was changed.
    Changed,
    /// Its liveness or startup probe has failed.
    Probe(ProbeKind),
}

/// Why a running container must end, if it must: the first reason in the kubelet's order.
///
/// Rule: `pkg/kubelet/kuberuntime/kuberuntime_manager.go`, `computePodActions`.
pub(super) fn kill_cause(found: &Found<'_>, running: &Instance) -> Option<KillCause> {
    // Upstream compares a hash of the container's name and image:
    // `pkg/kubelet/container/helpers.go`, `HashContainer`. Containers are matched by name, so only
    // the image can differ.
    if running.image != found.spec.image {
        Some(KillCause::Changed)
    } else if found.liveness == Some(Verdict::Failure) {
        Some(KillCause::Probe(ProbeKind::Liveness))
    } else if found.startup == Some(Verdict::Failure) {
        Some(KillCause::Probe(ProbeKind::Startup))
    } else {
        None
    }
}
