//! What a probe asks: the port and path that a container's spec gives it.
//!
//! Pure. It reads named ports and `probe-target check` commands, and decides nothing.

use std::fmt;

use k8s_openapi::{
    api::core::v1::{Container, Pod, Probe as Spec},
    apimachinery::pkg::util::intstr::IntOrString,
};
use probe_target::Kind;

use crate::{experiment::Probe, targets::containers};

/// What one probe of one container asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// The container it belongs to.
    pub container: String,
    /// Which of its probes.
    pub probe: Probe,
    /// What it asks.
    pub asks: Asks,
}

/// The question a probe puts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asks {
    /// A path of an HTTP port; without the query, which routes ignore.
    Http {
        /// The port.
        port: u16,
        /// The path.
        path: String,
    },
    /// Whether a port accepts.
    Tcp {
        /// The port.
        port: u16,
    },
    /// A gRPC health service.
    Grpc {
        /// The port.
        port: u16,
        /// The service's name, `""` for the whole server.
        service: String,
    },
    /// Something we cannot read: a foreign command, a port without a number.
    Unreadable(String),
}

impl Asks {
    /// The port, where there is one.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Http { port, .. } | Self::Tcp { port } | Self::Grpc { port, .. } => Some(*port),
            Self::Unreadable(_) => None,
        }
    }
}

impl fmt::Display for Asks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { port, path } => write!(f, "http {port}{path}"),
            Self::Tcp { port } => write!(f, "tcp {port}"),
            Self::Grpc { port, service } if service.is_empty() => write!(f, "grpc {port}"),
            Self::Grpc { port, service } => write!(f, "grpc {port}/{service}"),
            Self::Unreadable(what) => f.write_str(what),
        }
    }
}

/// Every probe of every container of a Pod, in the order of its spec.
pub fn probes_of(pod: &Pod) -> Vec<Probed> {
    containers(pod).flat_map(probes_of_container).collect()
}

fn probes_of_container(container: &Container) -> impl Iterator<Item = Probed> {
    let specs = [
        (Probe::Liveness, &container.liveness_probe),
        (Probe::Readiness, &container.readiness_probe),
        (Probe::Startup, &container.startup_probe),
    ];
    specs.into_iter().filter_map(|(probe, spec)| {
        let asks = asks(container, spec.as_ref()?);
        Some(Probed {
            container: container.name.clone(),
            probe,
            asks,
        })
    })
}

fn asks(container: &Container, spec: &Spec) -> Asks {
    if let Some(http) = &spec.http_get {
        let path = http.path.as_deref().unwrap_or("/");
        return number(container, &http.port, |port| Asks::Http {
            port,
            path: without_query(path),
        });
    }
    if let Some(tcp) = &spec.tcp_socket {
        return number(container, &tcp.port, |port| Asks::Tcp { port });
    }
    if let Some(grpc) = &spec.grpc {
        let service = grpc.service.clone().unwrap_or_default();
        let port = IntOrString::Int(grpc.port);
        return number(container, &port, |port| Asks::Grpc { port, service });
    }
    let command = spec.exec.iter().filter_map(|exec| exec.command.clone());
    check_command(&command.flatten().collect::<Vec<_>>())
}

/// A port as the kubelet finds it: a number, or the name of one of the container's own ports.
fn number(container: &Container, port: &IntOrString, asks: impl FnOnce(u16) -> Asks) -> Asks {
    match port_number(container, port) {
        Some(port) => asks(port),
        None => Asks::Unreadable("a port without a number".to_owned()),
    }
}

/// The number behind a port that may be named.
pub(crate) fn port_number(container: &Container, port: &IntOrString) -> Option<u16> {
    let number = match port {
        IntOrString::Int(number) => *number,
        IntOrString::String(name) => container
            .ports
            .iter()
            .flatten()
            .find(|port| port.name.as_ref() == Some(name))
            .map(|port| port.container_port)
            .or_else(|| name.parse().ok())?,
    };
    u16::try_from(number).ok().filter(|port| *port != 0)
}

/// `probe-target check http 127.0.0.1:8080 /readyz` asks what its words say.
fn check_command(command: &[String]) -> Asks {
    let unreadable = |why: &str| Asks::Unreadable(format!("exec {}{why}", command.join(" ")));
    let Some(check) = command
        .split_first()
        .filter(|(program, _)| is_ours(program))
        .and_then(|(_, arguments)| probe_target::asked(arguments))
    else {
        return unreadable("");
    };
    let ip = check.address.ip();
    if !ip.is_loopback() && !ip.is_unspecified() {
        return unreadable(", an address that is not the Pod's own loopback");
    }
    let port = check.address.port();
    match check.kind {
        Kind::Http(path) => Asks::Http {
            port,
            path: without_query(&path),
        },
        Kind::Tcp => Asks::Tcp { port },
        Kind::Grpc(service) => Asks::Grpc { port, service },
    }
}

fn is_ours(program: &str) -> bool {
    program.rsplit('/').next() == Some("probe-target")
}

fn without_query(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(probe: &Value, expected: &str) {
        let pod = serde_json::from_value(json!({ "spec": { "containers": [{
            "name": "b",
            "ports": [{ "name": "http-b", "containerPort": 8081 }],
            "readinessProbe": probe,
        }]}}))
        .unwrap();
        let shown: Vec<_> = probes_of(&pod)
            .iter()
            .map(|probed| probed.asks.to_string())
            .collect();
        assert_eq!(shown, [expected]);
    }

    #[test]
    fn named_ports_are_the_container_s_own() {
        check(
            &json!({ "httpGet": { "path": "/readyz", "port": "http-b" } }),
            "http 8081/readyz",
        );
        check(&json!({ "httpGet": { "port": 8080 } }), "http 8080/");
        check(
            &json!({ "httpGet": { "path": "ok?full=1", "port": "8080" } }),
            "http 8080/ok",
        );
        check(
            &json!({ "httpGet": { "port": "http-a" } }),
            "a port without a number",
        );
    }

    #[test]
    fn tcp_and_grpc() {
        check(&json!({ "tcpSocket": { "port": 7000 } }), "tcp 7000");
        check(&json!({ "grpc": { "port": 9000 } }), "grpc 9000");
        check(
            &json!({ "grpc": { "port": 9000, "service": "db" } }),
            "grpc 9000/db",
        );
    }

    #[test]
    fn exec_is_read_only_where_it_is_our_own_check() {
        let exec = |command: &str| {
            let words: Vec<_> = command.split(' ').collect();
            json!({ "exec": { "command": words } })
        };
        check(
            &exec("/probe-target check http 127.0.0.1:8080 /readyz"),
            "http 8080/readyz",
        );
        check(
            &exec("/probe-target check http [::1]:8080 --timeout 1s"),
            "http 8080/",
        );
        check(&exec("/probe-target check tcp 127.0.0.1:7000"), "tcp 7000");
        check(
            &exec("/probe-target check --timeout 500ms grpc 127.0.0.1:9000 db"),
            "grpc 9000/db",
        );
        check(&exec("cat /tmp/healthy"), "exec cat /tmp/healthy");
        check(
            &exec("/probe-target check tcp 10.0.0.7:7000"),
            "exec /probe-target check tcp 10.0.0.7:7000, an address that is not the Pod's own loopback",
        );
        check(
            &exec("probe-target check http nowhere"),
            "exec probe-target check http nowhere",
        );
    }
}
