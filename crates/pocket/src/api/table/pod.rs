//! The row of a Pod: above all its status, in a word.
//!
//! The word is not the phase. It names the container that keeps the Pod from its work, if there is
//! one.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateTerminated, ContainerStatus, Pod, PodCondition, PodSpec,
    PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::metadata::named;
use super::{Column, Printer, cell};
use crate::store::StoredObject;

pub(super) static POD: Printer = Printer {
    columns: &[
        Column::text("Name"),
        Column::text("Ready"),
        Column::text("Status"),
        Column::text("Restarts"),
        Column::text("Age"),
        Column::wide("IP"),
        Column::wide("Node"),
        Column::wide("Nominated Node"),
        Column::wide("Readiness Gates"),
    ],
    cells,
    conditions,
};

fn cells(object: &StoredObject, now: Timestamp) -> Vec<Value> {
    let pod: Pod = object.to_typed();
    let deleted = pod.metadata.deletion_timestamp.is_some();
    let (spec, status) = (pod.spec.unwrap_or_default(), pod.status.unwrap_or_default());
    let summary = Summary::of(&spec, &status, deleted);
    let between = [
        format!("{}/{}", summary.ready, summary.containers).into(),
        summary.word.clone().into(),
        summary.restarts.text(now).into(),
    ];
    let mut cells = named(&pod.metadata, now, &between);
    let address = status.pod_ips.iter().flatten().next();
    cells.extend([
        cell::or_none(address.map(|address| address.ip.as_str())).into(),
        cell::or_none(spec.node_name.as_deref()).into(),
        cell::or_none(status.nominated_node_name.as_deref()).into(),
        gates(&spec, &status).into(),
    ]);
    cells
}

fn conditions(object: &StoredObject) -> Value {
    let pod: Pod = object.to_typed();
    let phase = pod.status.and_then(|status| status.phase);
    let message = match phase.as_deref() {
        Some("Succeeded") => "The pod has completed successfully.",
        Some("Failed") => "The pod failed.",
        _ => return Value::Null,
    };
    json!([{"type": "Completed", "status": "True", "reason": phase, "message": message}])
}

/// What the row says of the Pod's containers.
struct Summary {
    word: String,
    ready: usize,
    /// The containers that run for the Pod's whole life.
    containers: usize,
    restarts: Restarts,
}

/// How often containers were restarted, and when the last of them ended before its restart.
#[derive(Clone, Default)]
struct Restarts {
    count: i32,
    last: Option<Time>,
}

/// How far the init containers are.
struct Initialization {
    /// Of all init containers.
    restarts: Restarts,
    /// Of the sidecars among them.
    sidecar_restarts: Restarts,
    ready_sidecars: usize,
    /// The word for the init container that is not done; `None` if all are.
    pending: Option<String>,
}

impl Restarts {
    fn add(&mut self, container: &ContainerStatus) {
        self.count += container.restart_count;
        let ended = container
            .last_state
            .as_ref()
            .and_then(|state| state.terminated.as_ref());
        let ended = ended.and_then(|ended| ended.finished_at.clone());
        self.last = self.last.take().max(ended);
    }

    fn text(&self, now: Timestamp) -> String {
        match &self.last {
            Some(last) if self.count != 0 => {
                format!("{} ({} ago)", self.count, cell::between(last.0, now))
            }
            _ => self.count.to_string(),
        }
    }
}

impl Summary {
    fn of(spec: &PodSpec, status: &PodStatus, deleted: bool) -> Self {
        let sidecars = sidecars(spec);
        let phase = status.phase.clone().unwrap_or_default();
        let mut word =
            present(status.reason.as_deref()).map_or_else(|| phase.clone(), str::to_owned);
        if condition(status, "PodScheduled").and_then(|it| it.reason.as_deref())
            == Some("SchedulingGated")
        {
            "SchedulingGated".clone_into(&mut word);
        }
        let started = Initialization::of(spec, status, &sidecars);
        let mut summary = Self {
            word,
            ready: started.ready_sidecars,
            containers: spec.containers.len() + sidecars.len(),
            restarts: started.restarts,
        };
        let initialized = condition(status, "Initialized").is_some_and(|it| it.status == "True");
        match started.pending {
            Some(pending) if !initialized => summary.word = pending,
            pending => {
                summary.word = pending.unwrap_or(summary.word);
                summary.restarts = started.sidecar_restarts;
                summary.add_main_containers(status);
            }
        }
        if deleted && status.reason.as_deref() == Some("NodeLost") {
            "Unknown".clone_into(&mut summary.word);
        } else if deleted && !matches!(phase.as_str(), "Succeeded" | "Failed") {
            "Terminating".clone_into(&mut summary.word);
        }
        summary
    }

