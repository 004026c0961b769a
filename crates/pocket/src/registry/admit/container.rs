//! Admission of containers: defaults and checks.
//!
//! Rule: `pkg/apis/core/v1/defaults.go`, `SetDefaults_Container`, and
//! `pkg/apis/core/validation/validation.go`, `validateContainers`.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, ContainerPort};

use super::names::{self, Names};
use super::probe::Role;
use super::{fields, probe};
use crate::api_status::FieldErrors;

pub(super) fn complete(container: &mut Container) {
    let image = container.image.clone().unwrap_or_default();
    fields::text(&mut container.image_pull_policy, pull_policy(&image));
    fields::text(
        &mut container.termination_message_path,
        "/dev/termination-log",
    );
    fields::text(&mut container.termination_message_policy, "File");
    container.resources.get_or_insert_default();
    for port in container.ports.iter_mut().flatten() {
        fields::text(&mut port.protocol, "TCP");
    }
    for source in container
        .env
        .iter_mut()
        .flatten()
        .filter_map(|variable| variable.value_from.as_mut())
    {
        if let Some(field) = &mut source.field_ref {
            fields::text(&mut field.api_version, "v1");
        }
    }
    let probes = [
        &mut container.liveness_probe,
        &mut container.readiness_probe,
        &mut container.startup_probe,
    ];
    probes.into_iter().flatten().for_each(probe::complete);
    if let Some(lifecycle) = &mut container.lifecycle {
        let hooks = [&mut lifecycle.post_start, &mut lifecycle.pre_stop];
        hooks.into_iter().flatten().for_each(probe::complete_hook);
    }
}

/// Copies limits to requests where a request is missing.
///
/// Rule: `pkg/apis/core/v1/defaults.go`, `SetDefaults_Pod`.
pub(super) fn request_limits(container: &mut Container) {
    let Some(resources) = &mut container.resources else {
        return;
    };
    let Some(limits) = &resources.limits else {
        return;
    };
    let requests = resources.requests.get_or_insert_default();
    for (name, limit) in limits {
        requests
            .entry(name.clone())
            .or_insert_with(|| limit.clone());
    }
}

/// Checks a container; `path` is the container's own.
pub(super) fn check(container: &Container, path: &str, faults: &mut FieldErrors) {
    check_name(&container.name, &format!("{path}.name"), faults);
    if container
        .image
        .as_deref()
        .unwrap_or_default()
        .trim()
        .is_empty()
    {
        faults.required(format!("{path}.image"), "");
    }
    let policies = ["Always", "IfNotPresent", "Never"];
    let policy = container.image_pull_policy.as_ref();
    fields::check_word(
        policy,
        &policies,
        &format!("{path}.imagePullPolicy"),
        faults,
    );
    check_ports(
        container.ports.as_deref().unwrap_or_default(),
        &format!("{path}.ports"),
        faults,
    );
    for (index, variable) in container.env.iter().flatten().enumerate() {
        let path = format!("{path}.env[{index}]");
        if variable.name.is_empty() {
            faults.required(format!("{path}.name"), "");
        }
        let has_value = variable
            .value
            .as_ref()
            .is_some_and(|value| !value.is_empty());
        if has_value && variable.value_from.is_some() {
            let why = "may not be specified when `value` is not empty";
            faults.invalid(format!("{path}.valueFrom"), "", why);
        }
    }
    check_probes(container, path, faults);
}

/// Refuses fields of init containers that only sidecars may have.
pub(super) fn check_init(container: &Container, path: &str, faults: &mut FieldErrors) {
    if container.restart_policy.as_deref() == Some("Always") {
        return;
    }
    let fields = [
        ("lifecycle", container.lifecycle.is_some()),
        ("livenessProbe", container.liveness_probe.is_some()),
        ("readinessProbe", container.readiness_probe.is_some()),
        ("startupProbe", container.startup_probe.is_some()),
    ];
    for (field, _) in fields.into_iter().filter(|(_, set)| *set) {
        let why = "may not be set for init containers without restartPolicy=Always";
        faults.forbidden(format!("{path}.{field}"), why);
    }
}

