//! What one sync of a Pod does to its containers: which it ends, which it starts, or the whole Pod.
//!
//! Readiness is not consulted: it never restarts anything. Nor is the back-off, which is asked when
//! a start comes up.

mod initialize;

use crate::container::{ContainerSpec, Exit, Instance, RestartPolicy, Role};
use crate::probe::{ProbeKind, Verdict};
use initialize::{Initial, initialize};

/// A container as a sync finds it.
#[derive(Clone, Debug)]
pub struct Found<'a> {
    /// What it is told.
    pub spec: &'a ContainerSpec,
    /// Its newest instance.
    pub instance: Option<&'a Instance>,
    /// What its liveness probe has come to.
    pub liveness: Option<Verdict>,
    /// What its startup probe has come to.
    pub startup: Option<Verdict>,
}

/// What to do; containers are named by their place in the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncPlan {
    /// End these one after the other, then start those.
    Containers {
        /// Whom to end.
        kill: Vec<Kill>,
        /// Whom to start, if the back-off lets them.
        start: Vec<usize>,
    },
    /// Nothing would be left running: end the Pod.
    Pod,
}

/// The end of one container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kill {
    /// Its place.
    pub index: usize,
    /// Why.
    pub cause: KillCause,
    /// Another instance follows in the same sync, whatever this one's exit code.
    pub restart: bool,
}

/// Why a running container is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillCause {
    /// Its image has been changed.
    Changed,
    /// A liveness or startup probe has failed.
    Probe(ProbeKind),
}

/// Decides for all containers of a Pod that is to run; those that come first in its life come first in `containers`.
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
