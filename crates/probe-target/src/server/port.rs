//! One data port: its listener, as the state wants it, and the connections it has accepted. It reads no request.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::model::moment::Moment;
use crate::model::port_spec::{PortState, Protocol};
use crate::net::{Connection, Listener, Network};
use crate::server::{http, tcp};
use crate::state::WantedPort;
use crate::target::{Settled, Target};

/// How long after a failed attempt a port in use is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// Connections held unread while a port is a black hole; the others wait to be accepted.
const HELD: usize = 256;

/// One data port, for as long as the state wants it.
pub(crate) struct Port<N: Network> {
    target: Arc<Target>,
    network: N,
    number: u16,
    /// Of the connections that are served.
    protocol: Protocol,
    state: PortState,
    listener: Option<N::Listener>,
    connections: JoinSet<()>,
    /// Accepted by a black hole.
    held: Vec<(N::Connection, OwnedSemaphorePermit)>,
}

/// When a port has to look at the state again, changes aside.
type Look = Option<Moment>;

impl<N: Network> Port<N> {
    /// A port, with its listener if it has one already.
    pub(crate) fn new(
        target: Arc<Target>,
        network: N,
        number: u16,
        listener: Option<N::Listener>,
    ) -> Self {
        Self {
            target,
            network,
            number,
            protocol: Protocol::default(),
            state: PortState::default(),
            listener,
            connections: JoinSet::new(),
            held: Vec::new(),
        }
    }

    /// Serves until the state no longer wants the port, or until the drain has ended its last connection; says its number.
    pub(crate) async fn run(mut self) -> u16 {
        let mut changes = self.target.changes();
        let mut draining = self.target.draining();
        while let Some(look) = self.adjust().await {
            tokio::select! {
                biased;
                () = drained(&mut draining) => {
                    self.drain().await;
                    break;
                }
                () = self.serve(&mut changes, look) => {}
            }
        }
        self.target.settle(self.number, None);
        self.number
    }

    /// Does what the state wants; `None` if it wants no such port.
    async fn adjust(&mut self) -> Option<Look> {
        let (wanted, revision) = self.target.wanted(self.number);
        let wanted = wanted?;
        self.state = wanted.state;
        self.speak(wanted.protocol).await;
        let error = self.listen(wanted).await.err();
        if wanted.state != PortState::Blackhole {
            self.held.clear();
            self.count();
        }
        let retry = error.as_ref().map(|_| self.target.clock.now() + RETRY);
        let settled = Settled {
            port: self.number,
            revision,
            listening: self.listener.is_some(),
            error,
        };
        self.target.settle(self.number, Some(settled));
        Some([wanted.until, retry].into_iter().flatten().min())
    }

    /// Speaks this from now on, once connections are served at all. Those that spoke something else end, as nothing is answered so any more.
    async fn speak(&mut self, protocol: Protocol) {
        if self.state != PortState::Open || protocol == self.protocol {
            return;
        }
        self.protocol = protocol;
        if !self.connections.is_empty() {
            self.target.cut(self.number);
            self.connections.shutdown().await;
            self.count();
        }
    }

    /// Listens or stops listening. Established connections are not touched by either.
    async fn listen(&mut self, wanted: WantedPort) -> Result<(), String> {
        if self.state == PortState::Closed {
            self.listener = None;
        } else if self.listener.is_none() {
            let listener = self.network.listen(wanted.address).await;
            self.listener = Some(listener.map_err(|error| unbound(self.number, &error))?);
        }
        self.target.tls.ready(wanted.protocol)
    }

    /// Accepts until there is a change or `look` has come.
    async fn serve(&mut self, changes: &mut watch::Receiver<()>, look: Look) {
        let clock = self.target.clock;
        let look = async {
            match look {
                Some(moment) => clock.until(moment).await,
                None => std::future::pending().await,
            }
        };
        let mut look = std::pin::pin!(look);
        // It fails only when the target is gone, and this with it.
        let mut change = std::pin::pin!(changes.changed());
        loop {
            tokio::select! {
                biased;
                _ = &mut change => return,
                () = &mut look => return,
                Some(_) = self.connections.join_next() => self.count(),
                accepted = accept(&mut self.listener, &self.target.room), if self.hears() => match accepted {
                    Ok((connection, room)) => {
                        self.admit(connection, room);
                        self.count();
                    }
                    // Out of descriptors, or a connection that ended before it was accepted.
                    Err(_) => sleep(Duration::from_millis(10)).await,
                },
            }
        }
    }

    /// Whether it accepts.
    fn hears(&self) -> bool {
        self.state != PortState::StopAccepting && self.held.len() < HELD
    }

    /// Tells how many connections are open.
    fn count(&self) {
        let open = self.connections.len() + self.held.len();
        self.target.connected(self.number, open);
    }

    fn admit(&mut self, connection: N::Connection, room: OwnedSemaphorePermit) {
        match self.target.admit(self.number, connection.peer()) {
            PortState::Reset => connection.reset(),
            PortState::Blackhole => self.held.push((connection, room)),
            // Accepted before the listener was dropped, and so before the acknowledgement.
            PortState::Open | PortState::Closed | PortState::StopAccepting => {
                let (target, number) = (Arc::clone(&self.target), self.number);
                match self.protocol {
                    Protocol::Tcp => {
                        let serve = tcp::serve(target, number, connection, room);
                        self.connections.spawn(serve)
                    }
                    protocol => {
                        let serve = http::serve(target, number, protocol, connection, room);
                        self.connections.spawn(serve)
                    }
                };
            }
        }
    }

    /// Refuses new connections, drops the faulted ones, and waits for the others to end.
    async fn drain(&mut self) {
        self.listener = None;
        self.held.clear();
        while self.connections.join_next().await.is_some() {}
    }
}

/// Waits for the drain to begin.
pub(crate) async fn drained(draining: &mut watch::Receiver<bool>) {
    // It fails only when the target is gone, and whoever waits with it.
    _ = draining.wait_for(|draining| *draining).await;
}

/// The next connection, once there is room for it.
async fn accept<L: Listener>(
    listener: &mut Option<L>,
    room: &Arc<Semaphore>,
) -> io::Result<(L::Connection, OwnedSemaphorePermit)> {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    let room = Arc::clone(room).acquire_owned().await;
    let room = room.expect("the room must never be closed");
    Ok((listener.accept().await?, room))
}

/// Why a port could not be listened on.
pub(crate) fn unbound(port: u16, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!("port {port} is in use"),
        _ => format!("cannot listen on port {port}: {error}"),
    }
}
