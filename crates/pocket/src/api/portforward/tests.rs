//! Port-forward as kube-rs uses it: a WebSocket over an HTTP connection, here over a pipe in
//! memory.

use std::sync::{Arc, Mutex};

use hyper::server::conn::http1;
use hyper_util::service::TowerToHyperService;
use k8s_openapi::api::core::v1::Pod as PodObject;
use serde_json::json;
use tokio::io::DuplexStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::*;
use crate::api::{Server, router};
use crate::image::Logs;
use crate::latencies::Chance;
use crate::net::Network;
use crate::registry::tests::{from, registry};
use crate::tasks::Tasks;

const POD_IP: &str = "10.244.0.5";

type Client = WebSocketStream<DuplexStream>;

/// A cluster with one Pod, which serves what the test sets up.
struct Scene {
    server: Server,
    pod: Host,
}

impl Scene {
    fn new() -> Self {
        let registry = registry();
        let pod: PodObject = from(json!({
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"containers": [{"name": "a", "image": "probe-target"}]},
        }));
        registry.create(&pod).unwrap();
        let network = Network::default();
        let pod = Host::new(network.clone(), POD_IP.parse().unwrap());
        Self {
            server: Server {
                registry,
                network,
                logs: Logs::default(),
                tasks: Tasks::default(),
                chance: Arc::new(Mutex::new(Chance::none())),
            },
            pod,
        }
    }

    fn with_address() -> Self {
        let scene = Self::new();
        let give = |pod: &mut PodObject| {
            pod.status.get_or_insert_default().pod_ip = Some(POD_IP.to_owned());
        };
        scene
            .server
            .registry
            .edit_status("default", "web", give)
            .unwrap();
        scene
    }

    /// Connects as kube-rs does; the status of the answer if that is no upgrade.
    async fn connect(&self, ports: &str) -> Result<Client, u16> {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let service = TowerToHyperService::new(router(self.server.clone()));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(far), service);
        tokio::spawn(connection.with_upgrades());
        let path =
            format!("ws://pocket/api/v1/namespaces/default/pods/web/portforward?ports={ports}");
        let mut request = path.into_client_request().unwrap();
        let offers = "v5.channel.k8s.io,v4.channel.k8s.io".parse().unwrap();
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, offers);
        match client_async(request, near).await {
            Ok((client, response)) => {
                assert_eq!(response.headers()[SEC_WEBSOCKET_PROTOCOL], PROTOCOL);
                Ok(client)
            }
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
                Err(response.status().as_u16())
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Answers every byte on the Pod's loopback, until the client closes.
    fn echo(&self, port: u16) {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut listener = self.pod.listen(address).unwrap();
        tokio::spawn(async move {
            let (mut reader, mut writer) = tokio::io::split(listener.accept().await.unwrap());
            tokio::io::copy(&mut reader, &mut writer).await
        });
    }
}

async fn next(client: &mut Client) -> Vec<u8> {
    match client.next().await.unwrap().unwrap() {
        Message::Binary(frame) => frame.to_vec(),
        other => panic!("{other:?}"),
    }
}

/// Reads the two frames that open a port.
async fn opened(client: &mut Client, channel: u8, port: u16) {
    let [low, high] = port.to_le_bytes();
    assert_eq!(next(client).await, [channel, low, high]);
    assert_eq!(next(client).await, [channel + 1, low, high]);
}

#[tokio::test(start_paused = true)]
async fn bytes_reach_the_pods_loopback_and_come_back() {
    let scene = Scene::with_address();
    scene.echo(8080);
    let mut client = scene.connect("8080").await.unwrap();
    opened(&mut client, 0, 8080).await;
    client.send(Message::binary(&b"\0hello"[..])).await.unwrap();
    assert_eq!(next(&mut client).await, b"\0hello");
    client.close(None).await.unwrap();
    assert!(matches!(client.next().await, Some(Ok(Message::Close(_)))));
    assert!(client.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn ports_have_channels_of_their_own() {
    let scene = Scene::with_address();
    scene.echo(8080);
    scene.echo(8081);
    let mut client = scene.connect("8080,8081").await.unwrap();
    opened(&mut client, 0, 8080).await;
    opened(&mut client, 2, 8081).await;
    client.send(Message::binary(&b"\x02two"[..])).await.unwrap();
    assert_eq!(next(&mut client).await, b"\x02two");
    client.send(Message::binary(&b"\0one"[..])).await.unwrap();
    assert_eq!(next(&mut client).await, b"\0one");
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_reported_on_the_error_channel() {
    let scene = Scene::with_address();
    let mut client = scene.connect("8080").await.unwrap();
    opened(&mut client, 0, 8080).await;
    let error = next(&mut client).await;
    let text = String::from_utf8_lossy(&error[1..]);
    assert_eq!(error[0], 1);
    assert!(
        text.ends_with("dial tcp4 127.0.0.1:8080: connect: connection refused"),
        "{text}"
    );
    assert!(matches!(client.next().await, Some(Ok(Message::Close(_)))));
    assert!(client.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_pod_is_the_end_of_the_socket() {
    let scene = Scene::with_address();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
    let mut listener = scene.pod.listen(address).unwrap();
    let mut client = scene.connect("8080").await.unwrap();
    opened(&mut client, 0, 8080).await;
    let mut stream = listener.accept().await.unwrap();
    stream.write_all(b"bye").await.unwrap();
    drop(stream);
    assert_eq!(next(&mut client).await, b"\0bye");
    assert!(matches!(client.next().await, Some(Ok(Message::Close(_)))));
}

#[tokio::test(start_paused = true)]
async fn the_pod_sees_the_client_leave() {
    let scene = Scene::with_address();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
    let mut listener = scene.pod.listen(address).unwrap();
    let mut client = scene.connect("8080").await.unwrap();
    let mut stream = listener.accept().await.unwrap();
    client.close(None).await.unwrap();
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn unsupported_port_forwards_are_refused() {
    let scene = Scene::new();
    assert_eq!(scene.connect("8080").await.unwrap_err(), 400);
    let scene = Scene::with_address();
    assert_eq!(scene.connect("many").await.unwrap_err(), 400);
    let delete = |server: &Server| {
        server
            .registry
            .delete::<PodObject>("default", "web", Some(0))
    };
    delete(&scene.server).unwrap();
    assert_eq!(scene.connect("8080").await.unwrap_err(), 404);
}