fn check_probes(container: &Container, path: &str, faults: &mut FieldErrors) {
    let probes = [
        ("livenessProbe", Role::Liveness, &container.liveness_probe),
        (
            "readinessProbe",
            Role::Readiness,
            &container.readiness_probe,
        ),
        ("startupProbe", Role::Startup, &container.startup_probe),
    ];
    for (field, role, spec) in probes {
        if let Some(spec) = spec {
            probe::check(spec, role, &format!("{path}.{field}"), faults);
        }
    }
}

/// Reports host ports used twice among a Pod's containers. `path` is that of the list.
///
/// Rule: `AccumulateUniqueHostPorts`.
pub(super) fn check_host_ports(containers: &[Container], path: &str, faults: &mut FieldErrors) {
    let mut seen = BTreeSet::new();
    for (index, container) in containers.iter().enumerate() {
        for (at, port) in container.ports.iter().flatten().enumerate() {
            let Some(number) = port.host_port.filter(|port| *port != 0) else {
                continue;
            };
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let port = format!("{}/{}/{number}", text(&port.protocol), text(&port.host_ip));
            if !seen.insert(port.clone()) {
                faults.duplicate(format!("{path}[{index}].ports[{at}].hostPort"), port);
            }
        }
    }
}

/// The default pull policy: an image without a tag, or tagged `latest`, may have changed; a digest
/// cannot.
fn pull_policy(image: &str) -> &'static str {
    let last = image.rsplit('/').next().unwrap_or_default();
    let tag = last.split_once(':').map_or("latest", |(_, tag)| tag);
    if tag == "latest" && !last.contains('@') {
        "Always"
    } else {
        "IfNotPresent"
    }
}

fn check_name(name: &str, path: &str, faults: &mut FieldErrors) {
    if name.is_empty() {
        faults.required(path, "");
    } else if let Some(why) = Names::Label.refuse(name) {
        faults.invalid(path, name, &why);
    }
}

fn check_ports(ports: &[ContainerPort], path: &str, faults: &mut FieldErrors) {
    let mut seen = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if port.container_port == 0 {
            faults.required(format!("{path}.containerPort"), "");
        } else {
            fields::check_port(
                port.container_port,
                &format!("{path}.containerPort"),
                faults,
            );
        }
        if let Some(host_port) = port.host_port.filter(|port| *port != 0) {
            fields::check_port(host_port, &format!("{path}.hostPort"), faults);
        }
        let protocols = ["SCTP", "TCP", "UDP"];
        fields::check_word(
            port.protocol.as_ref(),
            &protocols,
            &format!("{path}.protocol"),
            faults,
        );
        let Some(name) = port.name.as_deref().filter(|name| !name.is_empty()) else {
            continue;
        };
        if let Some(why) = names::refuse_port_name(name) {
            faults.invalid(format!("{path}.name"), name, &why);
        } else if !seen.insert(name) {
            faults.duplicate(format!("{path}.name"), name);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Recorded from an API server 1.36.3.
    #[test]
    fn a_variable_has_one_source() {
        let refusals = |value: &str| {
            let from = json!({"fieldRef": {"fieldPath": "metadata.name"}});
            let variable = json!({"name": "A", "value": value, "valueFrom": from});
            let container = json!({"name": "a", "image": "b", "env": [variable]});
            let mut faults = FieldErrors::default();
            let container = serde_json::from_value(container).unwrap();
            check(&container, "spec.containers[0]", &mut faults);
            let faults = faults.into_vec().into_iter();
            let shown = faults.map(|fault| format!("{}: {}", fault.field, fault.message));
            shown.collect::<Vec<_>>()
        };
        assert!(refusals("").is_empty());
        let expected = "spec.containers[0].env[0].valueFrom: Invalid value: \"\": \
                        may not be specified when `value` is not empty";
        assert_eq!(refusals("x"), [expected]);
    }

    #[test]
    fn the_pull_policy_follows_the_tag() {
        let check = |image, policy| assert_eq!(pull_policy(image), policy, "{image}");
        check("probe-target", "Always");
        check("probe-target:latest", "Always");
        check("probe-target:0.1.0", "IfNotPresent");
        check("registry:5000/probe-target", "Always");
        check("probe-target@sha256:00", "IfNotPresent");
        check("probe-target:latest@sha256:00", "IfNotPresent");
    }
}
