//! A Pod's phase, computed from its containers.

use crate::container::{Role, State};

/// The status of one container, as far as the Pod's phase and conditions depend on it.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct ContainerView<'a> {
    /// The container's name.
    pub name: &'a str,
    /// When it runs in the Pod's life.
    pub role: Role,
    /// Its current state.
    pub state: &'a State,
    /// Whether an earlier instance has ended.
    pub ended_before: bool,
    /// Whether another instance follows its last exit.
    pub restarts: bool,
    /// Whether it counts as started.
    pub started: bool,
    /// Whether it did so in the status before.
    pub started_before: bool,
    /// Whether it counts as ready.
    pub ready: bool,
}

impl ContainerView<'_> {
    /// Whether no instance of it was ever started.
    pub(super) fn never_ran(&self) -> bool {
        matches!(self.state, State::Waiting(_)) && !self.ended_before
    }
}

/// A Pod's phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// At least one container has never been started.
    Pending,
    /// At least one container runs or will run again.
    Running,
    /// All containers have ended for good, with exit code 0.
    Succeeded,
    /// All containers have ended for good, at least one with another exit code.
    Failed,
}

impl Phase {
    /// Whether the phase is final.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }

    /// The phase's name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }
}

/// The phase of a Pod with these containers. `ended` means that no container is restarted any more:
/// the Pod is being deleted, or its phase was terminal before. `initialized` means that a main
/// container has an instance.
///
/// A container in crash-loop back-off counts as stopped, so its Pod is Running. A container whose
/// image is missing was never started, so its Pod is Pending even if a sibling serves. The exit
/// codes of sidecars do not matter.
///
/// Rule: `pkg/kubelet/kubelet_pods.go`, `getPhase`.
pub fn phase(ended: bool, initialized: bool, containers: &[ContainerView<'_>]) -> Phase {
    let of = |role| containers.iter().filter(move |view| view.role == role);
    let main: Vec<_> = of(Role::Main).collect();
    let failed =
        |view: &ContainerView<'_>| matches!(view.state, State::Terminated(exit) if exit.code != 0);
    // The main containers will never be started.
    if of(Role::Init).any(|view| failed(view) && !view.restarts) {
        return Phase::Failed;
    }
    let lasting = || of(Role::Sidecar).chain(of(Role::Main));
    let runs = |view: &ContainerView<'_>| matches!(view.state, State::Running { .. });
    let well =
        |view: &ContainerView<'_>| matches!(view.state, State::Terminated(exit) if exit.code == 0);
    // Where all containers were restarted, all main containers have ended before.
    let pending = of(Role::Init).any(|view| runs(view) || view.never_ran())
        || !initialized && of(Role::Sidecar).any(|view| runs(view) && !view.started_before);
    // Without containers upstream takes its default case, which is Pending.
    if main.is_empty() || pending || lasting().any(ContainerView::never_ran) {
        Phase::Pending
    } else if lasting().any(runs) || (!ended && main.iter().any(|view| view.restarts)) {
        Phase::Running
    } else if main.iter().all(|view| well(view)) {
        Phase::Succeeded
    } else {
        Phase::Failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Moment;
    use crate::container::{Cause, Exit, RestartPolicy, RestartRules, StartRefusal};

    fn exited(code: i32) -> State {
        State::Terminated(Exit {
            code,
            started: Moment::ZERO,
            finished: Moment::ZERO,
            cause: Cause::Process,
            message: None,
        })
    }

    fn running() -> State {
        State::Running {
            since: Moment::ZERO,
        }
    }

    fn waiting() -> State {
        State::Waiting(StartRefusal::creating(false))
    }

    fn view(role: Role, state: &State) -> ContainerView<'_> {
        ContainerView {
            name: "a",
            role,
            state,
            ended_before: false,
            restarts: false,
            started: false,
            started_before: false,
            ready: false,
        }
    }

    fn check(policy: RestartPolicy, states: &[State], expected: Phase) {
        check_after(false, false, policy, states, expected);
    }

    fn check_after(
        ended: bool,
        ended_before: bool,
        policy: RestartPolicy,
        states: &[State],
        expected: Phase,
    ) {
        let views: Vec<_> = states
            .iter()
            .map(|state| ContainerView {
                ended_before,
                restarts: restarts(policy, state),
                ..view(Role::Main, state)
            })
            .collect();
        assert_eq!(phase(ended, true, &views), expected, "{states:?}");
    }

    /// A container that waits has ended with 1.
    fn restarts(policy: RestartPolicy, state: &State) -> bool {
        let rules = RestartRules::from(policy);
        match state {
            State::Waiting(_) => rules.restarts(1),
            State::Running { .. } => false,
            State::Terminated(exit) => rules.restarts(exit.code),
        }
    }

    #[test]
    fn one_container_that_never_started_keeps_the_pod_pending() {
        check(
            RestartPolicy::Always,
            &[running(), waiting()],
            Phase::Pending,
        );
        check(
            RestartPolicy::Always,
            &[running(), running()],
            Phase::Running,
        );
    }

    #[test]
    fn a_crash_looping_pod_runs() {
        check_after(
            false,
            true,
            RestartPolicy::Always,
            &[waiting()],
            Phase::Running,
        );
        check(RestartPolicy::Always, &[exited(1)], Phase::Running);
        check(
            RestartPolicy::OnFailure,
            &[exited(1), exited(0)],
            Phase::Running,
        );
    }

    #[test]
    fn the_last_exit_codes_decide() {
        check(
            RestartPolicy::Never,
            &[exited(0), exited(0)],
            Phase::Succeeded,
        );
        check(RestartPolicy::Never, &[exited(0), exited(3)], Phase::Failed);
        check(
            RestartPolicy::Never,
            &[exited(3), running()],
            Phase::Running,
        );
        check(RestartPolicy::OnFailure, &[exited(0)], Phase::Succeeded);
    }

    #[test]
    fn a_failed_init_container_fails_a_pod_that_is_not_restarted() {
        let check = |policy, code, expected| {
            let (init, main) = (exited(code), waiting());
            let init = ContainerView {
                restarts: restarts(policy, &init),
                ..view(Role::Init, &init)
            };
            let views = [init, view(Role::Main, &main)];
            assert_eq!(phase(false, true, &views), expected);
        };
        check(RestartPolicy::Never, 1, Phase::Failed);
        check(RestartPolicy::Never, 0, Phase::Pending);
        check(RestartPolicy::Always, 1, Phase::Pending);
    }

    #[test]
    fn a_sidecar_keeps_a_pod_running_and_does_not_decide_how_it_ended() {
        let check = |sidecar: &State, main: &State, expected| {
            let views = [view(Role::Sidecar, sidecar), view(Role::Main, main)];
            assert_eq!(phase(false, true, &views), expected);
        };
        check(&running(), &waiting(), Phase::Pending);
        check(&waiting(), &running(), Phase::Pending);
        check(&running(), &exited(0), Phase::Running);
        check(&exited(137), &exited(0), Phase::Succeeded);
        check(&exited(0), &exited(1), Phase::Failed);
    }

    #[test]
    fn a_deleted_pods_containers_are_not_expected_back() {
        check_after(
            true,
            false,
            RestartPolicy::Always,
            &[exited(0)],
            Phase::Succeeded,
        );
        check_after(
            true,
            false,
            RestartPolicy::Always,
            &[exited(137)],
            Phase::Failed,
        );
        check_after(
            true,
            false,
            RestartPolicy::Always,
            &[running()],
            Phase::Running,
        );
    }

    /// Seen on a node 1.36.3 while all containers of a Pod were restarted.
    #[test]
    fn a_pod_whose_containers_are_all_restarted_is_pending_while_one_initializes_it() {
        let check = |init: &State, sidecar: &State, expected| {
            let again = |role, state| ContainerView {
                ended_before: true,
                restarts: true,
                started_before: false,
                ..view(role, state)
            };
            let main = waiting();
            let views = [
                again(Role::Init, init),
                again(Role::Sidecar, sidecar),
                again(Role::Main, &main),
            ];
            assert_eq!(phase(false, false, &views), expected);
        };
        check(&waiting(), &waiting(), Phase::Running);
        check(&running(), &waiting(), Phase::Pending);
        check(&exited(0), &waiting(), Phase::Running);
        check(&exited(0), &running(), Phase::Pending);
    }
}
