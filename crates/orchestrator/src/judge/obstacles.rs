//! Likely causes of a missed steady state, found in the workload's last observed objects.
//!
//! A pure function from a timeline to sentences; it affects no verdict. The workload's objects are
//! those that carry the run's label, and their descendants.

use std::collections::BTreeSet;

use k8s_openapi::{
    api::core::v1::{Container, Pod, Probe as Spec, Service},
    apimachinery::pkg::util::intstr::IntOrString,
};
use kube::core::ObjectMeta;
use serde_json::Value;

use crate::{
    cluster::ownership,
    judge::first_failure,
    targets::{containers, flip_plan::selects, probe_spec::port_number},
    timeline::{Record, Timeline, WatchedObject, snapshot::Snapshot},
};

/// All likely causes before the clean-up began, the likeliest first.
pub(crate) fn obstacles(timeline: &Timeline) -> Vec<String> {
    let records = timeline.before_clean_up();
    let snapshot = Snapshot::of(records);
    let seen: Vec<&WatchedObject> = records.iter().filter_map(Record::existing).collect();
    let created = created_by(&timeline.header().run, &seen);
    let is_ours = |object: &&WatchedObject| snapshot.grew_from(object, &created);
    let ours = |kind| snapshot.of_kind(kind).filter(is_ours);
    let pods: Vec<Pod> = ours("Pod").filter_map(WatchedObject::parsed).collect();
    let services: Vec<Service> = ours("Service").filter_map(WatchedObject::parsed).collect();
    let mut found: Vec<String> = first_failure::among(snapshot.objects(), &snapshot, &created)
        .map(|failure| failure.to_string())
        .into_iter()
        .collect();
    found.extend(pods.iter().flat_map(unnamed_ports));
    found.extend(pods.iter().flat_map(first_failure::crashes));
    found.extend(
        services
            .iter()
            .filter_map(|service| of_service(service, &pods)),
    );
    let mut warnings = seen.iter().copied().rev().filter(|seen| is_warning(seen));
    found.extend(warnings.find(is_ours).map(last_warning));
    found
}

/// The UIDs of the objects that carry the run's label.
fn created_by(run: &str, seen: &[&WatchedObject]) -> BTreeSet<String> {
    let ours = seen.iter().filter(|object| {
        let metadata = serde_json::from_value::<ObjectMeta>(object.field("metadata"));
        metadata.is_ok_and(|metadata| ownership::run_of(&metadata) == Some(run))
    });
    ours.map(|object| object.uid().to_owned()).collect()
}

/// Why a Service has no ready endpoint, if it has none.
fn of_service(service: &Service, pods: &[Pod]) -> Option<String> {
    let spec = service.spec.as_ref()?;
    let selector = spec
        .selector
        .as_ref()
        .filter(|selector| !selector.is_empty())?;
    let name = service.metadata.name.as_deref().unwrap_or_default();
    let selected: Vec<&Pod> = pods.iter().filter(|pod| selects(service, pod)).collect();
    if selected.is_empty() {
        let labels: Vec<String> = selector
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        return Some(format!(
            "service {name} has no endpoints: no pod has the labels `{}`",
            labels.join(",")
        ));
    }
    let unnamed = spec
        .ports
        .iter()
        .flatten()
        .find_map(|port| match &port.target_port {
            Some(IntOrString::String(target)) => unresolved(target, &selected),
            Some(IntOrString::Int(_)) | None => None,
        });
    if let Some(unnamed) = unnamed {
        return Some(format!("service {name} has no endpoints for its {unnamed}"));
    }
    let publishes = spec.publish_not_ready_addresses == Some(true);
    (!publishes && !selected.iter().any(|pod| is_ready(pod))).then(|| {
        let pods = match selected.len() {
            1 => "its pod is not ready".to_owned(),
            several => format!("none of its {several} pods is ready"),
        };
        format!("service {name} has no ready endpoint: {pods}")
    })
}

/// Describes a named `targetPort` that no container of these Pods declares.
fn unresolved(target: &str, pods: &[&Pod]) -> Option<String> {
    let all = || pods.iter().flat_map(|pod| containers(pod));
    let wanted = IntOrString::String(target.to_owned());
    let found = all().any(|container| port_number(container, &wanted).is_some());
    (!found).then(|| {
        let names = port_names(all());
        format!("targetPort `{target}`: no container names a port so; {names}")
    })
}

/// Describes probes whose named port their container does not declare.
fn unnamed_ports(pod: &Pod) -> Vec<String> {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let unnamed = containers(pod).flat_map(|container| {
        let probes = [
            ("liveness", &container.liveness_probe),
            ("readiness", &container.readiness_probe),
            ("startup", &container.startup_probe),
        ];
        probes.into_iter().filter_map(move |(kind, probe)| {
            let port = asked_port(probe.as_ref()?)?;
            let IntOrString::String(asked) = port else {
                return None;
            };
            port_number(container, port).is_none().then(|| {
                format!(
                    "the {kind} probe of container {} of pod {name} asks for port `{asked}`, and \
                     the container names no port so; {}",
                    container.name,
                    port_names(std::iter::once(container))
                )
            })
        })
    });
    unnamed.collect()
}

fn asked_port(probe: &Spec) -> Option<&IntOrString> {
    let http = probe.http_get.as_ref().map(|http| &http.port);
    http.or_else(|| probe.tcp_socket.as_ref().map(|tcp| &tcp.port))
}

fn port_names<'a>(containers: impl Iterator<Item = &'a Container>) -> String {
    let ports = containers.flat_map(|container| container.ports.iter().flatten());
    let names: BTreeSet<String> = ports
        .filter_map(|port| Some(format!("`{}`", port.name.as_ref()?)))
        .collect();
    if names.is_empty() {
        return "there are no named ports".to_owned();
    }
    let names: Vec<String> = names.into_iter().collect();
    format!("named ports are {}", names.join(", "))
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| &status.conditions);
    conditions
        .flatten()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn is_warning(object: &WatchedObject) -> bool {
    object.kind() == "Event" && object.field("type") == "Warning"
}

fn last_warning(event: &WatchedObject) -> String {
    let event = event.value();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let about = &event["involvedObject"];
    let (kind, name) = (text(&about["kind"]).to_lowercase(), text(&about["name"]));
    let message = text(&event["message"]);
    let message = message.lines().next().unwrap_or_default();
    format!(
        "the last warning is of {kind} {name}: {}: {message}",
        text(&event["reason"])
    )
}

#[cfg(test)]
mod tests;
