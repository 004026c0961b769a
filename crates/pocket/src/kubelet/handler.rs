//! The handlers of probes: what an attempt does.
//!
//! Each handler makes its attempts in a file of its own. The prober decides when.

use super::exec::Exec;
use super::grpc::Grpc;
use super::http::HttpGet;
use super::tcp::TcpSocket;

/// What a probe does in an attempt.
#[derive(Clone, Debug)]
pub(super) enum Handler {
    /// Sends a GET request over HTTP or HTTPS.
    Http(HttpGet),
    /// Connects to a port.
    Tcp(TcpSocket),
    /// Calls a gRPC server's health check.
    Grpc(Grpc),
    /// Runs a command in the container.
    Exec(Exec),
}
