//! The listeners of all hosts and the translation of Service addresses.
//!
//! Any address and port can be used without privileges, and any number of networks at once. The
//! network has no timers, so it neither holds nor moves a paused clock.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::{mpsc, watch};

use super::stream::Stream;
use crate::subnets::Subnets;

/// Connections in a listener's backlog before clients have to wait: Linux's `net.core.somaxconn`.
const BACKLOG: usize = 4096;

/// Linux's `net.ipv4.ip_local_port_range`.
const FREE_PORTS: std::ops::RangeInclusive<u16> = 32_768..=60_999;

/// A network that lives in this process. Clones are handles to the same one.
#[derive(Clone, Debug, Default)]
pub struct Network {
    state: Arc<Mutex<State>>,
}

/// Accepts connections. Dropping it refuses further ones and resets those not yet accepted.
#[derive(Debug)]
pub struct Listener {
    backlog: mpsc::Receiver<Unaccepted>,
    bound: BoundAddress,
}

#[derive(Debug)]
struct State {
    subnets: Subnets,
    /// Listeners by host and port; several only at addresses that do not overlap.
    listening: BTreeMap<(IpAddr, u16), Vec<Bound>>,
    routes: BTreeMap<SocketAddr, Route>,
    /// Hosts that are gone: nothing answers there, not even with a refusal.
    silent: BTreeSet<IpAddr>,
    /// Chooses among backends; without it they take turns.
    chooser: Option<fastrand::Rng>,
    next_port: u16,
    /// Signals that a listener or a route has come or gone.
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct Bound {
    ip: IpAddr,
    backlog: mpsc::Sender<Unaccepted>,
}

/// A Service's backends. Its address is translated, as by kube-proxy; nothing is relayed.
#[derive(Debug, Default)]
struct Route {
    backends: Vec<SocketAddr>,
    next: usize,
}

/// A listener's backlog, the client's address and the server's.
type Found = (mpsc::Sender<Unaccepted>, SocketAddr, SocketAddr);

impl Network {
    /// A network whose hosts have addresses of these ranges. All other addresses of 127.0.0.0/8 are
    /// a host's own.
    pub(crate) fn new(subnets: Subnets) -> Self {
        let state = State {
            subnets,
            ..State::default()
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// The addresses that accept connections from other hosts: those of listeners, and those of
    /// Services that have backends.
    pub(crate) fn open(&self) -> BTreeSet<SocketAddr> {
        let state = lock(&self.state);
        let listening = state.listening.iter();
        let listening = listening.filter(|((at, _), all)| all.iter().any(|it| covers(it.ip, *at)));
        let listening = listening.map(|((at, port), _)| SocketAddr::new(*at, *port));
        listening.chain(state.routes.keys().copied()).collect()
    }

    /// Receives every change of [`Self::open`].
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        lock(&self.state).changed.subscribe()
    }

    /// Routes new connections to `service` to one of `backends`; without backends they are refused.
    /// Established connections continue.
    pub(crate) fn route(&self, service: SocketAddr, backends: Vec<SocketAddr>) {
        let mut state = lock(&self.state);
        if backends.is_empty() {
            state.routes.remove(&service);
        } else {
            // The turn is kept: starting anew would favour the first backend.
            state.routes.entry(service).or_default().backends = backends;
        }
        state.changed.send_replace(());
    }

    /// From now on, chooses a Service's backends at random instead of in turn.
    pub(crate) fn choose_backends_by(&self, random: fastrand::Rng) {
        lock(&self.state).chooser = Some(random);
    }

    /// Lets connections to a host that is gone wait forever; they are no longer refused.
    pub(crate) fn silence(&self, host: IpAddr) {
        lock(&self.state).silent.insert(host);
    }

    /// Ends [`Self::silence`]: another host has taken the address.
    pub(crate) fn unsilence(&self, host: IpAddr) {
        lock(&self.state).silent.remove(&host);
    }

    /// Listens on the host `at`; see [`super::Host::listen`].
    pub(super) fn listen(&self, at: IpAddr, address: SocketAddr) -> io::Result<Listener> {
        let (sender, backlog) = mpsc::channel(BACKLOG);
        let mut state = lock(&self.state);
        let ip = address.ip();
        if !ip.is_unspecified() && !state.is_private(ip) && ip != at {
            return Err(ErrorKind::AddrNotAvailable.into());
        }
        let port = state.claim(at, address)?;
        let bound = Bound {
            ip: address.ip(),
            backlog: sender,
        };
        state.listening.entry((at, port)).or_default().push(bound);
        state.changed.send_replace(());
        let bound = BoundAddress {
            network: Arc::downgrade(&self.state),
            at,
            local: SocketAddr::new(address.ip(), port),
        };
        Ok(Listener { backlog, bound })
    }

    /// Connects from the host `from`; see [`super::Host::connect`].
    pub(super) async fn connect(&self, from: IpAddr, address: SocketAddr) -> io::Result<Stream> {
        // The lock ends with this statement, before the wait for a slot.
        let found = lock(&self.state).find(from, address);
        let Some((backlog, client, server)) = found? else {
            return std::future::pending().await;
        };
        // A full backlog makes the client wait, like unanswered SYNs.
        let refused = |_| io::Error::from(ErrorKind::ConnectionRefused);
        let slot = backlog.reserve().await.map_err(refused)?;
        // The client keeps the Service's address as its peer, as behind kube-proxy's NAT.
        let (near, far) = Stream::pair((client, address), (server, client));
        slot.send(Unaccepted(Some(Box::new(far))));
        Ok(near)
    }
}

impl Listener {
    /// The local address, with the actual port if port 0 was requested.
    pub fn local(&self) -> SocketAddr {
        self.bound.local
    }

