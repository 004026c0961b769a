//! The literal texts of a kubelet's events, on which clients match.
//!
//! Rule: `pkg/kubelet/events/event.go`, `pkg/kubelet/prober/prober.go`,
//! `pkg/kubelet/kuberuntime/kuberuntime_manager.go`, `kuberuntime_container.go`.

use crate::container::Role;
use crate::probe::{ProbeKind, ProbeOutcome};
use crate::restart::KillCause;

/// Reason and message of the event about a probe's attempt; `None` for a success.
///
/// `detail` is the attempt's own text. `answered` selects the state in the text of an error:
/// `failure` if the container had begun to answer, else `unknown`.
pub fn attempt(
    kind: ProbeKind,
    outcome: ProbeOutcome,
    answered: bool,
    detail: &str,
) -> Option<(&'static str, String)> {
    let (reason, message) = match outcome {
        ProbeOutcome::Success => return None,
        ProbeOutcome::Warning => ("ProbeWarning", format!("{kind} probe warning: {detail}")),
        ProbeOutcome::Failure => ("Unhealthy", format!("{kind} probe failed: {detail}")),
        ProbeOutcome::Error => {
            let state = if answered { "failure" } else { "unknown" };
            let message = format!("{kind} probe errored and resulted in {state} state: {detail}");
            ("Unhealthy", message)
        }
    };
    Some((reason, message))
}

/// The message of `Killing` for one container. The texts for init containers and sidecars do not
/// mention the restart.
pub fn killing(role: Role, container: &str, cause: KillCause, restart: bool) -> String {
    let what = match cause {
        KillCause::Changed => "definition changed".to_owned(),
        KillCause::Probe(kind) => format!("failed {} probe", kind.to_string().to_lowercase()),
    };
    match role {
        Role::Main if restart => format!("Container {container} {what}, will be restarted"),
        Role::Main => format!("Container {container} {what}"),
        // Upstream: `computeInitContainerActions`, which has texts of its own.
        Role::Init | Role::Sidecar => format!("Init container {container} {what}"),
    }
}

/// The message of `Killing` for each container of a Pod that is being terminated.
pub fn stopping(container: &str) -> String {
    format!("Stopping container {container}")
}

/// The message of `FailedPostStartHook`.
pub const POST_START_FAILED: &str = "PostStartHook failed";

/// The message of `FailedPreStopHook`.
pub const PRE_STOP_FAILED: &str = "PreStopHook failed";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_have_the_texts_of_their_outcomes() {
        let check = |kind, outcome, answered, expected: Option<(&'static str, &str)>| {
            let found = attempt(kind, outcome, answered, "why");
            assert_eq!(found.as_ref().map(|it| (it.0, it.1.as_str())), expected);
        };
        check(ProbeKind::Liveness, ProbeOutcome::Success, true, None);
        let failed = "Readiness probe failed: why";
        check(
            ProbeKind::Readiness,
            ProbeOutcome::Failure,
            true,
            Some(("Unhealthy", failed)),
        );
        let warned = "Startup probe warning: why";
        check(
            ProbeKind::Startup,
            ProbeOutcome::Warning,
            true,
            Some(("ProbeWarning", warned)),
        );
        let erred = "Liveness probe errored and resulted in failure state: why";
        check(
            ProbeKind::Liveness,
            ProbeOutcome::Error,
            true,
            Some(("Unhealthy", erred)),
        );
        let unknown = "Liveness probe errored and resulted in unknown state: why";
        check(
            ProbeKind::Liveness,
            ProbeOutcome::Error,
            false,
            Some(("Unhealthy", unknown)),
        );
    }

    #[test]
    fn killing_names_the_probe_and_the_intent() {
        let check = |cause, restart, expected| {
            assert_eq!(killing(Role::Main, "c", cause, restart), expected);
        };
        let liveness = KillCause::Probe(ProbeKind::Liveness);
        check(
            liveness,
            true,
            "Container c failed liveness probe, will be restarted",
        );
        check(liveness, false, "Container c failed liveness probe");
        check(
            KillCause::Changed,
            true,
            "Container c definition changed, will be restarted",
        );
        let sidecar = killing(Role::Sidecar, "c", liveness, true);
        assert_eq!(sidecar, "Init container c failed liveness probe");
    }
}
