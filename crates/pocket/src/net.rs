//! The cluster's network, in memory: how its components listen and connect.
//!
//! A [`Network`] connects any number of [`Host`]s, each with an address of its own and a loopback
//! that no other host reaches. A [`Listener`] accepts connections, a [`Stream`] is one end of one.
//! [`Loopback`] opens its addresses to the programs of this machine. No file outside of this folder
//! may name a socket.

mod loopback;
mod network;
mod relay;
pub(crate) mod sockets;
mod stream;

use std::io;
use std::net::{IpAddr, SocketAddr};

pub use loopback::{Loopback, NoLoopback};
pub use network::{Listener, Network};
pub use stream::Stream;

/// The network as seen from one address: a Pod's or the node's.
#[derive(Clone, Debug)]
pub struct Host {
    network: Network,
    ip: IpAddr,
}

impl Host {
    /// The view of `network` from `ip`.
    pub fn new(network: Network, ip: IpAddr) -> Self {
        Self { network, ip }
    }

    /// Listens on this host. An unspecified address (`0.0.0.0`, `[::]`) covers the host's own
    /// address and its loopback; port 0 picks a free port.
    ///
    /// # Errors
    /// `AddrInUse` if the address overlaps with another listener's, `AddrNotAvailable` if it is not
    /// the host's.
    pub fn listen(&self, address: SocketAddr) -> io::Result<Listener> {
        self.network.listen(self.ip, address)
    }

    /// Connects from this host, translating a Service address to one of its backends. Waits only
    /// while the listener's backlog is full.
    ///
    /// # Errors
    /// `ConnectionRefused` if there is no listener.
    pub async fn connect(&self, address: SocketAddr) -> io::Result<Stream> {
        self.network.connect(self.ip, address).await
    }
}
