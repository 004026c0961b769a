//! What a probe asks, with ports resolved and defaults filled in, so that equal handlers are equal.

use std::{fmt, net::IpAddr};

use k8s_openapi::{
    api::core::v1::{Container, HTTPHeader, Probe},
    apimachinery::pkg::util::intstr::IntOrString,
};

use crate::targets::probe_spec::port_number;

/// What a probe asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lint) enum Handler {
    Http {
        is_secured: bool,
        /// Another host than the Pod's address.
        host: Option<String>,
        port: u16,
        path: String,
        /// By which a server can tell two probes apart. Names are in lower case, as they are the
        /// same in any.
        headers: Vec<(String, String)>,
    },
    Tcp {
        host: Option<String>,
        port: u16,
    },
    Grpc {
        port: u16,
        service: String,
    },
    Exec(Vec<String>),
}

impl Handler {
    /// What a probe of a container asks; none if the container declares no port of that name.
    pub(super) fn of(container: &Container, probe: &Probe) -> Option<Self> {
        let host = |host: &Option<String>| host.clone().filter(|host| !host.is_empty());
        if let Some(get) = &probe.http_get {
            let path = get.path.clone().filter(|path| !path.is_empty());
            let scheme = get.scheme.as_deref().unwrap_or_default();
            return Some(Self::Http {
                is_secured: scheme.eq_ignore_ascii_case("https"),
                host: host(&get.host),
                port: port_number(container, &get.port)?,
                path: path.unwrap_or_else(|| "/".to_owned()),
                headers: get.http_headers.iter().flatten().map(header).collect(),
            });
        }
        if let Some(socket) = &probe.tcp_socket {
            return Some(Self::Tcp {
                host: host(&socket.host),
                port: port_number(container, &socket.port)?,
            });
        }
        if let Some(grpc) = &probe.grpc {
            return Some(Self::Grpc {
                port: port_number(container, &IntOrString::Int(grpc.port))?,
                service: grpc.service.clone().unwrap_or_default(),
            });
        }
        let command = probe.exec.as_ref()?.command.clone();
        Some(Self::Exec(command.unwrap_or_default()))
    }

    /// The port that it asks; none for a command.
    pub(in crate::lint) fn port(&self) -> Option<u16> {
        match self {
            Self::Http { port, .. } | Self::Tcp { port, .. } | Self::Grpc { port, .. } => {
                Some(*port)
            }
            Self::Exec(_) => None,
        }
    }

    /// The host that it names.
    pub(in crate::lint) fn host(&self) -> Option<&str> {
        match self {
            Self::Http { host, .. } | Self::Tcp { host, .. } => host.as_deref(),
            Self::Grpc { .. } | Self::Exec(_) => None,
        }
    }
}

/// Whether a name or address leads back to where the request comes from.
pub(in crate::lint) fn is_own_host(host: &str) -> bool {
    let address: Option<IpAddr> = host.parse().ok();
    let is_loopback = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
    // `127.1` is an address to most programs.
    let is_short = host.starts_with("127.")
        && host
            .chars()
            .all(|letter| letter.is_ascii_digit() || letter == '.');
    ["localhost", "localhost.localdomain"].contains(&host)
        || is_short
        || address.is_some_and(is_loopback)
}

fn header(header: &HTTPHeader) -> (String, String) {
    (header.name.to_ascii_lowercase(), header.value.clone())
}

impl fmt::Display for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http {
                is_secured,
                port,
                path,
                ..
            } => {
                let scheme = if *is_secured { "https" } else { "http" };
                write!(f, "{scheme} :{port}{path}")
            }
            Self::Tcp { port, .. } => write!(f, "tcp :{port}"),
            Self::Grpc { port, .. } => write!(f, "grpc :{port}"),
            // The first line of a script is enough to know it.
            Self::Exec(command) => {
                let command = command.join(" ");
                let line = command.trim().lines().next().unwrap_or_default();
                let short: String = line.chars().take(60).collect();
                let more = if short.len() < command.trim().len() {
                    "…"
                } else {
                    ""
                };
                write!(f, "exec `{short}{more}`")
            }
        }
    }
}
