//! Parses one probe of a container: applies Kubernetes' defaults and chooses the handler.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Container, HTTPGetAction, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use rules::expansion::expand;
use rules::probe::{ProbeKind, Scheme, Spec, Threshold};

use super::unsupported::Unsupported;
use crate::clock::seconds;
use crate::kubelet::handler::Handler;

use crate::kubelet::exec::Exec;
use crate::kubelet::grpc::Grpc;
use crate::kubelet::http::HttpGet;
use crate::kubelet::tcp::TcpSocket;

/// Parses one probe. A zero means the default, as for the API server.
///
/// Rule: `pkg/apis/core/v1/defaults.go`, `SetDefaults_Probe`.
pub(super) fn parse(
    kind: ProbeKind,
    probe: &Probe,
    container: &Container,
    field: &str,
) -> Result<(Spec, Handler), Unsupported> {
    let or = |given: Option<i32>, default| given.filter(|given| *given > 0).unwrap_or(default);
    let spec = Spec {
        kind,
        initial_delay: seconds(or(probe.initial_delay_seconds, 0)),
        timeout: seconds(or(probe.timeout_seconds, 1)),
        period: seconds(or(probe.period_seconds, 10)),
        success: threshold(or(probe.success_threshold, 1)),
        failure: threshold(or(probe.failure_threshold, 3)),
        grace: probe.termination_grace_period_seconds.map(seconds),
    };
    Ok((spec, handler(probe, container, field)?))
}

fn threshold(count: i32) -> Threshold {
    let count = u32::try_from(count).ok().and_then(Threshold::new);
    count.unwrap_or(Threshold::ONE)
}

fn handler(probe: &Probe, container: &Container, field: &str) -> Result<Handler, Unsupported> {
    if let Some(get) = &probe.http_get {
        return http_get(get, container, &format!("{field}.httpGet")).map(Handler::Http);
    }
    if let Some(socket) = &probe.tcp_socket {
        let host = host(socket.host.as_deref(), &format!("{field}.tcpSocket"))?;
        let port = port(&socket.port, container);
        return Ok(Handler::Tcp(TcpSocket { host, port }));
    }
    if let Some(grpc) = &probe.grpc {
        // Validation has checked the range.
        let port = u16::try_from(grpc.port).unwrap_or_default();
        let service = grpc.service.clone().unwrap_or_default();
        return Ok(Handler::Grpc(Grpc { port, service }));
    }
    let command = probe.exec.iter().flat_map(|exec| &exec.command).flatten();
    let variables = literal_variables(container);
    let command = command.map(|word| expand(word, &variables)).collect();
    Ok(Handler::Exec(Exec { command }))
}

/// The variables that a probe's command may refer to: literal values; variables with `valueFrom`
/// are empty.
///
/// Rule: `pkg/kubelet/container/helpers.go`, `ExpandContainerCommandOnlyStatic`.
fn literal_variables(container: &Container) -> BTreeMap<String, String> {
    let variables = container.env.iter().flatten();
    variables
        .map(|variable| {
            (
                variable.name.clone(),
                variable.value.clone().unwrap_or_default(),
            )
        })
        .collect()
}

/// Parses the request of a probe or hook.
pub(super) fn http_get(
    get: &HTTPGetAction,
    container: &Container,
    field: &str,
) -> Result<HttpGet, Unsupported> {
    let headers = get.http_headers.iter().flatten();
    let scheme = match get.scheme.as_deref() {
        Some("HTTPS") => Scheme::Https,
        _ => Scheme::Http,
    };
    Ok(HttpGet {
        scheme,
        host: host(get.host.as_deref(), field)?,
        port: port(&get.port, container),
        path: get.path.clone().unwrap_or_else(|| "/".to_owned()),
        headers: headers
            .map(|header| (header.name.clone(), header.value.clone()))
            .collect(),
    })
}

fn host(host: Option<&str>, field: &str) -> Result<Option<IpAddr>, Unsupported> {
    let Some(host) = host.filter(|host| !host.is_empty()) else {
        return Ok(None);
    };
    let address = host.parse().ok();
    let why = "pocket resolves no names; give an address";
    let unsupported = || Unsupported::new(format_args!("{field}.host"), why);
    address.map(Some).ok_or_else(unsupported)
}

/// The port, or the error text that every attempt then reports.
///
/// Rule: `pkg/probe/util.go`, `ResolveContainerPort`.
fn port(port: &IntOrString, container: &Container) -> Result<u16, String> {
    let number = match port {
        IntOrString::Int(number) => *number,
        IntOrString::String(name) => {
            let number = named(name, container).or_else(|| name.parse().ok());
            number.ok_or_else(|| format!("strconv.Atoi: parsing \"{name}\": invalid syntax"))?
        }
    };
    let port = u16::try_from(number).ok().filter(|port| *port > 0);
    port.ok_or_else(|| format!("invalid port number: {number}"))
}

fn named(name: &str, container: &Container) -> Option<i32> {
    let ports = container.ports.iter().flatten();
    let mut named = ports.filter(|port| port.name.as_deref() == Some(name));
    named.next().map(|port| port.container_port)
}