    fn add_main_containers(&mut self, status: &PodStatus) {
        let (mut running, mut failure) = (false, None);
        // The first container has the last word.
        for container in status.container_statuses.iter().flatten().rev() {
            self.restarts.add(container);
            let state = container.state.clone().unwrap_or_default();
            if let Some(reason) = waiting_reason(&state) {
                reason.clone_into(&mut self.word);
            } else if let Some(ended) = &state.terminated {
                self.word = end(ended);
                if ended.exit_code != 0 {
                    failure = Some(self.word.clone());
                }
            } else if container.ready && state.running.is_some() {
                running = true;
                self.ready += 1;
            }
        }
        if self.word == "Completed" {
            let ready = condition(status, "Ready").is_some_and(|it| it.status == "True");
            match failure {
                _ if running && ready => "Running".clone_into(&mut self.word),
                Some(failure) => self.word = failure,
                None if running => "NotReady".clone_into(&mut self.word),
                None => {}
            }
        }
    }
}

impl Initialization {
    fn of(spec: &PodSpec, status: &PodStatus, sidecars: &BTreeSet<&str>) -> Self {
        let total = spec.init_containers.as_ref().map_or(0, Vec::len);
        let mut found = Self {
            restarts: Restarts::default(),
            sidecar_restarts: Restarts::default(),
            ready_sidecars: 0,
            pending: None,
        };
        let statuses = status.init_container_statuses.iter().flatten();
        for (number, container) in statuses.enumerate() {
            let is_sidecar = sidecars.contains(container.name.as_str());
            found.restarts.add(container);
            if is_sidecar {
                found.sidecar_restarts.add(container);
            }
            let state = container.state.clone().unwrap_or_default();
            if state
                .terminated
                .as_ref()
                .is_some_and(|it| it.exit_code == 0)
            {
                continue;
            }
            if is_sidecar && container.started == Some(true) {
                found.ready_sidecars += usize::from(container.ready);
                continue;
            }
            found.pending = Some(if let Some(ended) = &state.terminated {
                format!("Init:{}", end(ended))
            } else {
                match waiting_reason(&state) {
                    Some(reason) if reason != "PodInitializing" => format!("Init:{reason}"),
                    _ => format!("Init:{number}/{total}"),
                }
            });
            break;
        }
        found
    }
}

/// The names of the init containers that run on beside the others.
fn sidecars(spec: &PodSpec) -> BTreeSet<&str> {
    let containers = spec.init_containers.iter().flatten();
    containers
        .filter(|container| container.restart_policy.as_deref() == Some("Always"))
        .map(|container| container.name.as_str())
        .collect()
}

fn waiting_reason(state: &ContainerState) -> Option<&str> {
    present(state.waiting.as_ref()?.reason.as_deref())
}

/// The word for a container's end.
fn end(ended: &ContainerStateTerminated) -> String {
    match (present(ended.reason.as_deref()), ended.signal) {
        (Some(reason), _) => reason.to_owned(),
        (None, Some(signal)) if signal != 0 => format!("Signal:{signal}"),
        (None, _) => format!("ExitCode:{}", ended.exit_code),
    }
}

/// How many of the readiness gates are open.
fn gates(spec: &PodSpec, status: &PodStatus) -> String {
    let gates = spec.readiness_gates.as_deref().unwrap_or_default();
    if gates.is_empty() {
        return cell::NONE.to_owned();
    }
    let is_open = |type_: &str| condition(status, type_).is_some_and(|it| it.status == "True");
    let open = gates.iter().filter(|gate| is_open(&gate.condition_type));
    format!("{}/{}", open.count(), gates.len())
}

fn condition<'a>(status: &'a PodStatus, type_: &str) -> Option<&'a PodCondition> {
    let mut conditions = status.conditions.iter().flatten();
    conditions.find(|condition| condition.type_ == type_)
}

fn present(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}
