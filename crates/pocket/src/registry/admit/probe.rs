//! Admission of probes: defaults and checks.
//!
//! Rule: `pkg/apis/core/v1/defaults.go`, `SetDefaults_Probe`, and
//! `pkg/apis/core/validation/validation.go`, `validateProbe` and its callers.

use k8s_openapi::api::core::v1::{ExecAction, HTTPGetAction, LifecycleHandler, Probe};

use super::fields;
use crate::api_status::FieldErrors;

/// The purpose of a container's probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Liveness,
    Readiness,
    Startup,
}

pub(super) fn complete(probe: &mut Probe) {
    fields::number(&mut probe.timeout_seconds, 1);
    fields::number(&mut probe.period_seconds, 10);
    fields::number(&mut probe.success_threshold, 1);
    fields::number(&mut probe.failure_threshold, 3);
    if let Some(get) = &mut probe.http_get {
        complete_get(get);
    }
    if let Some(grpc) = &mut probe.grpc {
        grpc.service.get_or_insert_default();
    }
}

pub(super) fn complete_hook(hook: &mut LifecycleHandler) {
    if let Some(get) = &mut hook.http_get {
        complete_get(get);
    }
}

pub(super) fn check(probe: &Probe, role: Role, path: &str, faults: &mut FieldErrors) {
    check_handler(probe, path, faults);
    let numbers = [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ];
    for (field, value) in numbers {
        fields::check_not_negative(value.map(i64::from), &format!("{path}.{field}"), faults);
    }
    check_grace(probe, role, path, faults);
    if let Some(threshold) = probe.success_threshold
        && role != Role::Readiness
        && threshold != 1
    {
        faults.invalid(format!("{path}.successThreshold"), threshold, "must be 1");
    }
}

fn complete_get(get: &mut HTTPGetAction) {
    fields::text(&mut get.path, "/");
    fields::text(&mut get.scheme, "HTTP");
}

fn check_grace(probe: &Probe, role: Role, path: &str, faults: &mut FieldErrors) {
    let Some(grace) = probe.termination_grace_period_seconds else {
        return;
    };
    let path = format!("{path}.terminationGracePeriodSeconds");
    if role == Role::Readiness {
        faults.invalid(path, grace, "must not be set for readinessProbes");
    } else if grace <= 0 {
        faults.invalid(path, grace, "must be greater than 0");
    }
}

fn check_handler(probe: &Probe, path: &str, faults: &mut FieldErrors) {
    let handlers = [
        ("exec", probe.exec.is_some()),
        ("httpGet", probe.http_get.is_some()),
        ("tcpSocket", probe.tcp_socket.is_some()),
        ("grpc", probe.grpc.is_some()),
    ];
    let mut set = handlers.iter().filter(|(_, set)| *set);
    if set.next().is_none() {
        faults.required(path, "must specify a handler type");
    }
    for (handler, _) in set {
        faults.forbidden(
            format!("{path}.{handler}"),
            "may not specify more than 1 handler type",
        );
    }
    if let Some(exec) = &probe.exec {
        check_exec(exec, &format!("{path}.exec"), faults);
    }
    if let Some(get) = &probe.http_get {
        check_get(get, &format!("{path}.httpGet"), faults);
    }
    if let Some(socket) = &probe.tcp_socket {
        fields::check_port_or_name(&socket.port, &format!("{path}.tcpSocket.port"), faults);
    }
    if let Some(grpc) = &probe.grpc {
        fields::check_port(grpc.port, &format!("{path}.grpc.port"), faults);
    }
}

fn check_exec(exec: &ExecAction, path: &str, faults: &mut FieldErrors) {
    if exec.command.as_ref().is_none_or(Vec::is_empty) {
        faults.required(format!("{path}.command"), "");
    }
}

fn check_get(get: &HTTPGetAction, path: &str, faults: &mut FieldErrors) {
    fields::check_port_or_name(&get.port, &format!("{path}.port"), faults);
    fields::check_word(
        get.scheme.as_ref(),
        &["HTTP", "HTTPS"],
        &format!("{path}.scheme"),
        faults,
    );
    for (index, header) in get.http_headers.iter().flatten().enumerate() {
        let token = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if header.name.is_empty() || !header.name.chars().all(token) {
            let why = "a valid HTTP header must consist of alphanumeric characters or '-' \
                       (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";
            faults.invalid(
                format!("{path}.httpHeaders[{index}].name"),
                header.name.as_str(),
                why,
            );
        }
    }
}
