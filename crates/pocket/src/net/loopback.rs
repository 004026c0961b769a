//! Opens the cluster's addresses to the programs of this machine, so that `curl` reaches Pods and
//! Services.
//!
//! Of each address that accepts connections in the network in memory, a socket listens on the same
//! one, and its connections are relayed. The addresses are of 127.0.0.0/8, which Linux gives to
//! every program without any rights; nothing outside of the machine reaches them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

use super::relay::{relay, reset};
use super::sockets::{accept, listen};
use super::{Host, Network};
use crate::subnets::Subnets;
use crate::tasks::Tasks;

/// The port of the node's address that a cluster holds while the addresses are its own.
const CLAIM: u16 = 61_616;
/// What is added to a port that cannot be opened.
const INSTEAD: u16 = 10_000;

/// Addresses of this machine for one cluster, until it is dropped.
pub struct Loopback {
    subnets: Subnets,
    /// Held, so that no other instance takes the same addresses.
    claim: TcpListener,
    note: Arc<dyn Fn(String) + Send + Sync>,
}

/// There are no addresses for a cluster.
#[derive(Debug, thiserror::Error)]
pub enum NoLoopback {
    /// The machine has no other address of 127.0.0.0/8 than 127.0.0.1, as macOS.
    #[error("this machine has no address in {}", .0.of_pods())]
    NoAddress(Subnets),
    /// Each number has been taken by another cluster.
    #[error(
        "port {CLAIM} is in use on all {} addresses for clusters",
        Subnets::LOOPBACKS
    )]
    AllTaken,
    /// A socket cannot be opened.
    #[error("cannot listen on a loopback address")]
    Socket(#[source] io::Error),
}

impl fmt::Debug for Loopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loopback")
            .field("subnets", &self.subnets)
            .finish_non_exhaustive()
    }
}

impl Loopback {
    /// Takes the first free addresses. `note` receives a sentence for each address that is open at
    /// another port or not at all. Must be called inside a runtime.
    ///
    /// # Errors
    /// If the machine has no such addresses, or none is free.
    pub fn claim(note: impl Fn(String) + Send + Sync + 'static) -> Result<Self, NoLoopback> {
        for number in 0..Subnets::LOOPBACKS {
            let subnets = Subnets::loopback(number);
            match listen(SocketAddr::new(subnets.node(), CLAIM)) {
                Ok(claim) => {
                    return Ok(Self {
                        subnets,
                        claim,
                        note: Arc::new(note),
                    });
                }
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(error) if error.kind() == ErrorKind::AddrNotAvailable => {
                    return Err(NoLoopback::NoAddress(subnets));
                }
                Err(error) => return Err(NoLoopback::Socket(error)),
            }
        }
        Err(NoLoopback::AllTaken)
    }

    /// The addresses.
    pub fn subnets(&self) -> Subnets {
        self.subnets
    }

    /// Keeps a socket open for each address of `network` that accepts connections, forever.
    pub(crate) async fn run(self, network: Network) {
        let mut changes = network.changes();
        let mut opened = Opened::new(&self, network.clone());
        loop {
            opened.update(network.open());
            if changes.changed().await.is_err() {
                break;
            }
        }
        drop(self.claim);
    }
}

/// The sockets that are open.
struct Opened {
    node: Host,
    note: Arc<dyn Fn(String) + Send + Sync>,
    /// The task of each address.
    open: BTreeMap<SocketAddr, AbortHandle>,
    /// Addresses for which there is no socket. They are tried again once they are closed.
    failed: BTreeSet<SocketAddr>,
    /// Ports whose substitute was noted.
    noted: BTreeSet<u16>,
    listeners: JoinSet<()>,
    relays: Tasks,
}

impl Opened {
    fn new(loopback: &Loopback, network: Network) -> Self {
        Self {
            node: Host::new(network, loopback.subnets.node()),
            note: Arc::clone(&loopback.note),
            open: BTreeMap::new(),
            failed: BTreeSet::new(),
            noted: BTreeSet::new(),
            listeners: JoinSet::new(),
            relays: Tasks::default(),
        }
    }

    /// Opens and closes sockets. Connections that are established go on.
    fn update(&mut self, wanted: BTreeSet<SocketAddr>) {
        self.open.retain(|address, task| {
            let is_wanted = wanted.contains(address);
            if !is_wanted {
                task.abort();
            }
            is_wanted
        });
        self.failed.retain(|address| wanted.contains(address));
        for address in wanted {
            if !self.open.contains_key(&address) && !self.failed.contains(&address) {
                self.open(address);
            }
        }
        // Frees the tasks that have ended.
        while self.listeners.try_join_next().is_some() {}
    }

    fn open(&mut self, address: SocketAddr) {
        match listen(address).or_else(|error| self.open_instead(address, &error)) {
            Ok(listener) => {
                let (node, relays) = (self.node.clone(), self.relays.clone());
                let relayed = relay_all(listener, address, node, relays);
                self.open.insert(address, self.listeners.spawn(relayed));
            }
            Err(error) => {
                self.failed.insert(address);
                (self.note)(format!("nothing listens on {address}: {error}"));
            }
        }
    }

    /// Listens on another port, as this one is reserved for the administrator or in use.
    fn open_instead(
        &mut self,
        address: SocketAddr,
        why: &io::Error,
    ) -> Result<TcpListener, io::Error> {
        let port = address.port().checked_add(INSTEAD);
        let port = port.ok_or_else(|| io::Error::new(why.kind(), why.to_string()))?;
        let listener = listen(SocketAddr::new(address.ip(), port))?;
        if self.noted.insert(address.port()) {
            let asked = address.port();
            let note = format!("port {asked} is served at {port}: cannot open {address}: {why}");
            (self.note)(note);
        }
        Ok(listener)
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.relays.abort();
    }
}

/// Relays the connections to one address. They outlive the listener.
async fn relay_all(listener: TcpListener, address: SocketAddr, node: Host, relays: Tasks) {
    loop {
        let socket = accept(&listener).await;
        let node = node.clone();
        relays.spawn(async move {
            match node.connect(address).await {
                Ok(stream) => relay(socket, stream).await,
                // The socket is about to close, or a Service's endpoint does not listen.
                Err(_) => reset(socket),
            }
        });
    }
}

#[cfg(test)]
mod tests;
