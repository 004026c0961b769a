//! Parses probe specs: the port and the route or service that each probe of a container requests.
//!
//! Pure. Resolves named ports and `probe-target check` commands. [`rules::probe::HttpGet`] builds
//! the request that a kubelet sends for a path; [`request_target`] finds the route of a request.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use k8s_openapi::{
    api::core::v1::{Container, HTTPGetAction, Pod, Probe as Spec, TCPSocketAction},
    apimachinery::pkg::util::intstr::IntOrString,
};
use probe_target::{CheckKind, model::route_path::RoutePath, request_target};
use rules::{
    expansion::expand,
    probe::{HttpGet, Scheme},
};

use crate::{input::experiment::Probe, targets::containers};

/// One probe of one container and what it requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProbeSpec {
    /// The container's name.
    pub(crate) container: String,
    /// The purpose of the probe.
    pub(crate) probe: Probe,
    /// What the probe requests.
    pub(crate) asks: Asks,
}

/// What a probe requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asks {
    /// A route of an HTTP port.
    Http {
        /// The port.
        port: u16,
        /// The route that the request matches. Two probes of a port have the same route if their
        /// decoded paths are equal.
        path: RoutePath,
    },
    /// A TCP connection to a port.
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
    /// A probe that flips cannot affect: another command, another host, or an unknown port.
    Foreign(String),
}

impl Asks {
    /// The requested port; `None` for a foreign probe.
    pub(crate) fn port(&self) -> Option<u16> {
        match self {
            Self::Http { port, .. } | Self::Tcp { port } | Self::Grpc { port, .. } => Some(*port),
            Self::Foreign(_) => None,
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
            Self::Foreign(what) => f.write_str(what),
        }
    }
}

/// Every probe of every container of a Pod, in the order of its spec.
pub(crate) fn probes_of(pod: &Pod) -> Vec<ProbeSpec> {
    let of_container = |container| probes_of_container(pod, container);
    containers(pod).flat_map(of_container).collect()
}

fn probes_of_container(pod: &Pod, container: &Container) -> impl Iterator<Item = ProbeSpec> {
    let specs = [
        (Probe::Liveness, &container.liveness_probe),
        (Probe::Readiness, &container.readiness_probe),
        (Probe::Startup, &container.startup_probe),
    ];
    specs.into_iter().filter_map(|(probe, spec)| {
        let asks = asks(pod, container, spec.as_ref()?);
        Some(ProbeSpec {
            container: container.name.clone(),
            probe,
            asks,
        })
    })
}

fn asks(pod: &Pod, container: &Container, spec: &Spec) -> Asks {
    if let Some(get) = &spec.http_get {
        return number(container, &get.port, |port| http_get(pod, get, port));
    }
    if let Some(socket) = &spec.tcp_socket {
        return number(container, &socket.port, |port| {
            tcp_socket(pod, socket, port)
        });
    }
    if let Some(grpc) = &spec.grpc {
        let service = grpc.service.clone().unwrap_or_default();
        let port = IntOrString::Int(grpc.port);
        return number(container, &port, |port| Asks::Grpc { port, service });
    }
    let command = spec.exec.iter().flat_map(|exec| &exec.command).flatten();
    let variables = literal_variables(container);
    let command: Vec<_> = command.map(|word| expand(word, &variables)).collect();
    check_command(&command)
}

fn http_get(pod: &Pod, get: &HTTPGetAction, port: u16) -> Asks {
    let path = get.path.as_deref().unwrap_or("/");
    let foreign = |what: &str| Asks::Foreign(format!("http {port} `{path}`{what}"));
    if let Some(host) = other_host(pod, get.host.as_deref()) {
        return foreign(&format!(" of host `{host}`, which is not its Pod"));
    }
    let get = HttpGet {
        // Scheme and host do not affect the request target.
        scheme: Scheme::Http,
        host: "pod",
        port,
        path,
    };
    let Some(url) = get.url().ok().filter(|url| !url.authority().is_empty()) else {
        return foreign(", for which a kubelet sends nothing");
    };
    let target = url.target();
    match request_target::route(&target) {
        Some(path) => Asks::Http { port, path },
        None => foreign(&format!(", sent as `GET {target}`, which is not HTTP")),
    }
}

