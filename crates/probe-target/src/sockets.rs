//! The network of the operating system: the only file here that names a socket.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use probe_target::{Connection, Listener, Network};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Connections that wait to be accepted, as many as Linux allows by default.
const BACKLOG: u32 = 4096;

/// The network of the operating system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sockets;

/// A listening socket.
pub(crate) struct Listening(TcpListener);

/// A connected socket.
pub(crate) struct Connected {
    stream: TcpStream,
    peer: SocketAddr,
}

impl Network for Sockets {
    type Listener = Listening;
    type Connection = Connected;

    async fn listen(&self, address: SocketAddr) -> io::Result<Listening> {
        match bind(address) {
            // A host without IPv6: every address of it is IPv4.
            Err(error) if without_ipv6(&error) && address.ip().is_unspecified() => {
                bind((Ipv4Addr::UNSPECIFIED, address.port()).into())
            }
            bound => bound,
        }
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Connected> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.set_nodelay(true)?;
        Ok(Connected::new(socket.connect(address).await?, address))
    }
}

/// Linux listens on IPv4 too where an IPv6 socket takes every address.
fn bind(address: SocketAddr) -> io::Result<Listening> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Or a port just closed could not be opened again for a minute.
    socket.set_reuseaddr(true)?;
    // Answers are small and wait for nothing. Linux hands it on to every connection accepted.
    socket.set_nodelay(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG).map(Listening)
}

fn without_ipv6(error: &io::Error) -> bool {
    /// `EAFNOSUPPORT` and `EADDRNOTAVAIL` of Linux, as `io::ErrorKind` names only one of them.
    const CODES: [i32; 2] = [97, 99];
    error
        .raw_os_error()
        .is_some_and(|code| CODES.contains(&code))
}

impl Listener for Listening {
    type Connection = Connected;

    async fn accept(&mut self) -> io::Result<Connected> {
        let (stream, peer) = self.0.accept().await?;
        Ok(Connected::new(stream, peer))
    }
}

impl Connected {
    fn new(stream: TcpStream, peer: SocketAddr) -> Self {
        let ip = peer.ip().to_canonical();
        let peer = SocketAddr::new(ip, peer.port());
        Self { stream, peer }
    }
}

impl Connection for Connected {
    fn peer(&self) -> SocketAddr {
        self.peer
    }

    fn reset(self) {
        // What cannot be reset is closed.
        _ = self.stream.set_zero_linger();
    }
}

impl AsyncRead for Connected {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connected {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
