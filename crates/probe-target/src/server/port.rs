//! One data port: opens and closes its listener as the state requires, and admits connections.

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

/// The time between two attempts to listen on a port in use.
const RETRY: Duration = Duration::from_millis(200);

/// The maximum number of connections held in state `blackhole`; others wait in the backlog.
const HELD: usize = 256;

/// The task of one data port, which lives as long as the state has the port.
pub(crate) struct Port<N: Network> {
    target: Arc<Target>,
    network: N,
    number: u16,
    /// The protocol of the connections that are served.
    protocol: Protocol,
    state: PortState,
    listener: Option<N::Listener>,
    connections: JoinSet<()>,
    /// Connections accepted in state `blackhole`.
    held: Vec<(N::Connection, OwnedSemaphorePermit)>,
}

/// When the port must read the state again, besides at changes.
type Look = Option<Moment>;

impl<N: Network> Port<N> {
    /// A port, with its listener if it is bound already.
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

    /// Serves until the state no longer has the port, or until the drain has ended its last
    /// connection; returns its number.
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

    /// Applies the state; `None` if the state no longer has the port.
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

    /// Changes the protocol, once the port is open. Connections of the previous protocol end, as it
    /// is no longer served.
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

    /// Opens or closes the listener. Established connections are not affected.
    async fn listen(&mut self, wanted: WantedPort) -> Result<(), String> {
        if self.state == PortState::Closed {
            self.listener = None;
        } else if self.listener.is_none() {
            let listener = self.network.listen(wanted.address).await;
            self.listener = Some(listener.map_err(|error| unbound(self.number, &error))?);
        }
        self.target.tls.ready(wanted.protocol)
    }

    /// Accepts connections until there is a change or `look` is reached.
    async fn serve(&mut self, changes: &mut watch::Receiver<()>, look: Look) {
        let clock = self.target.clock;
        let look = async {
            match look {
                Some(moment) => clock.until(moment).await,
                None => std::future::pending().await,
            }
        };
        let mut look = std::pin::pin!(look);
        // The channel closes only with the target, which also ends this task.
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
                    // Out of descriptors, or the connection ended before it was accepted.
                    Err(_) => sleep(Duration::from_millis(10)).await,
                },
            }
        }
    }

    /// Whether the port accepts connections.
    fn hears(&self) -> bool {
        self.state != PortState::StopAccepting && self.held.len() < HELD
    }

    /// Updates the number of open connections.
    fn count(&self) {
        let open = self.connections.len() + self.held.len();
        self.target.connected(self.number, open);
    }

    fn admit(&mut self, connection: N::Connection, room: OwnedSemaphorePermit) {
        match self.target.admit(self.number, connection.peer()) {
            PortState::Reset => connection.reset(),
            PortState::Blackhole => self.held.push((connection, room)),
            // In a state other than open, it was accepted before the state changed, hence before
            // the acknowledgement.
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

    /// Closes the listener, drops held connections, and waits for the others to end.
    async fn drain(&mut self) {
        self.listener = None;
        self.held.clear();
        while self.connections.join_next().await.is_some() {}
    }
}

/// Waits for the drain to begin.
pub(crate) async fn drained(draining: &mut watch::Receiver<bool>) {
    // The channel closes only with the target, which also ends the waiting task.
    _ = draining.wait_for(|draining| *draining).await;
}

/// Accepts a connection once the connection limit allows it.
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

/// The error message for a port that cannot be listened on.
pub(crate) fn unbound(port: u16, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!("port {port} is in use"),
        _ => format!("cannot listen on port {port}: {error}"),
    }
}
