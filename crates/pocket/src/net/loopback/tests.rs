//! The cluster's addresses on sockets of this machine, which needs 127.0.0.0/8 as on Linux.

use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::*;
use crate::net::{Listener, Stream};

/// A long time for what a socket does at once.
const SOON: Duration = Duration::from_secs(20);

/// A network with open addresses.
struct Opened {
    network: Network,
    subnets: Subnets,
    notes: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Opened {
    fn new() -> Self {
        let notes = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&notes);
        let loopback = Loopback::claim(move |note| kept.lock().unwrap().push(note)).unwrap();
        let subnets = loopback.subnets();
        let network = Network::new(subnets);
        let mut tasks = JoinSet::new();
        tasks.spawn(loopback.run(network.clone()));
        Self {
            network,
            subnets,
            notes,
            _tasks: tasks,
        }
    }

    /// Listens in a Pod on all its addresses.
    fn pod(&self, number: u16, port: u16) -> (Listener, SocketAddr) {
        let ip = self.subnets.pod(number);
        let host = Host::new(self.network.clone(), ip);
        let listener = host.listen(SocketAddr::from(([0, 0, 0, 0], port))).unwrap();
        let address = SocketAddr::new(ip, listener.local().port());
        (listener, address)
    }

    fn service(&self, number: u16, port: u16) -> SocketAddr {
        SocketAddr::new(self.subnets.service(number).into(), port)
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    TcpSocket::new_v4()?.connect(address).await
}

/// Connects as soon as the address is open.
async fn connect_soon(address: SocketAddr) -> TcpStream {
    let connected = async {
        loop {
            match connect(address).await {
                Ok(socket) => return socket,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    timeout(SOON, connected).await.unwrap()
}

async fn refused_soon(address: SocketAddr) {
    let refused = async {
        while connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, refused).await.unwrap();
}

async fn accepted(listener: &mut Listener) -> Stream {
    timeout(SOON, listener.accept()).await.unwrap().unwrap()
}

async fn read(from: &mut (impl AsyncReadExt + Unpin)) -> Result<Vec<u8>, ErrorKind> {
    let mut bytes = Vec::new();
    let read = timeout(SOON, from.read_to_end(&mut bytes)).await.unwrap();
    read.map(|_| bytes).map_err(|error| error.kind())
}

#[tokio::test]
async fn a_pod_is_reached_for_as_long_as_it_listens() {
    let opened = Opened::new();
    let (mut listener, address) = opened.pod(2, 8080);
    let mut client = connect_soon(address).await;
    let mut server = accepted(&mut listener).await;
    assert_eq!(server.local(), address);

    // A FIN is a FIN, one way at a time.
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(read(&mut server).await, Ok(b"question".to_vec()));
    server.write_all(b"answer").await.unwrap();

    // The listener goes, the connection stays.
    drop(listener);
    refused_soon(address).await;
    server.shutdown().await.unwrap();
    assert_eq!(read(&mut client).await, Ok(b"answer".to_vec()));
}

#[tokio::test]
async fn a_reset_is_passed_on() {
    let opened = Opened::new();
    let (mut listener, address) = opened.pod(2, 8080);
    let mut client = connect_soon(address).await;
    accepted(&mut listener).await.reset();
    assert_eq!(read(&mut client).await, Err(ErrorKind::ConnectionReset));

    let client = connect_soon(address).await;
    let mut server = accepted(&mut listener).await;
    reset(client);
    assert_eq!(read(&mut server).await, Err(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn a_service_is_open_while_it_has_backends() {
    let opened = Opened::new();
    let (mut listener, backend) = opened.pod(2, 8080);
    let service = opened.service(7, 8000);
    opened.network.route(service, vec![backend]);
    let _client = connect_soon(service).await;
    assert_eq!(accepted(&mut listener).await.local(), backend);
    opened.network.route(service, Vec::new());
    refused_soon(service).await;
    assert!(opened.notes.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_loopback_of_a_pod_is_its_own() {
    let opened = Opened::new();
    let host = Host::new(opened.network.clone(), opened.subnets.pod(2));
    let listener = host.listen("127.0.0.1:8080".parse().unwrap()).unwrap();
    let own = SocketAddr::new(opened.subnets.pod(2), 8080);
    assert!(opened.network.open().is_empty());
    assert!(host.connect(listener.local()).await.is_ok());
    assert!(host.connect(own).await.is_err());
}

#[tokio::test]
async fn a_port_in_use_is_served_at_another_and_noted_once() {
    let opened = Opened::new();
    let mut foreign = Vec::new();
    for number in [2, 3] {
        foreign.push(listen(SocketAddr::new(opened.subnets.pod(number), 8080)).unwrap());
        let (mut listener, mut address) = opened.pod(number, 8080);
        address.set_port(18_080);
        let _client = connect_soon(address).await;
        accepted(&mut listener).await;
    }
    let notes = opened.notes.lock().unwrap().join("\n");
    assert!(
        notes.starts_with("port 8080 is served at 18080: "),
        "{notes}"
    );
    assert_eq!(notes.lines().count(), 1, "{notes}");
}

#[tokio::test]
async fn every_cluster_has_addresses_of_its_own() {
    let [one, other] = [(); 2].map(|()| Loopback::claim(drop).unwrap());
    assert_ne!(one.subnets(), other.subnets());
}
