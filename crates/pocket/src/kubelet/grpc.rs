//! One `grpc` attempt: `grpc.health.v1.Health/Check`, over HTTP/2 without TLS.
//!
//! The texts are those of the Go client that a node uses. Every problem is a failure, never an
//! error. The attempt reconnects until a connection speaks HTTP/2, so a refused port takes the
//! whole timeout.
//!
//! Rule: `pkg/probe/grpc/grpc.go`.

mod call;
mod session;
mod status;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rules::back_off::go_duration;
use rules::probe::ProbeOutcome;

use super::report::Report;
use crate::net::Host;
use session::Session;
use status::{Code, Status};

/// The port and service of a health check.
#[derive(Clone, Debug)]
pub(super) struct Grpc {
    pub(super) port: u16,
    /// The service to check; empty for the server as a whole.
    pub(super) service: String,
}

/// Makes one attempt from `node` against the Pod at `ip`; `limit` covers connecting and the call.
pub(super) async fn attempt(grpc: &Grpc, node: &Host, ip: IpAddr, limit: Duration) -> Report {
    let address = SocketAddr::new(ip, grpc.port);
    let mut connected = false;
    let asked = async {
        let session = Session::open(node, address).await;
        connected = true;
        call::check(session, address, &grpc.service, limit).await
    };
    match tokio::time::timeout(limit, asked).await {
        Ok(answer) => judge(answer, limit),
        Err(_) if connected => unanswered(limit),
        Err(_) => Report::failure(format!(
            "timeout: failed to connect service \"{address}\" within {}: context deadline exceeded",
            go_duration(limit)
        )),
    }
}

fn judge(answer: Result<u64, Status>, limit: Duration) -> Report {
    const SERVING: u64 = 1;
    match answer {
        Ok(SERVING) => Report::new(ProbeOutcome::Success, String::new()),
        Ok(other) => Report::failure(format!(
            "service unhealthy (responded with \"{}\")",
            health(other)
        )),
        Err(status) if status.code == Code::UNIMPLEMENTED => Report::failure(format!(
            "error: this server does not implement the grpc health protocol \
             (grpc.health.v1.Health): {}",
            status.message
        )),
        // The server has noticed the deadline first.
        Err(status) if status.code == Code::DEADLINE_EXCEEDED => unanswered(limit),
        Err(status) => Report::failure(format!("error: health rpc probe failed: {status}")),
    }
}

fn unanswered(limit: Duration) -> Report {
    Report::failure(format!(
        "timeout: health rpc did not complete within {}",
        go_duration(limit)
    ))
}

/// Rule: `grpc.health.v1`, `HealthCheckResponse.ServingStatus`.
fn health(status: u64) -> String {
    match status {
        0 => "UNKNOWN".to_owned(),
        1 => "SERVING".to_owned(),
        2 => "NOT_SERVING".to_owned(),
        3 => "SERVICE_UNKNOWN".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
