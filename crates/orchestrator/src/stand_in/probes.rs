//! Probes of stand-ins: handlers are kept where the stand-in can answer them, timings always.

use k8s_openapi::{
    api::core::v1::{Container, ExecAction, Probe, TCPSocketAction},
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::context::Context;
use super::notes::Topic;
use super::ports::{ContainerPorts, PodPorts, probes};
use crate::targets::probe_spec::port_number;

/// The probes of a container, in the order of its fields: liveness, readiness, startup.
pub(super) fn convert(
    container: &Container,
    own: &ContainerPorts,
    ports: &PodPorts,
    context: &mut Context<'_>,
) -> [Option<Probe>; 3] {
    let mut commands = Vec::new();
    [
        ("liveness", &container.liveness_probe),
        ("readiness", &container.readiness_probe),
        ("startup", &container.startup_probe),
    ]
    .map(|(name, probe)| {
        let mut probe = probe.clone()?;
        let place = format!("{} {} {name}", context.place, container.name);
        if let Some((port, command)) = own.exec.zip(probe.exec.as_mut()) {
            ask_stand_in(command, port, probe.timeout_seconds, &mut commands);
        }
        if ports.contradicts(container, &probe) {
            connect_instead(&mut probe);
            context.notes.add(
                Topic::NotJudged,
                format!("{place}, as its port speaks another protocol for a probe before it"),
            );
        }
        let hosts = probe.http_get.iter_mut().map(|get| &mut get.host);
        let hosts = hosts.chain(probe.tcp_socket.iter_mut().map(|socket| &mut socket.host));
        for host in hosts {
            context.drop_host(host, Topic::NotJudged, &place);
        }
        Some(probe)
    })
}

/// Replaces a command by a request to the container's own loopback port. Equal commands ask the
/// same path, since they fail together.
fn ask_stand_in(
    exec: &mut ExecAction,
    port: u16,
    timeout: Option<i32>,
    commands: &mut Vec<Vec<String>>,
) {
    let command = exec.command.take().unwrap_or_default();
    let known = commands.iter().position(|known| *known == command);
    let number = known.unwrap_or_else(|| {
        commands.push(command);
        commands.len() - 1
    });
    // Above the probe's own timeout, so that it is the kubelet that gives up.
    let timeout = timeout.filter(|timeout| *timeout > 0).unwrap_or(1);
    let timeout = i64::from(timeout) + 1;
    let words = [
        "/probe-target".to_owned(),
        "check".to_owned(),
        "http".to_owned(),
        format!("127.0.0.1:{port}"),
        format!("/probeflip/exec/{}", number + 1),
        format!("--timeout={timeout}s"),
    ];
    exec.command = Some(words.into());
}

/// Replaces a handler that its port cannot answer by a connection, which passes.
fn connect_instead(probe: &mut Probe) {
    let grpc = probe.grpc.take().map(|grpc| IntOrString::Int(grpc.port));
    let port = probe.http_get.take().map(|get| get.port).or(grpc);
    probe.tcp_socket = port.map(|port| TCPSocketAction { host: None, port });
}

/// The probes of a container that ask a port by a name that it does not have.
pub(super) fn unresolved(container: &Container) -> impl Iterator<Item = &'static str> {
    probes(container).filter_map(|(name, probe)| {
        let get = probe.http_get.as_ref().map(|get| &get.port);
        let port = get.or(probe.tcp_socket.as_ref().map(|socket| &socket.port))?;
        port_number(container, port).is_none().then_some(name)
    })
}
