//! The conditions that a kubelet sets on a Pod, with the reasons and messages clients match on.
//!
//! Rule: `pkg/kubelet/status/generate.go`. Transition times are computed elsewhere.

use super::phase::{ContainerView, Phase};
use crate::container::Role;

/// A condition of a Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Its `type`, such as `Ready`.
    pub kind: &'static str,
    /// Whether it holds.
    pub status: bool,
    /// Why it does not hold.
    pub why: Option<Why>,
}

/// The reason of a condition that does not hold (or, for a completed Pod, of one that does).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// A reason for programs, such as `ContainersNotReady`.
    pub reason: &'static str,
    /// A message for people; may be empty.
    pub message: String,
}

/// A readiness gate: a condition that another component must set before the Pod is ready.
#[derive(Clone, Debug)]
pub struct Gate<'a> {
    /// The condition's type.
    pub kind: &'a str,
    /// The condition's current status, if it exists.
    pub status: Option<&'a str>,
}

/// What the conditions of a Pod depend on, besides its containers and readiness gates.
#[derive(Clone, Copy, Debug)]
pub struct PodView {
    /// Its phase.
    pub phase: Phase,
    /// Whether containers can be started in it.
    pub sandbox: bool,
    /// Whether it was initialized in the status before.
    pub was_initialized: bool,
    /// Whether all its containers are being removed to be restarted, if a rule of one may cause
    /// that.
    pub restarting: Option<bool>,
}

