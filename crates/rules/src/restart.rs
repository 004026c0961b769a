//! Decides which containers one sync of a Pod ends and starts, or whether it ends the whole Pod.
//!
//! Readiness plays no role: it never restarts a container. Nor does the back-off, which is checked
//! at each start.

mod initialize;
mod kill;

use crate::container::{Instance, RestartRules, Role};
use initialize::{Initial, initialize};
use kill::kill_cause;
pub use kill::{Found, Kill, KillCause};

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
    /// Remove all containers, in this order, so that the next sync starts them anew.
    Remove(Vec<usize>),
}

/// Plans the sync that removes all containers: those whose exit is the reason come last, and of the
/// others as of them, main containers come first.
///
/// Rule: `pkg/kubelet/kuberuntime/kuberuntime_manager.go`, `computePodActions`.
pub fn removal(containers: &[Found<'_>]) -> SyncPlan {
    let all = containers.iter().enumerate();
    let mut places: Vec<usize> = all
        .filter(|(_, found)| found.instance.is_some())
        .map(|(index, _)| index)
        .collect();
    let order = |index: &usize| {
        let found = &containers[*index];
        (is_source(found), found.spec.role != Role::Main)
    };
    places.sort_by_key(order);
    SyncPlan::Remove(places)
}

/// Whether a container has exited by a rule that restarts all containers of the Pod.
fn is_source(found: &Found<'_>) -> bool {
    let exit = found.instance.and_then(Instance::exit);
    exit.is_some_and(|exit| found.spec.restart.restarts_all(exit.code))
}

/// Plans one sync of a running Pod. `containers` has the order of the Pod, init containers first.
///
/// Rule: `pkg/kubelet/kuberuntime/kuberuntime_manager.go`, `computePodActions`.
pub fn plan(containers: &[Found<'_>]) -> SyncPlan {
    let Some(initial) = initialize(containers) else {
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
    // Main containers wait until every init container has completed and every sidecar has started.
    for (index, found) in main.filter(|_| initialized) {
        let Some(running) = found.instance.filter(|instance| instance.is_running()) else {
            let due = is_due(&found.spec.restart, found.instance);
            start.extend(due.then_some(index));
            continue;
        };
        let Some(cause) = kill_cause(found, running) else {
            kept += 1;
            continue;
        };
        // A changed one is restarted under any policy, even `Never`.
        let restart = cause == KillCause::Changed || found.spec.restart.restarts_killed();
        start.extend(restart.then_some(index));
        kill.push(Kill {
            index,
            cause,
            restart,
        });
    }
    // Without a main container the kubelet ends the Pod instead of its containers. The event then
    // names no probe, and the probe's own grace period does not apply.
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
pub fn is_due(restart: &RestartRules, newest: Option<&Instance>) -> bool {
    match newest {
        None => true,
        Some(instance) => instance
            .exit()
            .is_some_and(|exit| restart.restarts(exit.code)),
    }
}

#[cfg(test)]
mod tests;
