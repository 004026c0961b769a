//! Decides which containers one sync of a Pod ends and starts, or whether it ends the whole Pod.
//!
//! Readiness plays no role: it never restarts a container. Nor does the back-off, which is checked
//! at each start.

mod initialize;

use crate::container::{ContainerSpec, Exit, Instance, RestartPolicy, Role};
use crate::probe::{ProbeKind, Verdict};
use initialize::{Initial, initialize};

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

/// What a sync does. Containers are identified by their index in the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncPlan {
    /// End some containers one after the other, then start others.
    Containers {
        /// The containers to end.
        kill: Vec<Kill>,
        /// The containers to start, if their back-off permits.
        start: Vec<usize>,
    },
    /// End the Pod: none of its containers would be left running.
    Pod,
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

/// Plans one sync of a running Pod. `containers` has the order of the Pod, init containers first.
///
/// Rule: `pkg/kubelet/kuberuntime/kuberuntime_manager.go`, `computePodActions`.
pub fn plan(policy: RestartPolicy, containers: &[Found<'_>]) -> SyncPlan {
    let Some(initial) = initialize(policy, containers) else {
        return SyncPlan::Pod;
    };
    let Initial {
        mut kill,
        mut start,
        initialized,
    } = initial;
    let mut kept = 0;
    let all = containers.iter().enumerate();
    let main = all.filter(|(_, found)| found.spec.role == Role::Main);
    for (index, found) in main.filter(|_| initialized) {
        let Some(running) = found.instance.filter(|instance| instance.is_running()) else {
            start.extend(is_due(policy, found.instance).then_some(index));
            continue;
        };
        let Some(cause) = kill_cause(found, running) else {
            kept += 1;
            continue;
        };
        let restart = cause == KillCause::Changed || policy != RestartPolicy::Never;
        start.extend(restart.then_some(index));
        kill.push(Kill {
            index,
            cause,
            restart,
        });
    }
    let starts = start
        .iter()
        .any(|index| containers[*index].spec.role == Role::Main);
    if initialized && kept == 0 && !starts {
        return SyncPlan::Pod;
    }
    SyncPlan::Containers { kill, start }
}

/// Whether a container with this newest instance is to be started.
///
/// Rule: `pkg/kubelet/container/helpers.go`, `ShouldContainerBeRestarted`.
pub fn is_due(policy: RestartPolicy, newest: Option<&Instance>) -> bool {
    match newest {
        None => true,
        Some(instance) => instance.exit().is_some_and(|exit| restarts(policy, exit)),
    }
}

/// Whether another instance follows this exit.
pub fn restarts(policy: RestartPolicy, exit: &Exit) -> bool {
    match policy {
        RestartPolicy::Always => true,
        RestartPolicy::OnFailure => exit.code != 0,
        RestartPolicy::Never => false,
    }
}

fn kill_cause(found: &Found<'_>, running: &Instance) -> Option<KillCause> {
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

#[cfg(test)]
mod tests;
