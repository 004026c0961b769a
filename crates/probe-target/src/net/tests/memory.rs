//! An in-memory network of one host for tests, with FIN and RST, unlimited buffers and no timers.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{Connection, Listener, Network};

/// A network of one host. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    listening: Arc<Mutex<BTreeMap<u16, Listening>>>,
}

/// The address of a listener, and the channel for its connections.
type Listening = (IpAddr, UnboundedSender<End>);

/// A listening port.
#[derive(Debug)]
pub(crate) struct Port(UnboundedReceiver<End>);

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct End {
    inbound: Arc<Mutex<Pipe>>,
    outbound: Arc<Mutex<Pipe>>,
}

/// One direction of a connection.
#[derive(Debug, Default)]
struct Pipe {
    bytes: VecDeque<u8>,
    ended: Option<Ended>,
    reader: Option<Waker>,
}

#[derive(Clone, Copy, Debug)]
enum Ended {
    Fin,
    Rst,
}

impl Network for Memory {
    type Listener = Port;
    type Connection = End;

    async fn listen(&self, address: SocketAddr) -> io::Result<Port> {
        let mut listening = self.listening.lock().unwrap();
        let there = listening.get(&address.port());
        if there.is_some_and(|(_, there)| !there.is_closed()) {
            return Err(ErrorKind::AddrInUse.into());
        }
        let (sender, receiver) = unbounded_channel();
        listening.insert(address.port(), (address.ip(), sender));
        Ok(Port(receiver))
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<End> {
        let (there, back) = (Arc::default(), Arc::default());
        let near = End {
            inbound: Arc::clone(&back),
            outbound: Arc::clone(&there),
        };
        let far = End {
            inbound: there,
            outbound: back,
        };
        let listening = self.listening.lock().unwrap();
        let port = listening.get(&address.port());
        let reached = |ip: &IpAddr| !ip.is_loopback() || *ip == address.ip();
        let port = port.filter(|(ip, _)| reached(ip));
        let sent = port.and_then(|(_, port)| port.send(far).ok());
        sent.map(|()| near)
            .ok_or(ErrorKind::ConnectionRefused.into())
    }
}

impl Listener for Port {
    type Connection = End;

    async fn accept(&mut self) -> io::Result<End> {
        Ok(self.0.recv().await.expect("the network must live"))
    }
}

impl Connection for End {
    fn peer(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, 40_000).into()
    }

    fn minimize_send_buffer(&mut self) {}

    fn reset(self) {
        self.end(Ended::Rst);
    }
}

impl End {
    fn end(&self, how: Ended) {
        let mut pipe = lock(&self.outbound);
        pipe.ended.get_or_insert(how);
        pipe.wake();
    }
}

impl Pipe {
    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        // As Linux does: closing with unread bytes resets.
        let unread = !lock(&self.inbound).bytes.is_empty();
        self.end(if unread { Ended::Rst } else { Ended::Fin });
        // Writes of the other end fail from now on, as nothing reads them.
        lock(&self.inbound).ended.get_or_insert(Ended::Fin);
    }
}

impl AsyncRead for End {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut pipe = lock(&self.inbound);
        let size = buffer.remaining().min(pipe.bytes.len());
        if size > 0 {
            let bytes: Vec<u8> = pipe.bytes.drain(..size).collect();
            buffer.put_slice(&bytes);
            return Poll::Ready(Ok(()));
        }
        match pipe.ended {
            Some(Ended::Fin) => Poll::Ready(Ok(())),
            Some(Ended::Rst) => Poll::Ready(Err(ErrorKind::ConnectionReset.into())),
            None => {
                pipe.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for End {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut pipe = lock(&self.outbound);
        if pipe.ended.is_some() {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        pipe.bytes.extend(bytes);
        pipe.wake();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end(Ended::Fin);
        Poll::Ready(Ok(()))
    }
}

fn lock(pipe: &Mutex<Pipe>) -> MutexGuard<'_, Pipe> {
    pipe.lock().unwrap()
}
