//! Admission of probes: defaults and checks.
//!
//! Rule: `pkg/apis/core/v1/defaults.go`, `SetDefaults_Probe`, and
//! `pkg/apis/core/validation/validation.go`, `validateProbe` and its callers.

use k8s_openapi::api::core::v1::{HTTPGetAction, HTTPHeader, LifecycleHandler, Probe};

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

pub(super) fn check(probe: &Probe, role: Role, errors: &mut FieldErrors) {
    check_handler(probe, errors);
    let numbers = [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ];
    for (field, value) in numbers {
        fields::check_not_negative(field, value, errors);
    }
    check_grace(probe, role, errors);
    if let Some(threshold) = probe.success_threshold
        && role != Role::Readiness
        && threshold != 1
    {
        errors.invalid("successThreshold", threshold, "must be 1");
    }
}

fn complete_get(get: &mut HTTPGetAction) {
    fields::text(&mut get.path, "/");
    fields::text(&mut get.scheme, "HTTP");
}

/// A failed readiness probe ends nothing, so it has no grace period.
fn check_grace(probe: &Probe, role: Role, errors: &mut FieldErrors) {
    let Some(grace) = probe.termination_grace_period_seconds else {
        return;
    };
    let field = "terminationGracePeriodSeconds";
    if role == Role::Readiness {
        errors.invalid(field, grace, "must not be set for readinessProbes");
    } else if grace <= 0 {
        errors.invalid(field, grace, "must be greater than 0");
    }
}

fn check_handler(probe: &Probe, errors: &mut FieldErrors) {
    let handlers = [
        ("exec", probe.exec.is_some()),
        ("httpGet", probe.http_get.is_some()),
        ("tcpSocket", probe.tcp_socket.is_some()),
        ("grpc", probe.grpc.is_some()),
    ];
    // The first handler in upstream's order is accepted and the others are reported:
    // `validateHandler`.
    let mut set = handlers.iter().filter(|(_, set)| *set);
    if set.next().is_none() {
        errors.required("", "must specify a handler type");
    }
    for (handler, _) in set {
        errors.forbidden(handler, "may not specify more than 1 handler type");
    }
    if let Some(exec) = &probe.exec
        && exec.command.as_ref().is_none_or(Vec::is_empty)
    {
        errors.required("exec.command", "");
    }
    if let Some(get) = &probe.http_get {
        errors.within("httpGet", |errors| check_get(get, errors));
    }
    if let Some(socket) = &probe.tcp_socket {
        fields::check_port_or_name("tcpSocket.port", &socket.port, errors);
    }
    if let Some(grpc) = &probe.grpc {
        fields::check_port("grpc.port", grpc.port, errors);
    }
}

fn check_get(get: &HTTPGetAction, errors: &mut FieldErrors) {
    fields::check_port_or_name("port", &get.port, errors);
    fields::check_choice("scheme", get.scheme.as_ref(), &["HTTP", "HTTPS"], errors);
    errors.each(
        "httpHeaders",
        get.http_headers.iter().flatten(),
        check_header,
    );
}

fn check_header(header: &HTTPHeader, errors: &mut FieldErrors) {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if header.name.is_empty() || !header.name.chars().all(is_allowed) {
        let why = "a valid HTTP header must consist of alphanumeric characters or '-' \
                   (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";
        errors.invalid("name", header.name.as_str(), why);
    }
}
