//! One container: what it is told, its instances, and what a status says of it.
//!
//! An *instance* is one run of the container's process, with an ID of its own; a restart makes a new
//! one. Whether there is to be a new one is decided in [`crate::restart`].

use std::time::Duration;

use crate::Moment;
pub use crate::container_id::ContainerId;
use crate::probe::{self, Verdict};

/// What matters here of a container's specification.
#[derive(Clone, Debug)]
pub struct ContainerSpec {
    /// Unique in its Pod.
    pub name: String,
    /// When in the Pod's life it runs.
    pub role: Role,
    /// The image's name as written.
    pub image: String,
    /// Its probes, in the order in which a node sets them up: startup, readiness, liveness.
    pub probes: Vec<probe::Spec>,
}

impl ContainerSpec {
    /// Its probe of this kind, if it has one.
    pub fn probe(&self, kind: probe::ProbeKind) -> Option<&probe::Spec> {
        self.probes.iter().find(|probe| probe.kind == kind)
    }
}

/// When in its Pod's life a container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// To its end, before the next of them and before all others.
    Init,
    /// Started among those, once the one before is through, and then all along: an init container whose own
    /// `restartPolicy` is `Always`.
    Sidecar,
    /// All along.
    Main,
}

/// When an ended container is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestartPolicy {
    /// Whatever its exit code.
    #[default]
    Always,
    /// If its exit code is not zero.
    OnFailure,
    /// Not at all.
    Never,
}

impl Role {
    /// When a container of this role is started again in a Pod of this policy.
    #[must_use]
    pub fn policy(self, pod: RestartPolicy) -> RestartPolicy {
        match self {
            Self::Sidecar => RestartPolicy::Always,
            Self::Init | Self::Main => pod,
        }
    }
}

/// The containers that must have ended before the one at `place` is told to, when their Pod ends: before a sidecar
/// the main ones, and of the sidecars the next. `roles` are those of all containers, in order.
///
/// Rule: `pkg/kubelet/kuberuntime/kuberuntime_termination_order.go`.
pub fn outlived(roles: &[Role], place: usize) -> Vec<usize> {
    if roles.get(place) != Some(&Role::Sidecar) {
        return Vec::new();
    }
    let at = |role| move |other: &usize| roles[*other] == role;
    let main = (0..roles.len()).filter(at(Role::Main));
    let next = (place + 1..roles.len()).find(at(Role::Sidecar));
    main.chain(next).collect()
}

/// One instance as the runtime knows it.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Its name.
    pub id: ContainerId,
    /// Instances of this container before it.
    pub restarts: u32,
    /// The image it was made of.
    pub image: String,
    /// What it does.
    pub life: Life,
}

impl Instance {
    /// It has not ended.
    pub fn is_running(&self) -> bool {
        matches!(self.life, Life::Running { .. })
    }

    /// How it ended, if it has.
    pub fn exit(&self) -> Option<&Exit> {
        match &self.life {
            Life::Running { .. } => None,
            Life::Exited(exit) => Some(exit),
        }
    }
}

/// What an instance does.
#[derive(Clone, Debug)]
pub enum Life {
    /// It runs, since this moment.
    Running {
        /// Exact, not as published.
        since: Moment,
    },
    /// It has ended.
    Exited(Exit),
}

/// How an instance ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The process's own code, or 128 + the signal that ended it.
    pub code: i32,
    /// When it had started.
    pub started: Moment,
    /// When it ended.
    pub finished: Moment,
    /// What made it end.
    pub cause: Cause,
    /// What it left as its termination message.
    pub message: Option<String>,
}

/// What made an instance end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// The process itself, or whoever sent it a signal.
    #[default]
    Process,
    /// It took more memory than its container may have.
    OutOfMemory,
    /// There never was a process: its program could not be started.
    Unstarted,
    /// Nobody knows: its Pod is over and there is no trace of it. When it ran is not known either.
    Unknown,
}

impl Exit {
    /// The reason a runtime gives. It never says that a probe was the cause.
    pub fn reason(&self) -> &'static str {
        match self.cause {
            Cause::Process if self.code == 0 => "Completed",
            Cause::Process => "Error",
            Cause::OutOfMemory => "OOMKilled",
            Cause::Unstarted => "StartError",
            Cause::Unknown => "ContainerStatusUnknown",
        }
    }

    /// The end that is made up for a container of which there is no trace.
    ///
    /// Rule: `pkg/kubelet/status/status_manager.go`, `TerminatePod`.
    pub fn unknown() -> Self {
        let message = "The container could not be located when the pod was terminated";
        Self {
            code: 137,
            started: Moment::default(),
            finished: Moment::default(),
            cause: Cause::Unknown,
            message: Some(message.to_owned()),
        }
    }
}

