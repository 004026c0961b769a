//! Connects from the node to a Pod over TCP, with the error texts of Go's dialer.

use std::io::ErrorKind;
use std::net::SocketAddr;

use crate::net::{Host, Stream};

/// Connects to `address`. The error is the text of Go's dialer.
pub(super) async fn dial(node: &Host, address: SocketAddr) -> Result<Stream, String> {
    node.connect(address).await.map_err(|error| {
        let why = match error.kind() {
            ErrorKind::ConnectionRefused => "connection refused".to_owned(),
            ErrorKind::HostUnreachable => "no route to host".to_owned(),
            _ => error.to_string(),
        };
        format!("dial tcp {address}: connect: {why}")
    })
}