fn tcp_socket(pod: &Pod, socket: &TCPSocketAction, port: u16) -> Asks {
    match other_host(pod, socket.host.as_deref()) {
        None => Asks::Tcp { port },
        Some(host) => Asks::Foreign(format!("tcp {port} of host `{host}`, which is not its Pod")),
    }
}

/// The host that a probe names, unless it is the probe's own Pod. A kubelet probes from the node,
/// so loopback reaches the Pod only with `hostNetwork`. Only the Pod's status has its addresses.
fn other_host<'a>(pod: &Pod, host: Option<&'a str>) -> Option<&'a str> {
    let host = host.filter(|host| !host.is_empty())?;
    let address: Option<IpAddr> = host.parse().ok();
    let of_node = host == "localhost" || address.is_some_and(is_loopback);
    let shares_node = pod.spec.as_ref().and_then(|spec| spec.host_network) == Some(true);
    let status = pod.status.iter();
    let pod_ips = status.flat_map(|status| {
        let more = status.pod_ips.iter().flatten().map(|more| &more.ip);
        status.pod_ip.iter().chain(more)
    });
    let is_own = address.is_some() && pod_ips.map(|ip| ip.parse().ok()).any(|ip| ip == address);
    let reaches_pod = is_own || of_node && shares_node;
    (!reaches_pod).then_some(host)
}

/// Whether a connection to this address stays within its network namespace. Linux connects to the
/// unspecified address over loopback.
fn is_loopback(address: IpAddr) -> bool {
    address.is_loopback() || address.is_unspecified()
}

/// Resolves a port as the kubelet does: a number, or the name of one of the container's own ports.
fn number(container: &Container, port: &IntOrString, asks: impl FnOnce(u16) -> Asks) -> Asks {
    if let Some(port) = port_number(container, port) {
        return asks(port);
    }
    let port = match port {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => format!("`{name}`"),
    };
    Asks::Foreign(format!("port {port}, which is no port of its container"))
}

/// The number of a port given by number or name, if it is from 1 to 65535.
pub(crate) fn port_number(container: &Container, port: &IntOrString) -> Option<u16> {
    let number = match port {
        IntOrString::Int(number) => *number,
        IntOrString::String(name) => container
            .ports
            .iter()
            .flatten()
            .find(|port| port.name.as_ref() == Some(name))
            .map(|port| port.container_port)
            // Rule: `pkg/probe/util.go`, `ResolveContainerPort`.
            .or_else(|| name.parse().ok())?,
    };
    u16::try_from(number).ok().filter(|port| *port != 0)
}

/// The variables that a probe's command may refer to, unexpanded. Those with a `valueFrom` are
/// empty.
///
/// Rule: `pkg/kubelet/container/helpers.go`, `ExpandContainerCommandOnlyStatic`.
fn literal_variables(container: &Container) -> BTreeMap<String, String> {
    let variables = container.env.iter().flatten();
    let literal = variables.map(|it| (it.name.clone(), it.value.clone().unwrap_or_default()));
    literal.collect()
}

/// Parses an exec probe that runs `probe-target check`, such as
/// `probe-target check http 127.0.0.1:8080 /readyz`.
fn check_command(command: &[String]) -> Asks {
    let foreign = |why: &str| Asks::Foreign(format!("exec {}{why}", command.join(" ")));
    let Some(check) = command
        .split_first()
        .filter(|(program, _)| is_ours(program))
        .and_then(|(_, arguments)| probe_target::asked(arguments))
    else {
        return foreign("");
    };
    if !is_loopback(check.address.ip()) {
        return foreign(", an address that is not the Pod's own loopback");
    }
    let port = check.address.port();
    match check.kind {
        CheckKind::Http(path) => match request_target::route(&request_target::of_path(&path)) {
            Some(path) => Asks::Http { port, path },
            None => foreign(", a path that is not HTTP"),
        },
        CheckKind::Tcp => Asks::Tcp { port },
        CheckKind::Grpc(service) => Asks::Grpc { port, service },
    }
}

