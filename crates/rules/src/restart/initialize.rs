//! Decides which init containers and sidecars one sync of a Pod ends and starts.
//!
//! It goes from the last to the first: the last one with an instance shows how far the Pod is. Init
//! containers before it have completed, and sidecars before it have started once.

use super::kill::{Found, Kill, KillCause, kill_cause};
use crate::container::{Instance, RestartRules, Role};
use crate::probe::{ProbeKind, Verdict};

/// The init containers and sidecars to end and to start, and whether main containers may be
/// considered.
#[derive(Debug, Default)]
pub(super) struct Initial {
    pub(super) kill: Vec<Kill>,
    pub(super) start: Vec<usize>,
    /// The last one has completed or started, or a main container runs.
    pub(super) initialized: bool,
}

/// Plans for init containers and sidecars; `None` if one has failed for good, which ends the Pod.
///
/// Rule: `pkg/kubelet/kuberuntime/kuberuntime_container.go`, `computeInitContainerActions`.
pub(super) fn initialize(containers: &[Found<'_>]) -> Option<Initial> {
    let main = |found: &Found<'_>| found.spec.role == Role::Main;
    // A main container that runs shows that the init containers have completed, so they are not
    // repeated. One that has ended shows nothing: after a reboot of a node all have, and the Pod
    // starts over with its sidecars.
    let mut initial = Initial {
        initialized: containers.iter().all(main)
            || containers
                .iter()
                .any(|found| main(found) && found.instance.is_some_and(Instance::is_running)),
        ..Initial::default()
    };
    let mut later_began = initial.initialized;
    let all: Vec<_> = containers
        .iter()
        .enumerate()
        .filter(|(_, found)| !main(found))
        .collect();
    for (index, found) in all.into_iter().rev() {
        let Some(instance) = found.instance else {
            continue;
        };
        let done = match found.spec.role {
            Role::Sidecar => initial.keep_sidecar(index, found, instance),
            // A later container has begun, so this one has completed; its end no longer matters.
            _ if later_began => true,
            _ => initial.run_init(index, &found.spec.restart, instance)?,
        };
        // Only the last one that has begun shows how far the Pod is.
        if done && !later_began {
            initial.begin(index + 1, containers);
        }
        later_began = true;
    }
    if !later_began {
        // The input has init containers first, so the first of them has index 0.
        initial.start.push(0);
    }
    // The loop went backwards, but containers are started in the order of the Pod.
    initial.start.sort_unstable();
    Some(initial)
}

impl Initial {
    /// Lets the next container begin.
    fn begin(&mut self, index: usize, containers: &[Found<'_>]) {
        if containers
            .get(index)
            .is_some_and(|found| found.spec.role != Role::Main)
        {
            self.start.push(index);
        } else {
            // No init container or sidecar is left. The caller plans the main containers.
            self.initialized = true;
        }
    }

    /// Keeps a sidecar running. Returns whether it has started, so that the next container may
    /// begin.
    fn keep_sidecar(&mut self, index: usize, found: &Found<'_>, instance: &Instance) -> bool {
        // After any exit and under any policy: a sidecar's own policy is `Always`.
        if !instance.is_running() {
            self.start.push(index);
            return false;
        }
        let probed = found.spec.probe(ProbeKind::Startup).is_some();
        let started = !probed || found.startup == Some(Verdict::Success);
        // Until the startup probe has succeeded, the kubelet looks at nothing else of a sidecar.
        let cause = match (started, found.startup) {
            (true, _) => kill_cause(found, instance),
            (false, Some(Verdict::Failure)) => Some(KillCause::Probe(ProbeKind::Startup)),
            (false, _) => None,
        };
        if let Some(cause) = cause {
            self.start.push(index);
            let restart = true;
            self.kill.push(Kill {
                index,
                cause,
                restart,
            });
        }
        started
    }

    /// Plans the next start of an init container, unless it runs or has succeeded. Returns whether
    /// it has succeeded; `None` if it has failed for good.
    fn run_init(
        &mut self,
        index: usize,
        restart: &RestartRules,
        newest: &Instance,
    ) -> Option<bool> {
        let Some(exit) = newest.exit() else {
            return Some(false);
        };
        if exit.code == 0 {
            return Some(true);
        }
        self.start.push(index);
        // `None` discards the whole plan, and with it the start that was just added.
        restart.restarts(exit.code).then_some(false)
    }
}