    /// The next connection.
    ///
    /// # Errors
    /// `NotConnected` if the network is gone.
    pub async fn accept(&mut self) -> io::Result<Stream> {
        let accepted = self
            .backlog
            .recv()
            .await
            .and_then(|mut first| first.0.take().map(|stream| *stream));
        accepted.ok_or_else(|| ErrorKind::NotConnected.into())
    }
}

impl Default for State {
    fn default() -> Self {
        let next_port = *FREE_PORTS.start();
        Self {
            subnets: Subnets::default(),
            listening: BTreeMap::new(),
            routes: BTreeMap::new(),
            silent: BTreeSet::new(),
            chooser: None,
            next_port,
            changed: watch::Sender::default(),
        }
    }
}

impl State {
    /// The port to bind: the requested one, or for 0 the next free one.
    fn claim(&mut self, at: IpAddr, address: SocketAddr) -> io::Result<u16> {
        if address.port() != 0 {
            let free = self.is_free(at, address);
            return free
                .then_some(address.port())
                .ok_or(ErrorKind::AddrInUse.into());
        }
        for _ in FREE_PORTS {
            let port = self.free_port();
            if self.is_free(at, SocketAddr::new(address.ip(), port)) {
                return Ok(port);
            }
        }
        Err(ErrorKind::AddrInUse.into())
    }

    /// Whether every host has this address for itself.
    fn is_private(&self, ip: IpAddr) -> bool {
        ip.is_loopback() && !self.subnets.contains(ip)
    }

    fn is_free(&self, at: IpAddr, address: SocketAddr) -> bool {
        let overlaps =
            |bound: &Bound| covers(bound.ip, address.ip()) || covers(address.ip(), bound.ip);
        !self
            .listening
            .get(&(at, address.port()))
            .is_some_and(|all| all.iter().any(overlaps))
    }

    fn free_port(&mut self) -> u16 {
        let port = self.next_port;
        self.next_port = if port == *FREE_PORTS.end() {
            *FREE_PORTS.start()
        } else {
            port + 1
        };
        port
    }

    /// The backlog of the listener at `address`, and the client's and the server's address as the
    /// server sees them; `None` if nothing answers there.
    fn find(&mut self, from: IpAddr, address: SocketAddr) -> io::Result<Option<Found>> {
        let server = reachable(self.translate(address));
        let is_local = self.is_private(server.ip());
        let host = if is_local { from } else { server.ip() };
        if self.silent.contains(&host) {
            return Ok(None);
        }
        let bound = self
            .listening
            .get(&(host, server.port()))
            .into_iter()
            .flatten();
        let backlog = bound
            .filter(|bound| covers(bound.ip, server.ip()))
            .map(|bound| bound.backlog.clone())
            .next()
            .ok_or(ErrorKind::ConnectionRefused)?;
        // The port need not be unused: a connection is its two streams and is not looked up by
        // port.
        let client = SocketAddr::new(if is_local { server.ip() } else { from }, self.free_port());
        Ok(Some((backlog, client, server)))
    }

    fn translate(&mut self, address: SocketAddr) -> SocketAddr {
        let Some(route) = self.routes.get_mut(&address) else {
            return address;
        };
        let next = match &mut self.chooser {
            Some(random) => random.usize(..),
            None => route.next,
        };
        route.next = route.next.wrapping_add(1);
        route.backends[next % route.backends.len()]
    }

    fn release(&mut self, at: IpAddr, local: SocketAddr) {
        let key = (at, local.port());
        let Some(bound) = self.listening.get_mut(&key) else {
            return;
        };
        bound.retain(|bound| bound.ip != local.ip());
        if bound.is_empty() {
            self.listening.remove(&key);
        }
        self.changed.send_replace(());
    }
}

/// Whether a listener on `bound` accepts connections to `ip`; `[::]` accepts IPv4 ones too.
fn covers(bound: IpAddr, ip: IpAddr) -> bool {
    bound == ip
        // As on Linux with the default `net.ipv6.bindv6only = 0`.
        || bound == Ipv6Addr::UNSPECIFIED
        || (bound == Ipv4Addr::UNSPECIFIED && ip.is_ipv4())
}

/// Replaces an unspecified address by loopback: that is where a connection to it goes.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An address in use; dropping it frees the address.
#[derive(Debug)]
struct BoundAddress {
    // Weak, so that a forgotten listener does not keep the network.
    network: Weak<Mutex<State>>,
    at: IpAddr,
    local: SocketAddr,
}

impl Drop for BoundAddress {
    fn drop(&mut self) {
        if let Some(state) = self.network.upgrade() {
            lock(&state).release(self.at, self.local);
        }
    }
}

/// A connection in the backlog. Dropping it resets the connection.
#[derive(Debug)]
// Boxed: a listener always has room for 32 of these.
struct Unaccepted(Option<Box<Stream>>);

impl Drop for Unaccepted {
    fn drop(&mut self) {
        if let Some(stream) = self.0.take() {
            stream.reset();
        }
    }
}

#[cfg(test)]
mod tests;