fn is_ours(program: &str) -> bool {
    program.rsplit('/').next() == Some("probe-target")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(probe: &Value, expected: &str) {
        check_in(&json!({}), &json!({}), probe, expected);
    }

    /// With further fields of the Pod's spec and a status.
    fn check_in(spec: &Value, status: &Value, probe: &Value, expected: &str) {
        let mut pod = json!({ "spec": spec, "status": status });
        pod["spec"]["containers"] = json!([{
            "name": "b",
            "env": [{ "name": "PATH_B", "value": "/b c" }, { "name": "ELSEWHERE", "valueFrom": {} }],
            "ports": [{ "name": "http-b", "containerPort": 8081 }],
            "readinessProbe": probe,
        }]);
        let shown: Vec<_> = probes_of(&serde_json::from_value(pod).unwrap())
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
            "port `http-a`, which is no port of its container",
        );
    }

    #[test]
    fn a_path_is_what_a_kubelet_makes_of_it_decoded() {
        let check = |path: &str, expected| {
            check(
                &json!({ "httpGet": { "path": path, "port": 80 } }),
                expected,
            );
        };
        check("/ready%20z", "http 80/ready%20z");
        check("/ready z?full#x", "http 80/ready%20z");
        check("/%72eady%2Fz", "http 80/ready/z");
        check("//ready/z", "http 80/z");
        check("http://elsewhere:9/z", "http 80/z");
        check("/%zz?a", "http 80/%25zz%3Fa");
        check("/a/*", "http 80/a/%2A");
        check(
            "mailto:x",
            "http 80 `mailto:x`, for which a kubelet sends nothing",
        );
        check(
            "/a?b c",
            "http 80 `/a?b c`, sent as `GET /a?b c`, which is not HTTP",
        );
    }

    #[test]
    fn a_host_is_another_unless_it_is_known_to_be_the_pod() {
        let host_network = json!({ "hostNetwork": true });
        let addressed = json!({ "podIP": "10.0.0.7", "podIPs": [{ "ip": "fd00::7" }] });
        let get = |host: &str| json!({ "httpGet": { "port": 80, "host": host } });
        let other = |host| format!("http 80 `/` of host `{host}`, which is not its Pod");
        check(&get(""), "http 80/");
        for host in ["10.255.0.1", "127.0.0.1", "::1", "localhost", "example.com"] {
            check(&get(host), &other(host));
        }
        let of_node = |host, expected: &str| {
            check_in(&host_network, &json!({}), &get(host), expected);
        };
        for host in ["127.0.0.1", "127.1.2.3", "::1", "localhost", "0.0.0.0"] {
            of_node(host, "http 80/");
        }
        of_node("10.255.0.1", &other("10.255.0.1"));
        let with_address = |host, expected: &str| {
            check_in(&json!({}), &addressed, &get(host), expected);
        };
        with_address("10.0.0.7", "http 80/");
        with_address("fd00:0::7", "http 80/");
        with_address("127.0.0.1", &other("127.0.0.1"));
        with_address("pod.example", &other("pod.example"));
        check(
            &json!({ "tcpSocket": { "port": 80, "host": "10.255.0.1" } }),
            "tcp 80 of host `10.255.0.1`, which is not its Pod",
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
        check(
            &exec("/probe-target check http 127.0.0.1:8080 //a%2Fb?c"),
            "http 8080//a/b",
        );
        check(
            &exec("/probe-target check http 127.0.0.1:8080 $(PATH_B)"),
            "http 8080/b%20c",
        );
        check(
            &exec("/probe-target check http 127.0.0.1:8080 /$(ELSEWHERE)$$(PATH_B)"),
            "http 8080/$(PATH_B)",
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
