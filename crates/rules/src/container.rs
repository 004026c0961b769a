//! One container: its specification, instances, states and grace periods.
//!
//! An *instance* is one run of the container's process, with an ID of its own; a restart makes a
//! new instance. [`crate::restart`] decides on restarts.

use std::time::Duration;

use crate::Moment;
pub use crate::container_id::ContainerId;
use crate::probe::{self, Verdict};
pub use crate::restart_rules::{ExitCodes, RestartPolicy, RestartRule, RestartRules, Restarted};

/// The part of a container's specification that the rules use.
#[derive(Clone, Debug)]
pub struct ContainerSpec {
    /// The name, unique in the Pod.
    pub name: String,
    /// When in the Pod's life it runs.
    pub role: Role,
    /// The image's name, unchanged from the specification.
    pub image: String,
    /// When it is started again.
    pub restart: RestartRules,
    /// Its probes, in the order in which a kubelet starts their workers: startup, readiness,
    /// liveness.
    pub probes: Vec<probe::Spec>,
}

impl ContainerSpec {
    /// The container's probe of this kind, if it has one.
    pub fn probe(&self, kind: probe::ProbeKind) -> Option<&probe::Spec> {
        self.probes.iter().find(|probe| probe.kind == kind)
    }
}

/// When in its Pod's life a container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Runs to completion before the next init container and before the main containers.
    Init,
    /// Starts in order among the init containers and keeps running: an init container with
    /// `restartPolicy: Always`.
    Sidecar,
    /// Runs for the whole life of the Pod.
    Main,
}

/// The containers that must have ended before the one at `place` gets SIGTERM in a Pod's
/// termination. A sidecar waits for all main containers and for the next sidecar. `roles` are those
/// of all containers, in order.
///
/// Rule: `pkg/kubelet/kuberuntime/kuberuntime_termination_order.go`.
pub fn ends_after(roles: &[Role], place: usize) -> Vec<usize> {
    if roles.get(place) != Some(&Role::Sidecar) {
        return Vec::new();
    }
    // The next sidecar is enough: it has waited for the one after it. So sidecars end in reverse
    // order.
    let at = |role| move |other: &usize| roles[*other] == role;
    let main = (0..roles.len()).filter(at(Role::Main));
    let next = (place + 1..roles.len()).find(at(Role::Sidecar));
    main.chain(next).collect()
}

/// One instance of a container, as the runtime knows it.
#[derive(Clone, Debug)]
pub struct Instance {
    /// The instance's ID.
    pub id: ContainerId,
    /// Number of instances of this container before it.
    pub restarts: u32,
    /// The image it was created from.
    pub image: String,
    /// Whether it runs or has ended.
    pub life: Life,
}

impl Instance {
    /// Whether the instance has not ended.
    pub fn is_running(&self) -> bool {
        matches!(self.life, Life::Running { .. })
    }

    /// How the instance ended, if it has.
    pub fn exit(&self) -> Option<&Exit> {
        match &self.life {
            Life::Running { .. } => None,
            Life::Exited(exit) => Some(exit),
        }
    }
}

/// Whether an instance runs or has ended.
#[derive(Clone, Debug)]
pub enum Life {
    /// The instance runs.
    Running {
        /// The exact start, not rounded as in published status.
        since: Moment,
    },
    /// The instance has ended.
    Exited(Exit),
}

/// How an instance ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The process's exit code, or 128 + the number of the signal that killed it.
    pub code: i32,
    /// When the instance started.
    pub started: Moment,
    /// When it ended.
    pub finished: Moment,
    /// Why it ended.
    pub cause: Cause,
    /// Its termination message.
    pub message: Option<String>,
}

/// Why an instance ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// The process exited, or a signal ended it.
    #[default]
    Process,
    /// The process exceeded its container's memory limit.
    OutOfMemory,
    /// The program could not be started, so there was no process.
    Unstarted,
    /// It was removed so that all containers of its Pod could be restarted. Its times are unknown.
    Removed,
    /// Unknown: the Pod has ended, and the end of this instance was not observed. Its times are
    /// unknown too.
    Unknown,
}

impl Exit {
    /// The reason that a container runtime reports. It does not mention probes.
    pub fn reason(&self) -> &'static str {
        // containerd's words, but for the last one, which is the kubelet's own.
        match self.cause {
            Cause::Process if self.code == 0 => "Completed",
            Cause::Process => "Error",
            Cause::OutOfMemory => "OOMKilled",
            Cause::Unstarted => "StartError",
            Cause::Removed => REMOVED,
            Cause::Unknown => "ContainerStatusUnknown",
        }
    }

    /// The invented termination of a container that was removed because all containers of its Pod
    /// are restarted.
    ///
    /// Rule: `pkg/kubelet/kubelet_pods.go`, `convertToAPIContainerStatuses`.
    pub fn removed() -> Self {
        Self {
            cause: Cause::Removed,
            message: Some(REMOVED_MESSAGE.to_owned()),
            ..Self::unknown()
        }
    }

    /// The invented termination of a container whose end was not observed.
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

/// Reason and message of a container that was removed, in its state and its last state.
const REMOVED: &str = "RestartingAllContainers";
const REMOVED_MESSAGE: &str = "The container is removed because RestartAllContainers in place";

