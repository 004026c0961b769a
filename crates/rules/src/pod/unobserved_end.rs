//! Containers whose termination was not observed before their Pod ended.

use super::phase::ContainerView;
use crate::container::{Role, State};

/// For each of a Pod's containers, in order, whether the ended Pod's status must invent a
/// termination. Containers that were not yet due to start get none.
///
/// Rule: `pkg/kubelet/status/status_manager.go`, `TerminatePod`.
pub fn unobserved_ends(containers: &[ContainerView<'_>]) -> Vec<bool> {
    let reached = containers
        .iter()
        .rposition(|view| view.role != Role::Main && !view.never_ran());
    // The first container counts as tried in any case.
    let tried = reached.map_or(1, |place| place + 1);
    let initialized = is_initialized(containers);
    let is_unobserved = |(place, view): (usize, &ContainerView<'_>)| {
        let tried = match view.role {
            Role::Main => initialized,
            Role::Init | Role::Sidecar => place < tried,
        };
        tried && !matches!(view.state, State::Terminated(_))
    };
    containers.iter().enumerate().map(is_unobserved).collect()
}

/// Rule: the same file, `hasPodInitialized`.
fn is_initialized(containers: &[ContainerView<'_>]) -> bool {
    // Init containers run in order, so the last one stands for all.
    let last = containers.iter().rfind(|view| view.role != Role::Main);
    let has_run = |view: &ContainerView<'_>| view.role == Role::Main && !view.never_ran();
    last.is_none_or(is_done) || containers.iter().any(has_run)
}

fn is_done(view: &ContainerView<'_>) -> bool {
    match view.state {
        State::Running { .. } => view.role == Role::Sidecar && view.started,
        State::Terminated(exit) => view.role == Role::Init && exit.code == 0,
        State::Waiting(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::{Exit, StartRefusal};

    fn waits() -> State {
        State::Waiting(StartRefusal::creating(false))
    }

    fn ended(code: i32) -> State {
        State::Terminated(Exit {
            code,
            ..Exit::unknown()
        })
    }

    #[track_caller]
    fn check(containers: &[(Role, State)], expected: &[bool]) {
        let views = containers.iter().map(|(role, state)| ContainerView {
            name: "a",
            role: *role,
            state,
            ended_before: false,
            restarts: false,
            started: true,
            started_before: true,
            ready: false,
        });
        assert_eq!(unobserved_ends(&views.collect::<Vec<_>>()), expected);
    }

    #[test]
    fn a_container_without_an_observed_end_is_unobserved() {
        check(&[(Role::Main, waits())], &[true]);
        check(
            &[(Role::Main, ended(0)), (Role::Main, waits())],
            &[false, true],
        );
    }

    #[test]
    fn a_container_that_was_not_due_is_not_unobserved() {
        let (init, main) = (Role::Init, Role::Main);
        check(
            &[(init, waits()), (init, waits()), (main, waits())],
            &[true, false, false],
        );
        check(
            &[(init, ended(0)), (init, waits()), (main, waits())],
            &[false, false, false],
        );
        check(
            &[(init, ended(0)), (init, ended(1)), (main, waits())],
            &[false, false, false],
        );
        check(
            &[(init, ended(0)), (init, ended(0)), (main, waits())],
            &[false, false, true],
        );
        check(
            &[(init, waits()), (main, ended(0)), (main, waits())],
            &[true, false, true],
        );
    }

    #[test]
    fn a_sidecar_that_started_lets_the_main_ones_start() {
        let running = State::Running {
            since: crate::Moment::default(),
        };
        check(
            &[(Role::Sidecar, running), (Role::Main, waits())],
            &[true, true],
        );
        check(
            &[(Role::Sidecar, waits()), (Role::Main, waits())],
            &[true, false],
        );
    }
}
