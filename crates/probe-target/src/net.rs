//! The one seam to the outside: what the target needs of a network.
//! `main.rs` implements it on sockets, an embedded cluster on streams of its own. No other file here may name a socket.

#[cfg(test)]
pub(crate) mod memory;

pub(crate) mod buffered;
pub(crate) mod closing;
pub(crate) mod prefixed_stream;
pub(crate) mod reclaimable_stream;
pub(crate) mod tls;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

/// The network as one process sees it.
pub trait Network: Clone + Send + Sync + 'static {
    /// What [`Network::listen`] returns.
    type Listener: Listener<Connection = Self::Connection>;
    /// What both [`Network::connect`] and [`Listener::accept`] return.
    type Connection: Connection;

    /// Listens from the moment the future is ready until the listener is dropped.
    ///
    /// `[::]:8080` means every address of this host, IPv4 and IPv6. A port in use is [`io::ErrorKind::AddrInUse`].
    fn listen(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::Listener>> + Send;

    /// Connects. A port nobody listens on is [`io::ErrorKind::ConnectionRefused`].
    fn connect(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::Connection>> + Send;
}

/// A port being listened on. Dropping it refuses every connection from then on and leaves accepted ones alone.
pub trait Listener: Send + 'static {
    /// What [`Listener::accept`] returns.
    type Connection: Connection;

    /// The next connection. Cancelling the future loses none.
    fn accept(&mut self) -> impl Future<Output = io::Result<Self::Connection>> + Send;
}

/// One end of a connection. Dropping it closes it (FIN, where nothing that arrived is left unread).
pub trait Connection: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Who is at the other end.
    fn peer(&self) -> SocketAddr;

    /// From now on takes only little that was not acknowledged yet, so that a reset loses next to nothing of it.
    fn keep_little(&mut self);

    /// Ends the connection with RST instead of FIN; what was not yet sent is lost.
    fn reset(self);

    /// Sends FIN and nothing before it. Another than `poll_shutdown` only where a layer would first say goodbye.
    fn poll_cut(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_shutdown(context)
    }
}
