//! The network traits on the operating system's sockets. No other file here names a socket.

use std::io::{self, ErrorKind};
use std::net::{self, Ipv4Addr, Shutdown, SocketAddr, TcpListener};
use std::pin::Pin;
use std::task::{Context, Poll};

use probe_target::{Connection, Listener, Network};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use socket2::SockRef;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};

/// The backlog of listeners, the largest that Linux allows by default.
const BACKLOG: u32 = 4096;

/// The network of the operating system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sockets;

/// A listening socket.
pub(crate) struct Listening(AsyncFd<TcpListener>);

/// A connected socket. An accepted one is first used without registering it with the runtime: most
/// probers have sent their request by then, so most connections are served without waiting, at two
/// thirds of the cost.
pub(crate) struct Connected {
    /// Whether nothing has been read yet.
    unread: bool,
    /// The accepted socket, until it must be waited for. It is in blocking mode, so every call
    /// passes `DONTWAIT`, which saves the call that would change the mode.
    new: Option<net::TcpStream>,
    /// The socket as registered with the runtime.
    stream: Option<TcpStream>,
    peer: SocketAddr,
}

impl Network for Sockets {
    type Listener = Listening;
    type Connection = Connected;

    async fn listen(&self, address: SocketAddr) -> io::Result<Listening> {
        match bind(address) {
            // Without IPv6, as in some clusters, all addresses of the host are IPv4.
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
        Ok(Connected {
            unread: false,
            new: None,
            stream: Some(socket.connect(address).await?),
            peer: canonical(address),
        })
    }
}

/// Binds and listens. On Linux an unspecified IPv6 address includes IPv4.
fn bind(address: SocketAddr) -> io::Result<Listening> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Otherwise a port could not be bound again while connections of its previous listener are in
    // TIME_WAIT, for a minute on Linux.
    socket.set_reuseaddr(true)?;
    // Responses are small and must not be delayed. Linux passes the option on to accepted
    // connections.
    socket.set_nodelay(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?.into_std()?;
    #[expect(deprecated, reason = "only for types whose descriptor may change")]
    let listening = AsyncFd::with_interest(listener, Interest::READABLE);
    listening.map(Listening)
}

fn without_ipv6(error: &io::Error) -> bool {
    /// `EAFNOSUPPORT` and `EADDRNOTAVAIL` of Linux, as `io::ErrorKind` has only one of them.
    const CODES: [i32; 2] = [97, 99];
    error
        .raw_os_error()
        .is_some_and(|code| CODES.contains(&code))
}

impl Listener for Listening {
    type Connection = Connected;

    async fn accept(&mut self) -> io::Result<Connected> {
        loop {
            let mut ready = self.0.readable().await?;
            if let Ok(accepted) = ready.try_io(|listener| listener.get_ref().accept()) {
                let (stream, peer) = accepted?;
                return Ok(Connected {
                    unread: true,
                    new: Some(stream),
                    stream: None,
                    peer: canonical(peer),
                });
            }
        }
    }
}

/// Converts an IPv4-mapped IPv6 address to IPv4.
fn canonical(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}

impl Connected {
    /// The socket, registered with the runtime.
    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        if let Some(new) = self.new.take() {
            new.set_nonblocking(true)?;
            self.stream = Some(TcpStream::from_std(new)?);
        }
        let stream = self.stream.as_mut().ok_or(ErrorKind::NotConnected)?;
        Ok(Pin::new(stream))
    }
}

impl Connection for Connected {
    fn peer(&self) -> SocketAddr {
        self.peer
    }

    fn minimize_send_buffer(&mut self) {
        // Linux raises it to its minimum, a few KB. If this fails, a reset may lose more data.
        _ = self
            .stream()
            .and_then(|stream| SockRef::from(&*stream).set_send_buffer_size(0));
    }

    fn reset(mut self) {
        // If the linger option cannot be set, the connection closes with FIN.
        _ = self.stream().and_then(|stream| stream.set_zero_linger());
    }
}

impl AsyncRead for Connected {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(new) = self.new.as_ref().filter(|_| self.unread) {
            let read = recv(new, buffer.initialize_unfilled(), RecvFlags::DONTWAIT);
            let read = read.map(|(read, _)| read).map_err(io::Error::from);
            if !would_block(&read) {
                // Only once: further reads go through the runtime, whose budget makes tasks take
                // turns.
                self.unread = false;
                return Poll::Ready(read.map(|read| buffer.advance(read)));
            }
        }
        self.stream()?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Connected {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(new) = self.new.as_ref() {
            // NOSIGNAL, as a write to a connection that the client has reset is no reason to die.
            let written = send(new, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
            let written = written.map_err(io::Error::from);
            if !would_block(&written) {
                return Poll::Ready(written);
            }
        }
        self.stream()?.poll_write(context, bytes)
    }

    /// There is no buffer to flush: the kernel sends what was written.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.new {
            Some(new) => Poll::Ready(new.shutdown(Shutdown::Write)),
            None => self.stream()?.poll_shutdown(context),
        }
    }
}

fn would_block(done: &io::Result<usize>) -> bool {
    let error = done.as_ref().err();
    error.is_some_and(|error| error.kind() == ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests;
