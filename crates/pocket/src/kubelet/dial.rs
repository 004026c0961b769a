//! Connecting from the node to a Pod, with errors in the words of Go's dialer.

use std::io::ErrorKind;
use std::net::SocketAddr;

use crate::net::{Host, Stream};

/// A connection, or the text of what prevented it.
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
