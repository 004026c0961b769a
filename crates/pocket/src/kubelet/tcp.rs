//! One `tcpSocket` attempt: opens a connection and closes it without sending anything.
//!
//! Rule: `pkg/probe/tcp/tcp.go`. A connection that waits in the server's backlog is a success.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rules::probe::ProbeOutcome;
use tokio::time::timeout;

use super::dial::dial;
use super::report::Report;
use crate::net::Host;

/// The address of a `tcpSocket` probe.
#[derive(Clone, Debug)]
pub(super) struct TcpSocket {
    /// The host; by default the Pod.
    pub(super) host: Option<IpAddr>,
    /// The port, or why it does not resolve.
    pub(super) port: Result<u16, String>,
}

/// Makes one attempt from `node` against the Pod at `ip`.
pub(super) async fn attempt(
    socket: &TcpSocket,
    node: &Host,
    ip: IpAddr,
    limit: Duration,
) -> Report {
    let port = match &socket.port {
        Ok(port) => *port,
        Err(why) => return Report::unknown(why),
    };
    let address = SocketAddr::new(socket.host.unwrap_or(ip), port);
    match timeout(limit, dial(node, address)).await {
        Ok(Ok(_)) => Report::new(ProbeOutcome::Success, String::new()),
        Ok(Err(why)) => Report::failure(why),
        Err(_) => Report::failure(format!("dial tcp {address}: i/o timeout")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Network;

    #[tokio::test(start_paused = true)]
    async fn a_listener_need_not_accept() {
        let network = Network::default();
        let ip = IpAddr::from([10, 244, 0, 5]);
        let node = Host::new(network.clone(), [10, 244, 0, 1].into());
        let socket = TcpSocket {
            host: None,
            port: Ok(9000),
        };
        let attempt = async || attempt(&socket, &node, ip, Duration::from_secs(1)).await;
        let refused = "dial tcp 10.244.0.5:9000: connect: connection refused".to_owned();
        assert_eq!(attempt().await, Report::failure(refused));
        let pod = Host::new(network, ip);
        let _listener = pod.listen("0.0.0.0:9000".parse().unwrap()).unwrap();
        assert_eq!(attempt().await.outcome, ProbeOutcome::Success);
    }
}
