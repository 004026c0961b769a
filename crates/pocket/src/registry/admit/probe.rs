//! Admission of probes and lifecycle hooks: defaults and checks.
//!
//! Rule: `pkg/apis/core/v1/defaults.go`, `SetDefaults_Probe`, and
//! `pkg/apis/core/validation/validation.go`, `validateProbe` and its callers.

use k8s_openapi::api::core::v1::{
    ExecAction, GRPCAction, HTTPGetAction, HTTPHeader, LifecycleHandler, Probe, SleepAction,
    TCPSocketAction,
};

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
    let handlers = Handlers {
        exec: probe.exec.as_ref(),
        http_get: probe.http_get.as_ref(),
        tcp_socket: probe.tcp_socket.as_ref(),
        grpc: probe.grpc.as_ref(),
        sleep: None,
    };
    check_handlers(&handlers, errors);
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

/// Checks a lifecycle hook of a Pod with this grace period, in seconds.
pub(super) fn check_hook(hook: &LifecycleHandler, grace: Option<i64>, errors: &mut FieldErrors) {
    let handlers = Handlers {
        exec: hook.exec.as_ref(),
        http_get: hook.http_get.as_ref(),
        tcp_socket: hook.tcp_socket.as_ref(),
        sleep: hook.sleep.as_ref(),
        ..Handlers::default()
    };
    check_handlers(&handlers, errors);
    // Rule: `validateSleepAction`.
    if let (Some(sleep), Some(grace)) = (&hook.sleep, grace)
        && !(0..=grace).contains(&sleep.seconds)
    {
        let why =
            format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
        errors.invalid("sleep", sleep.seconds, &why);
    }
}

/// The handlers of a probe or hook, one of which must be set.
#[derive(Default)]
struct Handlers<'a> {
    exec: Option<&'a ExecAction>,
    http_get: Option<&'a HTTPGetAction>,
    tcp_socket: Option<&'a TCPSocketAction>,
    grpc: Option<&'a GRPCAction>,
    sleep: Option<&'a SleepAction>,
}

/// Rule: `validateHandler`.
fn check_handlers(handlers: &Handlers<'_>, errors: &mut FieldErrors) {
    let all = [
        ("exec", handlers.exec.is_some()),
        ("httpGet", handlers.http_get.is_some()),
        ("tcpSocket", handlers.tcp_socket.is_some()),
        ("grpc", handlers.grpc.is_some()),
        ("sleep", handlers.sleep.is_some()),
    ];
    // The first handler in upstream's order is accepted and the others are reported.
    let mut set = all.iter().filter(|(_, set)| *set);
    if set.next().is_none() {
        errors.required("", "must specify a handler type");
    }
    for (handler, _) in set {
        errors.forbidden(handler, "may not specify more than 1 handler type");
    }
    if let Some(exec) = handlers.exec
        && exec.command.as_ref().is_none_or(Vec::is_empty)
    {
        errors.required("exec.command", "");
    }
    if let Some(get) = handlers.http_get {
        errors.within("httpGet", |errors| check_get(get, errors));
    }
    if let Some(socket) = handlers.tcp_socket {
        fields::check_port_or_name("tcpSocket.port", &socket.port, errors);
    }
    if let Some(grpc) = handlers.grpc {
        fields::check_port("grpc.port", grpc.port, errors);
    }
}

fn check_get(get: &HTTPGetAction, errors: &mut FieldErrors) {
    fields::check_port_or_name("port", &get.port, errors);
    fields::check_choice("scheme", get.scheme.as_ref(), &["HTTP", "HTTPS"], errors);
    // Upstream names the list, and not the header in it.
    for header in get.http_headers.iter().flatten() {
        check_header(header, errors);
    }
}

fn check_header(header: &HTTPHeader, errors: &mut FieldErrors) {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if header.name.is_empty() || !header.name.chars().all(is_allowed) {
        let why = "a valid HTTP header must consist of alphanumeric characters or '-' \
                   (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";
        errors.invalid("httpHeaders", header.name.as_str(), why);
    }
}
