//! Waits until the containers that a step flips run and their targets answer.
//!
//! A steady state may hold while a container is still being created or waits in back-off. The step
//! begins only when every container that it flips runs, so that earlier changes are not attributed
//! to the step.

use std::time::Duration;

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::{ContainerState, Pod};
use probe_target::model::duration::format;

use super::state::RunState;
use crate::{
    exit::{Exit, Failure, HasExitCode},
    input::experiment::Flip,
    targets::{self, containers, control::ControlError, journal, statuses},
    timeline::Micros,
};

/// How long a container may be reported running while its target does not answer. A container that
/// has just ended is reported running until the kubelet's next relist, once a second.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Interval between calls to a target that does not answer.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// A container that a step flips does not run.
#[derive(Debug, thiserror::Error)]
#[error("step `{step}`: {what} after {}; a flip needs a container that runs", format(*within))]
struct NotRunning {
    step: String,
    what: String,
    within: Duration,
}

impl HasExitCode for NotRunning {
    fn exit(&self) -> Exit {
        Exit::Infrastructure
    }
}

impl RunState<'_> {
    /// Waits until all containers that a step flips run, at most for the steady state's `within`.
    pub(super) async fn await_running(
        &mut self,
        step: &str,
        flips: &[Flip],
    ) -> Result<(), Failure> {
        let within = self.job.experiment.steady_state.within;
        let deadline = self.recorder.now() + within;
        let mut unanswered: Option<Micros> = None;
        loop {
            let now = self.recorder.now();
            if let Some(what) = self.not_running(flips) {
                unanswered = None;
                if now >= deadline {
                    let step = step.to_owned();
                    return Err(NotRunning { step, what, within }.into());
                }
                self.wait(Some(deadline), "waiting for the container to run")
                    .await;
                continue;
            }
            let Err(error) = self.ask_targets(flips).await else {
                return Ok(());
            };
            let since = *unanswered.get_or_insert(now);
            if now >= since + ANSWER_TIMEOUT {
                return Err(error.into());
            }
            self.wait(
                Some(now + RETRY_INTERVAL),
                "waiting for the target to answer",
            )
            .await;
        }
    }

    /// Describes a container of these flips that does not run.
    fn not_running(&mut self, flips: &[Flip]) -> Option<String> {
        flips.iter().find_map(|flip| {
            let pods = self.first_pods(&flip.pod, flip.pods.as_ref());
            pods.iter()
                .find_map(|pod| not_running(pod, &flip.container))
        })
    }

    /// Calls `state` of every target to be flipped. Containers that are not targets are skipped
    /// here and refused when the flip is prepared.
    async fn ask_targets(&mut self, flips: &[Flip]) -> Result<(), ControlError> {
        let mut controls = Vec::new();
        for flip in flips {
            let pods = self.first_pods(&flip.pod, flip.pods.as_ref());
            let addresses = pods
                .iter()
                .filter_map(|pod| targets::target(pod, &flip.container).ok());
            controls.extend(addresses.map(|address| self.controls.control(&address)));
        }
        let recorder = &self.recorder;
        let asked = controls
            .iter()
            .map(|control| journal::state(control, recorder));
        try_join_all(asked).await.map(drop)
    }
}

/// The state of a container that does not run: `container b of pod web-1 is waiting
/// (CrashLoopBackOff: back-off 10s …)`.
fn not_running(pod: &Pod, container: &str) -> Option<String> {
    containers(pod).find(|each| each.name == container)?;
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let state = statuses(pod)
        .filter(|status| status.name == container)
        .find_map(|status| status.state.as_ref());
    let is = does(state)?;
    Some(format!("container {container} of pod {name} {is}"))
}

/// Text for a container's state; none if it runs.
fn does(state: Option<&ContainerState>) -> Option<String> {
    let Some(state) = state else {
        return Some("has no status yet".to_owned());
    };
    if state.running.is_some() {
        return None;
    }
    let because = |reason: Option<&String>, message: Option<&String>| {
        let parts: Vec<&str> = reason
            .into_iter()
            .chain(message)
            .filter_map(|text| text.trim().lines().next())
            .collect();
        if parts.is_empty() {
            String::new()
        } else {
            format!(" ({})", parts.join(": "))
        }
    };
    Some(match (&state.terminated, &state.waiting) {
        (Some(ended), _) => format!(
            "has ended with {}{}",
            ended.exit_code,
            because(ended.reason.as_ref(), ended.message.as_ref())
        ),
        (None, Some(waiting)) => format!(
            "is waiting{}",
            because(waiting.reason.as_ref(), waiting.message.as_ref())
        ),
        (None, None) => "is waiting".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(state: &Value, expected: Option<&str>) {
        let status = json!([{ "name": "b", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state }]);
        let pod = json!({
            "metadata": { "name": "web-1" },
            "spec": { "containers": [{ "name": "a" }, { "name": "b" }] },
            "status": { "containerStatuses": if state.is_null() { json!(null) } else { status } },
        });
        let pod = serde_json::from_value(pod).unwrap();
        assert_eq!(not_running(&pod, "b").as_deref(), expected, "{state}");
    }

    #[test]
    fn only_a_container_that_runs_can_be_flipped() {
        check(&json!({ "running": {} }), None);
        check(
            &Value::Null,
            Some("container b of pod web-1 has no status yet"),
        );
        check(&json!({}), Some("container b of pod web-1 is waiting"));
        check(
            &json!({ "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 10s" } }),
            Some("container b of pod web-1 is waiting (CrashLoopBackOff: back-off 10s)"),
        );
        check(
            &json!({ "terminated": { "exitCode": 3, "reason": "Error" } }),
            Some("container b of pod web-1 has ended with 3 (Error)"),
        );
    }

    #[test]
    fn a_container_that_is_not_there_is_not_waited_for() {
        let pod = serde_json::from_value(json!({ "spec": { "containers": [{ "name": "a" }] } }));
        assert_eq!(not_running(&pod.unwrap(), "b"), None);
    }
}
