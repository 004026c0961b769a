//! The network interface of the cluster: how its components listen and connect.
//!
//! It consists of the trait [`Network`] and its three handles: a [`Host`] (the network as seen from
//! one address), a [`Listener`] and a [`Stream`]. [`memory`] implements it within the process. No
//! other file of the crate may name a socket.

pub mod memory;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A network that many hosts share, each known by its own address.
///
/// Every host also has a loopback address of its own, which no other host reaches.
pub trait Network: fmt::Debug + Send + Sync + 'static {
    /// Listens on the host `at`. An unspecified address (`0.0.0.0`, `[::]`) covers the host's own
    /// address and its loopback; port 0 picks a free port.
    ///
    /// # Errors
    /// `AddrInUse` if the address overlaps with another listener's, `AddrNotAvailable` if it is not
    /// the host's.
    fn listen(&self, at: IpAddr, address: SocketAddr) -> BoxFuture<'_, io::Result<Listener>>;

    /// Connects from the host `from`, translating a Service address to one of its backends.
    ///
    /// # Errors
    /// Immediate `ConnectionRefused` if there is no listener.
    fn connect(&self, from: IpAddr, address: SocketAddr) -> BoxFuture<'_, io::Result<Stream>>;

    /// Routes new connections to `service` to one of `backends`; without backends they are refused.
    /// Established connections continue.
    fn route(&self, service: SocketAddr, backends: Vec<SocketAddr>);
}

/// The network as seen from one address: a Pod's or the node's.
#[derive(Clone, Debug)]
pub struct Host {
    network: Arc<dyn Network>,
    ip: IpAddr,
}

impl Host {
    /// The view of `network` from `ip`.
    pub fn new(network: Arc<dyn Network>, ip: IpAddr) -> Self {
        Self { network, ip }
    }

    /// The address by which others reach this host.
    pub fn ip(&self) -> IpAddr {
        self.ip
    }

    /// Listens here; see [`Network::listen`].
    ///
    /// # Errors
    /// Those of [`Network::listen`].
    pub async fn listen(&self, address: SocketAddr) -> io::Result<Listener> {
        self.network.listen(self.ip, address).await
    }

    /// Connects from here; see [`Network::connect`].
    ///
    /// # Errors
    /// Those of [`Network::connect`].
    pub async fn connect(&self, address: SocketAddr) -> io::Result<Stream> {
        self.network.connect(self.ip, address).await
    }
}

/// Accepts connections. Dropping it refuses further ones and resets those not yet accepted.
pub struct Listener {
    local: SocketAddr,
    incoming: Box<dyn Incoming>,
}

impl Listener {
    /// A listener at `local` fed by `incoming`.
    pub fn new(local: SocketAddr, incoming: impl Incoming) -> Self {
        let incoming = Box::new(incoming);
        Self { local, incoming }
    }

    /// The local address, with the actual port if port 0 was requested.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// The next connection.
    ///
    /// # Errors
    /// Any error of the network; the one in memory has none.
    pub async fn accept(&mut self) -> io::Result<Stream> {
        std::future::poll_fn(|context| self.incoming.poll_accept(context)).await
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Listener")
            .field("local", &self.local)
            .finish_non_exhaustive()
    }
}

/// A network's implementation of a [`Listener`].
pub trait Incoming: Send + 'static {
    /// Polls for the next connection.
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Stream>>;
}

/// One end of a connection. Dropping it sends a FIN, or a RST if data is unread, as a kernel does
/// on `close`.
///
/// After the peer's FIN a read gives 0 bytes; after its RST, `ConnectionReset`.
pub struct Stream {
    local: SocketAddr,
    peer: SocketAddr,
    channel: Pin<Box<dyn Channel>>,
}

impl Stream {
    /// The end at `local` of a connection with `peer`, carried by `channel`.
    pub fn new(local: SocketAddr, peer: SocketAddr, channel: impl Channel) -> Self {
        let channel = Box::pin(channel);
        Self {
            local,
            peer,
            channel,
        }
    }

    /// The local address.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// The peer's address; a client of a Service sees the Service's address.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Ends the connection with a RST instead of a FIN.
    pub fn reset(mut self) {
        self.channel.as_mut().reset();
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Stream");
        shown
            .field("local", &self.local)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// A network's implementation of a [`Stream`].
pub trait Channel: AsyncRead + AsyncWrite + Send + 'static {
    /// Ends the connection with a RST. The caller drops the channel next.
    fn reset(self: Pin<&mut Self>);
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.channel.as_mut().poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.channel.as_mut().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.channel.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.channel.as_mut().poll_shutdown(context)
    }
}
