//! The network interface of probe-target: the traits `Network`, `Listener` and `Connection`.
//! `sockets.rs` implements them on sockets, an embedded cluster on streams of its own. No other
//! file here may name a socket.

pub(crate) mod buffered;
pub(crate) mod closing;
pub(crate) mod reclaimable_stream;
pub(crate) mod tls;

#[cfg(test)]
pub(crate) mod tests;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

/// The network of one process.
pub trait Network: Clone + Send + Sync + 'static {
    /// The type that [`Network::listen`] returns.
    type Listener: Listener<Connection = Self::Connection>;
    /// The type that both [`Network::connect`] and [`Listener::accept`] return.
    type Connection: Connection;

    /// Listens from the moment the future is ready until the listener is dropped.
    ///
    /// `[::]:8080` is every address of this host, IPv4 and IPv6. A port in use is
    /// [`io::ErrorKind::AddrInUse`].
    fn listen(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::Listener>> + Send;

    /// Connects. A port without listener is [`io::ErrorKind::ConnectionRefused`].
    fn connect(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::Connection>> + Send;
}

/// A listening port. Dropping it refuses new connections and does not affect accepted ones.
pub trait Listener: Send + 'static {
    /// The type that [`Listener::accept`] returns.
    type Connection: Connection;

    /// Accepts the next connection. Cancelling the future loses no connection.
    fn accept(&mut self) -> impl Future<Output = io::Result<Self::Connection>> + Send;
}

/// One end of a connection. Dropping it closes it (FIN, or RST if received bytes are unread).
pub trait Connection: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// The address of the other end.
    fn peer(&self) -> SocketAddr;

    /// Minimises the send buffer, so that a reset discards almost nothing of what was written.
    fn minimize_send_buffer(&mut self);

    /// Ends the connection with RST instead of FIN; data that was not sent yet is lost.
    fn reset(self);

    /// Sends FIN and nothing before it. It differs from `poll_shutdown` only in layers with a
    /// message of their own, such as TLS.
    fn poll_send_fin(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_shutdown(context)
    }
}
