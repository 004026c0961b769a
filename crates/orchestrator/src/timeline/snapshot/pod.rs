//! The fields of a Pod that conditions can test, read from its JSON once per watch event.

use std::collections::BTreeMap;

use serde_json::Value;

use super::owner::Owner;
use crate::input::experiment::{ConditionStatus, ContainerPhase};
use crate::timeline::Micros;

/// The last observed state of a Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PodFacts {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) ip: Option<String>,
    pub(crate) owner: Option<Owner>,
    /// It was deleted.
    pub(crate) gone: bool,
    /// It has a deletion timestamp.
    pub(crate) deleting: bool,
    pub(crate) conditions: BTreeMap<String, ConditionStatus>,
    /// Regular containers and restartable init containers, as `kubectl get pod` counts them.
    pub(crate) containers: BTreeMap<String, ContainerFacts>,
}

/// The last observed state of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ContainerFacts {
    pub(crate) ready: bool,
    pub(crate) started: bool,
    pub(crate) restarts: i64,
    pub(crate) phase: Option<ContainerPhase>,
    pub(crate) reason: Option<String>,
    /// When this start of it was first observed running; none while it does not run.
    pub(crate) running: Option<Micros>,
    /// The kubelet has begun to kill it, and holds its liveness and startup probes until the next
    /// start.
    pub(crate) killed: bool,
}

impl PodFacts {
    /// Reads a Pod observed at `at`. `before` is its state until then; with it, the specification
    /// is not read, as no container can be added to a Pod.
    pub(crate) fn read(pod: &Value, gone: bool, at: Micros, before: Option<&Self>) -> Self {
        let mut containers = containers(pod, before);
        for (name, container) in &mut containers {
            let before = before.and_then(|before| before.containers.get(name));
            container.follow(before, at);
        }
        let (metadata, status) = (&pod["metadata"], &pod["status"]);
        Self {
            name: text(&metadata["name"]).unwrap_or_default(),
            uid: text(&metadata["uid"]).unwrap_or_default(),
            ip: text(&status["podIP"]),
            owner: Owner::of(pod),
            gone,
            deleting: metadata["deletionTimestamp"].is_string(),
            conditions: list(&status["conditions"]).filter_map(condition).collect(),
            containers,
        }
    }

    /// Whether it is deleted or being deleted.
    pub(crate) fn is_leaving(&self) -> bool {
        self.gone || self.deleting
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.conditions.get("Ready") == Some(&ConditionStatus::True)
    }

    /// Number of ready containers and of all containers.
    pub(crate) fn ready_count(&self) -> (u32, u32) {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let ready = self
            .containers
            .values()
            .filter(|container| container.ready)
            .count();
        (count(ready), count(self.containers.len()))
    }

    pub(crate) fn restarts(&self) -> i64 {
        self.containers
            .values()
            .map(|container| container.restarts)
            .sum()
    }
}

// kubectl counts the same containers, in printPod of pkg/printers/internalversion/printers.go.
fn containers(pod: &Value, before: Option<&PodFacts>) -> BTreeMap<String, ContainerFacts> {
    let (spec, status) = (&pod["spec"], &pod["status"]);
    let names: Vec<String> = if let Some(before) = before {
        before.containers.keys().cloned().collect()
    } else {
        let init = list(&spec["initContainers"]);
        let sidecars = init.filter(|container| container["restartPolicy"] == "Always");
        let all = list(&spec["containers"]).chain(sidecars);
        all.filter_map(|container| text(&container["name"]))
            .collect()
    };
    let unread = names
        .into_iter()
        .map(|name| (name, ContainerFacts::default()));
    let mut known: BTreeMap<String, ContainerFacts> = unread.collect();
    for reported in list(&status["containerStatuses"]).chain(list(&status["initContainerStatuses"]))
    {
        if let Some(facts) = reported["name"]
            .as_str()
            .and_then(|name| known.get_mut(name))
        {
            *facts = ContainerFacts::read(reported);
        }
    }
    known
}

impl ContainerFacts {
    fn read(status: &Value) -> Self {
        let phases = [
            ("waiting", ContainerPhase::Waiting),
            ("running", ContainerPhase::Running),
            ("terminated", ContainerPhase::Terminated),
        ];
        let state = phases
            .into_iter()
            .find(|(name, _)| status["state"][name].is_object());
        Self {
            ready: status["ready"] == true,
            started: status["started"] == true,
            restarts: status["restartCount"].as_i64().unwrap_or_default(),
            phase: state.map(|(_, phase)| phase),
            reason: state.and_then(|(name, _)| text(&status["state"][name]["reason"])),
            running: None,
            killed: false,
        }
    }

    /// Adds what the status does not contain: since when this start of the container runs, and
    /// whether it is being killed.
    fn follow(&mut self, before: Option<&Self>, at: Micros) {
        if self.phase != Some(ContainerPhase::Running) {
            return;
        }
        // A restart without back-off shows no state but running; only the restart count changes.
        let before = before.filter(|before| before.restarts == self.restarts);
        self.running = before.and_then(|before| before.running).or(Some(at));
        self.killed = before.is_some_and(|before| before.killed);
    }
}

fn condition(condition: &Value) -> Option<(String, ConditionStatus)> {
    let status = match condition["status"].as_str()? {
        "True" => ConditionStatus::True,
        "False" => ConditionStatus::False,
        _ => ConditionStatus::Unknown,
    };
    Some((text(&condition["type"])?, status))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(Into::into)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn containers_are_counted_as_kubectl_counts_them() {
        let pod = json!({
            "metadata": { "name": "web", "uid": "u" },
            "spec": {
                "containers": [{ "name": "a" }, { "name": "b" }],
                "initContainers": [{ "name": "once" }, { "name": "beside", "restartPolicy": "Always" }],
            },
            "status": {
                "containerStatuses": [{ "name": "a", "ready": true, "restartCount": 2 }],
                "initContainerStatuses": [
                    { "name": "once", "ready": true, "restartCount": 5 },
                    { "name": "beside", "ready": true, "restartCount": 1 },
                ],
            },
        });
        let facts = PodFacts::read(&pod, false, Micros::ZERO, None);
        assert_eq!((facts.ready_count(), facts.restarts()), ((2, 3), 3));
        assert!(!facts.is_ready());
    }

    #[test]
    fn anything_may_be_missing() {
        let facts = PodFacts::read(
            &json!({ "spec": 3, "status": { "containerStatuses": [null, 5] } }),
            true,
            Micros::ZERO,
            None,
        );
        assert_eq!(
            (facts.ready_count(), facts.gone, facts.ip),
            ((0, 0), true, None)
        );
    }
}
