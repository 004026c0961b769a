//! Port-forward: byte streams to ports on a Pod's loopback.
//!
//! kubectl multiplexes them with SPDY, over WebSocket or by itself (`streams`); kube-rs has two
//! channels a port over WebSocket (`channels`).

mod channels;
mod streams;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use serde_json::Value;

use super::call::Call;
use super::upgrade::{self, Connection, Handshake, Protocols, Refusal};
use crate::api_status::ApiError;
use crate::kinds::metadata_text;
use crate::net::{Host, Stream};

const PROTOCOLS: Protocols = Protocols {
    websocket: &["", channels::PROTOCOL],
    spdy: "portforward.k8s.io",
    over_websocket: true,
    // The kubelet has a better text, which the API server does not pass on.
    without_protocol: (
        StatusCode::INTERNAL_SERVER_ERROR,
        "invalid upgrade response: status code 200\n",
    ),
};

/// Maximum number of bytes from a Pod in one frame.
const CHUNK: usize = 4 * 1024;

/// Maximum number of ports. Each takes two channels, and a frame has one byte for its channel.
const PORTS: usize = 128;

/// Responds with 101 and forwards until the client leaves.
pub(super) fn start(call: &Call, request: Request) -> Result<Response, ApiError> {
    let pod = call.object()?.value();
    let node = pod["spec"]["nodeName"].as_str();
    upgrade::required(call, node, request.headers())?;
    let (handshake, pod) = match accept(call, &pod, &request) {
        Ok(accepted) => accepted,
        Err(refusal) => return Ok(refusal.into_response()),
    };
    let ports = call.query.ports.clone();
    let serve = async move |connection| match connection {
        Connection::WebSocket(socket, _) => channels::forward(*socket, &pod, &ports).await,
        Connection::Spdy(incoming, outgoing) => streams::forward(incoming, outgoing, &pod).await,
    };
    Ok(handshake.accept(call, request, serve))
}

/// What a kubelet checks.
fn accept(call: &Call, pod: &Value, request: &Request) -> Result<(Handshake, Pod), Refusal> {
    let headers = request.headers();
    if upgrade::is_websocket(headers) && !upgrade::is_tunnel(headers) {
        check_ports(&call.query.ports)?;
    }
    let pod = Pod::of(call, pod)?;
    Ok((Handshake::parse(request, &PROTOCOLS)?, pod))
}

/// Rule: `k8s.io/cri-streaming/pkg/streaming/portforward/websocket.go`, `NewV4Options`. The limit
/// is pocket's.
fn check_ports(ports: &[u16]) -> Result<(), Refusal> {
    let refused = |text: &str| Err(Refusal::new(StatusCode::BAD_REQUEST, text));
    if ports.is_empty() {
        return refused("query parameter \"port\" is required");
    }
    if ports.contains(&0) {
        return refused("port \"0\" must be > 0");
    }
    if ports.len() > PORTS {
        let named = ports.len();
        return refused(&format!(
            "a port-forward can name at most {PORTS} ports, but this one names {named}"
        ));
    }
    Ok(())
}

/// The Pod that bytes are forwarded to.
struct Pod {
    host: Host,
    uid: String,
}

impl Pod {
    /// The refusal is that of a kubelet whose Pod has no sandbox.
    fn of(call: &Call, pod: &Value) -> Result<Self, Refusal> {
        let status = &pod["status"];
        let is_over = matches!(status["phase"].as_str(), Some("Succeeded" | "Failed"));
        let ip = status["podIP"].as_str().filter(|_| !is_over);
        let ip: Option<IpAddr> = ip.and_then(|ip| ip.parse().ok());
        let Some(ip) = ip else {
            let (name, namespace) = (call.target.name(), call.target.namespace());
            let text = format!("pod not found (\"{name}_{namespace}\")");
            return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, &text));
        };
        Ok(Self {
            host: Host::new(call.server.network.clone(), ip),
            uid: metadata_text(pod, "uid").to_owned(),
        })
    }

    /// Connects to a port on the Pod's loopback. The error is the text that the client gets.
    async fn connect(&self, port: u16) -> Result<Stream, String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let connected = self.host.connect(address).await;
        connected.map_err(|error| {
            let uid = &self.uid;
            let cause = match error.kind() {
                io::ErrorKind::ConnectionRefused => "connect: connection refused".to_owned(),
                _ => error.to_string(),
            };
            // Whether a name service knows localhost by an IPv6 address depends on the machine;
            // these are the words of one where it does not.
            self.failure(
                port,
                &format!(
                    "failed to connect to localhost:{port} inside namespace \"{uid}\", IPv4: dial \
                     tcp4 {address}: {cause} IPv6 dial tcp6: address localhost: no suitable \
                     address found "
                ),
            )
        })
    }

    /// The text about a connection from `local` that broke after it was made.
    fn broken(&self, port: u16, local: SocketAddr, error: &io::Error) -> String {
        let cause = match error.kind() {
            io::ErrorKind::ConnectionReset => "read: connection reset by peer".to_owned(),
            _ => error.to_string(),
        };
        self.failure(
            port,
            &format!("read tcp4 {local}->127.0.0.1:{port}: {cause}"),
        )
    }

    /// The error text of a kubelet with containerd, with the Pod's UID for what is random there.
    ///
    /// Rule: `internal/cri/server/sandbox_portforward_linux.go` of containerd.
    fn failure(&self, port: u16, why: &str) -> String {
        let uid = &self.uid;
        format!(
            "error forwarding port {port} to pod {uid}, uid : failed to execute portforward in \
             network namespace \"/var/run/netns/cni-{uid}\": {why}"
        )
    }
}

#[cfg(test)]
mod tests;