/// What a status says a container does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// There is no instance, or another one is to follow and was refused.
    Waiting(StartRefusal),
    /// The newest instance runs.
    Running {
        /// Since this moment.
        since: Moment,
    },
    /// The newest instance has ended.
    Terminated(Exit),
}

/// Why a container is not being started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartRefusal {
    /// A word for machines, such as `CrashLoopBackOff`.
    pub reason: String,
    /// A sentence for people.
    pub message: Option<String>,
}

impl StartRefusal {
    /// Nothing is wrong: it just has not happened yet.
    ///
    /// Rule: `pkg/kubelet/kubelet_pods.go`, `convertToAPIContainerStatuses`.
    pub fn creating(has_init_containers: bool) -> Self {
        let reason = if has_init_containers {
            "PodInitializing"
        } else {
            "ContainerCreating"
        };
        Self {
            reason: reason.to_owned(),
            message: None,
        }
    }
}

/// Whether a container counts as started.
///
/// `before` is what the last status said of the container *of that name*. So a replacement inherits
/// it until its own startup probe has an entry; a container seen down in between does not.
///
/// Rule: `pkg/kubelet/prober/prober_manager.go`, `isContainerStarted`; kubernetes#141155.
pub fn started(running: bool, startup: Option<Verdict>, before: bool, worker: bool) -> bool {
    match startup {
        _ if !running => false,
        Some(verdict) => verdict == Verdict::Success,
        None => before || !worker,
    }
}

/// Whether a container counts as ready.
///
/// Rule: `pkg/kubelet/prober/prober_manager.go`, `UpdatePodStatus`.
pub fn ready(started: bool, readiness: Option<Verdict>, worker: bool) -> bool {
    started && (readiness == Some(Verdict::Success) || !worker)
}

/// How long a container gets between SIGTERM and SIGKILL, its preStop hook included.
///
/// `deletion` is the Pod's `deletionGracePeriodSeconds` if it is being deleted; `probe` is the value
/// of the probe that failed, which wins over the Pod's even if it is longer.
///
/// Rule: `pkg/kubelet/kuberuntime/kuberuntime_container.go`, `setTerminationGracePeriod`.
pub fn kill_grace(
    deletion: Option<Duration>,
    probe: Option<Duration>,
    pod: Option<Duration>,
) -> Duration {
    deletion.or(probe).or(pod).unwrap_or(MINIMUM_GRACE)
}

/// What is left of `grace` for SIGTERM: never below two seconds.
///
/// Rule: `pkg/kubelet/kuberuntime/kuberuntime_container.go`, `minimumGracePeriodInSeconds`.
pub fn stop_grace(grace: Duration) -> Duration {
    grace.max(MINIMUM_GRACE)
}

const MINIMUM_GRACE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn started_follows_the_probe_and_inherits_without_one() {
        let check = |running, startup, before, worker, expected| {
            assert_eq!(started(running, startup, before, worker), expected);
        };
        check(false, Some(Verdict::Success), true, true, false);
        check(true, Some(Verdict::Success), false, true, true);
        check(true, Some(Verdict::Unknown), true, true, false);
        check(true, None, true, true, true);
        check(true, None, false, true, false);
        check(true, None, false, false, true);
    }

    #[test]
    fn ready_needs_started_and_a_success_or_no_probe() {
        assert!(!ready(false, Some(Verdict::Success), true));
        assert!(ready(true, Some(Verdict::Success), true));
        assert!(!ready(true, Some(Verdict::Failure), true));
        assert!(!ready(true, None, true));
        assert!(ready(true, None, false));
    }

    #[test]
    fn sidecars_outlive_the_others_and_go_in_reverse() {
        let roles = [
            Role::Sidecar,
            Role::Init,
            Role::Sidecar,
            Role::Main,
            Role::Main,
        ];
        let check = |place, expected: &[usize]| assert_eq!(outlived(&roles, place), expected);
        check(0, &[3, 4, 2]);
        check(1, &[]);
        check(2, &[3, 4]);
        check(3, &[]);
    }

    #[test]
    fn deletion_then_probe_then_pod_sets_the_grace() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let check = |deletion, probe, pod, expected| {
            assert_eq!(Some(kill_grace(deletion, probe, pod)), seconds(expected));
        };
        check(seconds(1), seconds(5), seconds(30), 1);
        check(None, seconds(500), seconds(30), 500);
        check(None, None, seconds(30), 30);
        check(None, None, None, 2);
        assert_eq!(Some(stop_grace(Duration::ZERO)), seconds(2));
    }
}