/// All conditions of a Pod, in the order in which a kubelet writes them.
pub fn conditions(
    pod: PodView,
    containers: &[ContainerView<'_>],
    gates: &[Gate<'_>],
) -> Vec<Condition> {
    let PodView { phase, sandbox, .. } = pod;
    let unready = why_unready(phase, containers);
    // Gates are considered once all containers are ready: `GeneratePodReadyCondition`.
    let blocked = unready.clone().or_else(|| why_gated(gates));
    let mut conditions = vec![
        condition("PodReadyToStartContainers", sandbox),
        initialized(phase, pod.was_initialized, containers),
        because("Ready", blocked),
        because("ContainersReady", unready),
        // A kubelet gets only Pods that are bound to its node.
        condition("PodScheduled", true),
    ];
    let restarting = pod
        .restarting
        .map(|restarting| all_restarting(phase, restarting));
    conditions.extend(restarting);
    conditions
}

fn all_restarting(phase: Phase, restarting: bool) -> Condition {
    let why = match phase {
        Phase::Succeeded => Some(why("PodCompleted", String::new())),
        Phase::Failed => Some(why("PodFailed", String::new())),
        Phase::Pending | Phase::Running => restarting.then(|| {
            let message = "container exited with restart policy rule";
            why("RestartAllContainersStarted", message.to_owned())
        }),
    };
    Condition {
        kind: "AllContainersRestarting",
        status: restarting && !phase.is_terminal(),
        why,
    }
}

fn condition(kind: &'static str, status: bool) -> Condition {
    Condition {
        kind,
        status,
        why: None,
    }
}

fn because(kind: &'static str, why: Option<Why>) -> Condition {
    Condition {
        kind,
        status: why.is_none(),
        why,
    }
}

fn why(reason: &'static str, message: String) -> Why {
    Why { reason, message }
}

/// Once a main container has been started, or the Pod was initialized before, incomplete init
/// containers no longer matter.
fn initialized(phase: Phase, was_initialized: bool, containers: &[ContainerView<'_>]) -> Condition {
    let completed = why("PodCompleted", String::new());
    let incomplete = containers.iter().filter(|view| match view.role {
        Role::Init => !view.ready,
        Role::Sidecar => !view.started,
        Role::Main => false,
    });
    let names = names(incomplete);
    let never_started = |view: &ContainerView<'_>| view.role != Role::Main || view.never_ran();
    let incomplete = !was_initialized && !names.is_empty() && containers.iter().all(never_started);
    let message = format!("containers with incomplete status: [{names}]");
    Condition {
        kind: "Initialized",
        status: !incomplete,
        why: match phase {
            Phase::Succeeded => Some(completed),
            _ => incomplete.then(|| why("ContainersNotInitialized", message)),
        },
    }
}

fn why_unready(phase: Phase, containers: &[ContainerView<'_>]) -> Option<Why> {
    let of = |role| move |view: &&ContainerView<'_>| view.role == role && !view.ready;
    // In the kubelet's order: sidecars, then main containers.
    let sidecars = containers.iter().filter(of(Role::Sidecar));
    let unready = names(sidecars.chain(containers.iter().filter(of(Role::Main))));
    match phase {
        Phase::Succeeded => Some(why("PodCompleted", String::new())),
        Phase::Failed => Some(why("PodFailed", String::new())),
        _ if unready.is_empty() => None,
        _ => Some(why(
            "ContainersNotReady",
            format!("containers with unready status: [{unready}]"),
        )),
    }
}

/// The containers' names, in Go's list format.
fn names<'a>(containers: impl Iterator<Item = &'a ContainerView<'a>>) -> String {
    containers
        .map(|view| view.name)
        .collect::<Vec<_>>()
        .join(" ")
}

fn why_gated(gates: &[Gate<'_>]) -> Option<Why> {
    let missing: Vec<String> = gates.iter().filter_map(complaint).collect();
    (!missing.is_empty()).then(|| why("ReadinessGatesNotReady", missing.join(", ")))
}

fn complaint(gate: &Gate<'_>) -> Option<String> {
    let kind = gate.kind;
    match gate.status {
        Some("True") => None,
        None => Some(format!(
            "corresponding condition of pod readiness gate \"{kind}\" does not exist."
        )),
        Some(status) => Some(format!(
            "the status of pod readiness gate \"{kind}\" is not \"True\", but {status}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Moment;
    use crate::container::StartRefusal;
    use crate::container::State;

    fn pod(phase: Phase) -> PodView {
        PodView {
            phase,
            sandbox: true,
            was_initialized: false,
            restarting: None,
        }
    }

    #[test]
    fn a_pod_stays_initialized_while_all_its_containers_are_restarted() {
        let waiting = State::Waiting(StartRefusal::removed());
        let view = |name, role| ContainerView {
            name,
            role,
            state: &waiting,
            ended_before: true,
            restarts: true,
            started: false,
            started_before: true,
            ready: false,
        };
        let views = [view("i", Role::Init), view("a", Role::Main)];
        let restarted = PodView {
            was_initialized: true,
            restarting: Some(true),
            ..pod(Phase::Running)
        };
        let all = conditions(restarted, &views, &[]);
        let status = |kind| all.iter().find(|it| it.kind == kind).map(|it| it.status);
        assert_eq!(status("Initialized"), Some(true));
        assert_eq!(status("AllContainersRestarting"), Some(true));
        let over = PodView {
            phase: Phase::Failed,
            ..restarted
        };
        let last = conditions(over, &views, &[]).pop().expect("is the last");
        let reason = last.why.map(|why| why.reason);
        assert_eq!((last.status, reason), (false, Some("PodFailed")));
    }

    /// `Ready` of a Pod whose containers are named in capitals if they are ready.
    fn check(phase: Phase, names: &[&str], gates: &[Gate<'_>], reason: &str, message: &str) {
        let state = State::Running {
            since: Moment::ZERO,
        };
        let views: Vec<_> = names
            .iter()
            .map(|name| ContainerView {
                name,
                role: Role::Main,
                state: &state,
                ended_before: false,
                restarts: false,
                started: false,
                started_before: false,
                ready: name.chars().all(char::is_uppercase),
            })
            .collect();
        let all = conditions(pod(phase), &views, gates);
        let ready = all
            .into_iter()
            .find(|it| it.kind == "Ready")
            .expect("is always set");
        let said = ready.why.map(|why| (why.reason, why.message));
        let expected = (!reason.is_empty()).then(|| (reason, message.to_owned()));
        assert_eq!(ready.status, expected.is_none());
        assert_eq!(
            said.as_ref().map(|it| (it.0, &it.1)),
            expected.as_ref().map(|it| (it.0, &it.1))
        );
    }

    #[test]
    fn ready_names_the_unready_containers_in_order() {
        check(Phase::Running, &["A", "B"], &[], "", "");
        let message = "containers with unready status: [b a]";
        check(
            Phase::Running,
            &["b", "C", "a"],
            &[],
            "ContainersNotReady",
            message,
        );
    }

    #[test]
    fn a_finished_pod_is_not_ready() {
        check(Phase::Succeeded, &["a"], &[], "PodCompleted", "");
        check(Phase::Failed, &["A"], &[], "PodFailed", "");
    }

    #[test]
    fn gates_are_asked_once_the_containers_are_ready() {
        let gates = |status| {
            [Gate {
                kind: "x/y",
                status,
            }]
        };
        let check = |names: &[&str], status, reason, message| {
            check(Phase::Running, names, &gates(status), reason, message);
        };
        check(&["A"], Some("True"), "", "");
        let absent = "corresponding condition of pod readiness gate \"x/y\" does not exist.";
        check(&["A"], None, "ReadinessGatesNotReady", absent);
        let unset = "the status of pod readiness gate \"x/y\" is not \"True\", but False";
        check(&["A"], Some("False"), "ReadinessGatesNotReady", unset);
        let unready = "containers with unready status: [a]";
        check(&["a"], None, "ContainersNotReady", unready);
    }

    #[test]
    fn a_sidecar_must_have_started_for_one_condition_and_be_ready_for_another() {
        let waiting = State::Waiting(StartRefusal::creating(true));
        let running = State::Running {
            since: Moment::ZERO,
        };
        let check = |started, ready, expected: [&str; 2]| {
            let view = |name, role, state, started, ready| ContainerView {
                name,
                role,
                state,
                ended_before: false,
                restarts: false,
                started,
                started_before: started,
                ready,
            };
            let views = [
                view("s", Role::Sidecar, &running, started, ready),
                view("i", Role::Init, &waiting, false, false),
                view("a", Role::Main, &waiting, false, false),
            ];
            let all = conditions(pod(Phase::Pending), &views, &[]);
            let said = ["Initialized", "Ready"].map(|kind| {
                let condition = all.iter().find(|it| it.kind == kind);
                condition
                    .and_then(|it| it.why.clone())
                    .map(|why| why.message)
            });
            assert_eq!(said, expected.map(|message| Some(message.to_owned())));
        };
        check(
            false,
            false,
            [
                "containers with incomplete status: [s i]",
                "containers with unready status: [s a]",
            ],
        );
        check(
            true,
            false,
            [
                "containers with incomplete status: [i]",
                "containers with unready status: [s a]",
            ],
        );
        check(
            true,
            true,
            [
                "containers with incomplete status: [i]",
                "containers with unready status: [a]",
            ],
        );
    }

    #[test]
    fn init_containers_matter_until_another_has_started() {
        let waiting = State::Waiting(StartRefusal::creating(true));
        let running = State::Running {
            since: Moment::ZERO,
        };
        let check = |main, ready, expected: Option<&str>| {
            let view = |name, role, state, ready| ContainerView {
                name,
                role,
                state,
                ended_before: false,
                restarts: false,
                started: ready,
                started_before: ready,
                ready,
            };
            let init = view("i", Role::Init, &running, ready);
            let views = [init, view("a", Role::Main, main, false)];
            let condition = initialized(Phase::Pending, false, &views);
            let said = condition.why.map(|why| why.message);
            assert_eq!(said.as_deref(), expected);
            assert_eq!(condition.status, expected.is_none());
        };
        check(
            &waiting,
            false,
            Some("containers with incomplete status: [i]"),
        );
        check(&waiting, true, None);
        check(&running, false, None);
    }
}
