//! Helper: a TCP relay in front of an API server whose connections tests can break.

use std::{
    fs, io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use kube::config::Kubeconfig;
use tempfile::TempDir;

use crate::program::Cluster;

/// Relays bytes until it is dropped.
pub(crate) struct Relay {
    /// The cluster, reached through the relay.
    pub(crate) cluster: Cluster,
    shared: Arc<Shared>,
    refused: Receiver<()>,
    _folder: TempDir,
}

struct Shared {
    server: String,
    closed: AtomicBool,
    refused: Sender<()>,
    connections: Mutex<Vec<TcpStream>>,
}

impl Relay {
    /// Starts a relay in front of this cluster's API server.
    pub(crate) fn before(cluster: &Cluster) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (folder, server) = (TempDir::new().unwrap(), server(cluster));
        let kubeconfig = folder.path().join("kubeconfig");
        let relayed = relayed(cluster, &server, listener.local_addr().unwrap());
        fs::write(&kubeconfig, serde_json::to_string(&relayed).unwrap()).unwrap();
        let (tell, refused) = channel();
        let shared = Arc::new(Shared {
            server,
            closed: AtomicBool::new(false),
            refused: tell,
            connections: Mutex::default(),
        });
        let relay = Arc::clone(&shared);
        thread::spawn(move || relay.run(&listener));
        Self {
            cluster: Cluster {
                kubeconfig,
                context: cluster.context.clone(),
            },
            shared,
            refused,
            _folder: folder,
        }
    }

    /// Closes all connections, and every new one at once.
    pub(crate) fn close(&self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        for connection in self.shared.connections.lock().unwrap().drain(..) {
            drop(connection.shutdown(Shutdown::Both));
        }
    }

    /// Closes all connections, and accepts again after one new connection was refused.
    pub(crate) fn interrupt(&self) {
        self.close();
        self.refused.recv().unwrap();
        self.shared.closed.store(false, Ordering::SeqCst);
    }
}

impl Shared {
    fn run(&self, listener: &TcpListener) {
        for near in listener.incoming() {
            if self.closed.load(Ordering::SeqCst) {
                // An error means that no test waits for a refused connection.
                _ = self.refused.send(());
            } else {
                self.pass_on(near.unwrap()).unwrap();
            }
        }
    }

    fn pass_on(&self, near: TcpStream) -> io::Result<()> {
        let far = TcpStream::connect(&self.server)?;
        let ways = [
            (near.try_clone()?, far.try_clone()?),
            (far.try_clone()?, near.try_clone()?),
        ];
        self.connections.lock().unwrap().extend([near, far]);
        for (mut from, mut to) in ways {
            thread::spawn(move || {
                // Either side may close the connection.
                drop(io::copy(&mut from, &mut to));
                drop(to.shutdown(Shutdown::Write));
            });
        }
        Ok(())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.close();
    }
}

/// Host and port of the cluster's API server.
fn server(cluster: &Cluster) -> String {
    let kubeconfig = Kubeconfig::read_from(&cluster.kubeconfig).unwrap();
    let server = kubeconfig.clusters[0].cluster.as_ref().unwrap();
    let server = server.server.clone().unwrap();
    let authority = server.strip_prefix("https://").unwrap();
    authority.trim_end_matches('/').to_owned()
}

/// The cluster's kubeconfig with the relay's address. The TLS server name stays the server's.
fn relayed(cluster: &Cluster, server: &str, relay: SocketAddr) -> Kubeconfig {
    let mut kubeconfig = Kubeconfig::read_from(&cluster.kubeconfig).unwrap();
    let behind = kubeconfig.clusters[0].cluster.as_mut().unwrap();
    behind.server = Some(format!("https://{relay}"));
    behind.tls_server_name = server.split(':').next().map(str::to_owned);
    kubeconfig
}
