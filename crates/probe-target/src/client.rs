//! The clients in the same binary: `check` for exec probes, the control client, the traffic client.

pub(crate) mod check;
pub(crate) mod control;
pub(crate) mod http1;
pub(crate) mod traffic;

use std::io;
use std::net::SocketAddr;

use crate::net::Network;
use crate::net::tls::{self, Layer};

/// Connects to an address, with TLS that offers `alpn` if that is given.
async fn connect<N: Network>(
    network: &N,
    address: SocketAddr,
    alpn: Option<&str>,
) -> io::Result<Layer<N::Connection>> {
    let connection = network.connect(address).await?;
    match alpn {
        None => Ok(tls::bare(connection)),
        Some(alpn) => tls::connect(connection, alpn).await,
    }
}
