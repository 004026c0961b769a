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
use crate::state::DesiredPort;
use crate::target::{AppliedPort, Target};

/// The time between two attempts to listen on a port in use.
const RETRY: Duration = Duration::from_millis(200);

/// The maximum number of connections held in state `blackhole`; others wait in the backlog.
const MOST_HELD: usize = 256;

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
type Recheck = Option<Moment>;

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
        let target = Arc::clone(&self.target);
        // Subscribed before the state is read, so that no change is missed.
        let mut changes = target.changes();
        let mut drained = std::pin::pin!(target.drained());
        while let Some(recheck) = self.apply_state().await {
            tokio::select! {
                biased;
                () = &mut drained => {
                    self.drain().await;
                    break;
                }
                () = self.serve(&mut changes, recheck) => {}
            }
        }
        target.set_applied(self.number, None);
        self.number
    }

    /// Applies the state; `None` if the state no longer has the port.
    async fn apply_state(&mut self) -> Option<Recheck> {
        let (desired, revision) = self.target.desired_port(self.number);
        let desired = desired?;
        self.state = desired.state;
        self.set_protocol(desired.protocol).await;
        let error = self.listen(desired).await.err();
        if desired.state != PortState::Blackhole {
            self.held.clear();
            self.count_connections();
        }
        let retry = error.as_ref().map(|_| self.target.clock.now() + RETRY);
        let applied = AppliedPort {
            port: self.number,
            revision,
            listening: self.listener.is_some(),
            error,
        };
        self.target.set_applied(self.number, Some(applied));
        Some([desired.until, retry].into_iter().flatten().min())
    }

    /// Changes the protocol, once the port is open. Connections of the previous protocol end, as it
    /// is no longer served.
    async fn set_protocol(&mut self, protocol: Protocol) {
        if self.state != PortState::Open || protocol == self.protocol {
            return;
        }
        self.protocol = protocol;
        if !self.connections.is_empty() {
            self.target.cut_connections(self.number);
            self.connections.shutdown().await;
            self.count_connections();
        }
    }

    /// Opens or closes the listener. Established connections are not affected.
    async fn listen(&mut self, desired: DesiredPort) -> Result<(), String> {
        if self.state == PortState::Closed {
            self.listener = None;
        } else if self.listener.is_none() {
            let listener = self.network.listen(desired.address).await;
            self.listener = Some(listener.map_err(|error| listen_error(self.number, &error))?);
        }
        self.target.tls.prepare(desired.protocol)
    }

    /// Accepts connections until there is a change or `recheck` is reached.
    async fn serve(&mut self, changes: &mut watch::Receiver<()>, recheck: Recheck) {
        let clock = self.target.clock;
        // Both are created once, not for each connection.
        let mut recheck = std::pin::pin!(clock.until_some(recheck));
        // The channel closes only with the target, which also ends this task.
        let mut change = std::pin::pin!(changes.changed());
        loop {
            let limit = &self.target.connection_limit;
            tokio::select! {
                biased;
                _ = &mut change => return,
                () = &mut recheck => return,
                Some(_) = self.connections.join_next() => self.count_connections(),
                accepted = accept(&mut self.listener, limit), if self.accepts() => match accepted {
                    Ok((connection, permit)) => {
                        self.admit(connection, permit);
                        self.count_connections();
                    }
                    // Out of descriptors, or the connection ended before it was accepted.
                    Err(_) => sleep(Duration::from_millis(10)).await,
                },
            }
        }
    }

    /// Whether the port accepts connections.
    fn accepts(&self) -> bool {
        self.state != PortState::StopAccepting && self.held.len() < MOST_HELD
    }

    /// Updates the number of open connections in the statistics.
    fn count_connections(&self) {
        let open = self.connections.len() + self.held.len();
        self.target.set_open_connections(self.number, open);
    }

    fn admit(&mut self, connection: N::Connection, permit: OwnedSemaphorePermit) {
        match self.target.admit(self.number, connection.peer()) {
            PortState::Reset => connection.reset(),
            PortState::Blackhole => self.held.push((connection, permit)),
            // In a state other than open, it was accepted before the state changed, hence before
            // the acknowledgement.
            PortState::Open | PortState::Closed | PortState::StopAccepting => {
                let (target, number) = (Arc::clone(&self.target), self.number);
                match self.protocol {
                    Protocol::Tcp => {
                        let serve = tcp::serve(target, number, connection, permit);
                        self.connections.spawn(serve)
                    }
                    protocol => {
                        let serve = http::serve(target, number, protocol, connection, permit);
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

/// Accepts a connection once the connection limit allows it.
async fn accept<L: Listener>(
    listener: &mut Option<L>,
    limit: &Arc<Semaphore>,
) -> io::Result<(L::Connection, OwnedSemaphorePermit)> {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    let permit = Arc::clone(limit).acquire_owned().await;
    let permit = permit.expect("the semaphore must never be closed");
    Ok((listener.accept().await?, permit))
}

/// The error message for a port that cannot be listened on.
pub(crate) fn listen_error(port: u16, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!("port {port} is in use"),
        _ => format!("cannot listen on port {port}: {error}"),
    }
}
