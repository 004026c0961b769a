//! Implements probe-target's network traits on `pocket`'s in-memory network of a Pod.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use pocket::net::Host;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The network of one Pod.
#[derive(Clone)]
pub(super) struct Net(pub(super) Host);

impl probe_target::Network for Net {
    type Listener = Listener;
    type Connection = Connection;

    async fn listen(&self, address: SocketAddr) -> io::Result<Listener> {
        self.0.listen(address).map(Listener)
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Connection> {
        self.0.connect(address).await.map(Connection)
    }
}

pub(super) struct Listener(pocket::net::Listener);

impl probe_target::Listener for Listener {
    type Connection = Connection;

    async fn accept(&mut self) -> io::Result<Connection> {
        self.0.accept().await.map(Connection)
    }
}

pub(super) struct Connection(pocket::net::Stream);

impl probe_target::Connection for Connection {
    fn peer(&self) -> SocketAddr {
        self.0.peer()
    }

    /// No effect: in this network, all written data arrives before a reset anyway.
    fn minimize_send_buffer(&mut self) {}

    fn reset(self) {
        self.0.reset();
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