/// A container's state in the Pod's status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// There is no instance, or a due start was refused.
    Waiting(StartRefusal),
    /// The newest instance runs.
    Running {
        /// When the instance started.
        since: Moment,
    },
    /// The newest instance has ended.
    Terminated(Exit),
}

/// Why a container is not started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartRefusal {
    /// A reason for programs, such as `CrashLoopBackOff`.
    pub reason: String,
    /// A message for people.
    pub message: Option<String>,
}

impl StartRefusal {
    /// The refusal of a container that was just removed because all containers of its Pod are
    /// restarted.
    ///
    /// Rule: `pkg/kubelet/kubelet_pods.go`, `convertToAPIContainerStatuses`.
    pub fn removed() -> Self {
        Self {
            reason: REMOVED.to_owned(),
            message: Some(REMOVED_MESSAGE.to_owned()),
        }
    }

    /// The refusal of a container that is not started yet, without any error.
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
/// `before` is the value in the last status for the container *of that name*. A replacement
/// therefore inherits it until its own startup probe has a result, unless a status in between saw
/// the container down.
///
/// Rule: `pkg/kubelet/prober/prober_manager.go`, `isContainerStarted`; kubernetes#141155.
pub fn started(running: bool, startup: Option<Verdict>, before: bool, worker: bool) -> bool {
    match startup {
        _ if !running => false,
        Some(verdict) => verdict == Verdict::Success,
        // The last published value counts since 1.35, as `ChangeContainerStatusOnKubeletRestart` is
        // off.
        None => before || !worker,
    }
}

/// Whether a container counts as ready.
///
/// Rule: `pkg/kubelet/prober/prober_manager.go`, `UpdatePodStatus`.
pub fn ready(started: bool, readiness: Option<Verdict>, worker: bool) -> bool {
    started && (readiness == Some(Verdict::Success) || !worker)
}

/// The time a container gets between SIGTERM and SIGKILL, including its preStop hook.
///
/// `deletion` is the Pod's `deletionGracePeriodSeconds` if it is being deleted. `probe` is the
/// grace period of the failed probe, which takes precedence over the Pod's even if it is longer.
///
/// Rule: `pkg/kubelet/kuberuntime/kuberuntime_container.go`, `setTerminationGracePeriod`.
pub fn kill_grace(
    deletion: Option<Duration>,
    probe: Option<Duration>,
    pod: Option<Duration>,
) -> Duration {
    deletion.or(probe).or(pod).unwrap_or(MINIMUM_GRACE)
}

/// The grace period of a Pod's termination: at least one second, however the Pod was deleted.
///
/// It is set when the termination begins: a shorter deletion that comes later changes nothing. Seen
/// on a node 1.36.3.
///
/// Rule: `pkg/kubelet/pod_workers.go`, `calculateEffectiveGracePeriod`, and
/// `pkg/kubelet/kubelet.go`, `SyncTerminatingPod`, which cannot be cancelled.
pub fn termination_grace(deletion: Option<Duration>, pod: Duration) -> Duration {
    deletion.unwrap_or(pod).max(Duration::from_secs(1))
}

/// What is left of `grace` after a preStop hook, or a sidecar's wait for other containers, took
/// `took`. Only whole seconds of it count.
///
/// Rule: `pkg/kubelet/kuberuntime/kuberuntime_container.go`, `killContainer` and
/// `executePreStopHook`.
#[must_use]
pub fn grace_after(grace: Duration, took: Duration) -> Duration {
    grace.saturating_sub(Duration::from_secs(took.as_secs()))
}

/// The time from SIGTERM to SIGKILL: `grace`, but at least two seconds.
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
        let check = |place, expected: &[usize]| assert_eq!(ends_after(&roles, place), expected);
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
        let check = |deletion, pod: u64, expected| {
            let grace = termination_grace(deletion, Duration::from_secs(pod));
            assert_eq!(Some(grace), seconds(expected));
        };
        check(None, 30, 30);
        check(seconds(60), 30, 60);
        check(seconds(0), 30, 1);
        check(None, 0, 1);
    }

    #[test]
    fn a_hook_uses_up_the_grace_in_whole_seconds() {
        let check = |grace, took, expected| {
            let left = grace_after(Duration::from_secs(grace), Duration::from_millis(took));
            assert_eq!(left, Duration::from_secs(expected), "{grace} {took}");
        };
        check(30, 999, 30);
        check(30, 2_999, 28);
        check(3, 3_001, 0);
        check(3, 9_000, 0);
    }

    /// Seen on a node: sleep 3 with a grace period of 3 s, SIGKILL 5.1 s after `Killing`.
    #[test]
    fn at_least_two_seconds_are_left_after_a_hook() {
        let check = |grace, took, expected| {
            let left = grace_after(Duration::from_secs(grace), Duration::from_millis(took));
            let left = stop_grace(left);
            assert_eq!(left, Duration::from_secs(expected), "{grace} {took}");
        };
        check(3, 3_000, 2);
        check(30, 2_999, 28);
        check(30, 3_000, 27);
        check(4, 4_000, 2);
        check(1, 1_000, 2);
    }
}
