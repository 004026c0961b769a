//! Port-forward as kube-rs and kubectl use it: an upgraded HTTP connection, here a pipe in memory.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use k8s_openapi::api::core::v1::Pod as PodObject;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_tungstenite::tungstenite::Message;

use super::*;
use crate::api::Server;
use crate::api::tests::upgrades::{self, SYN_REPLY, Socket, TO_SPDY, TO_WEBSOCKET};
use crate::image::{Logs, Running};
use crate::latencies::Chance;
use crate::net::Network;
use crate::registry::tests::{from, registry};
use crate::spdy::{HeaderWriter, ResetStatus, frame, syn_stream};
use crate::tasks::Tasks;

const POD_IP: &str = "10.244.0.5";
const PATH: &str = "/api/v1/namespaces/default/pods/web/portforward";

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
            "spec": {
                "containers": [{"name": "a", "image": "probe-target"}], "nodeName": "pocket",
            },
        }));
        registry.create(&pod).unwrap();
        let network = Network::default();
        let pod = Host::new(network.clone(), POD_IP.parse().unwrap());
        Self {
            server: Server {
                registry,
                network,
                logs: Logs::default(),
                running: Running::default(),
                tasks: Tasks::default(),
                chance: Arc::new(Mutex::new(Chance::none())),
                yaml: None,
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
    async fn connect(&self, ports: &str) -> Result<Socket, u16> {
        let offers = "v5.channel.k8s.io,v4.channel.k8s.io";
        self.connect_with(&format!("?ports={ports}"), offers).await
    }

    async fn connect_with(&self, query: &str, offers: &str) -> Result<Socket, u16> {
        upgrades::websocket(&self.server, &format!("{PATH}{query}"), offers).await
    }

    /// The head of the answer to a request, and the connection after it.
    async fn ask(&self, request: &str, headers: &str) -> (String, DuplexStream) {
        upgrades::ask(&self.server, request, headers).await
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

async fn next(client: &mut Socket) -> Vec<u8> {
    match client.next().await.unwrap().unwrap() {
        Message::Binary(frame) => frame.to_vec(),
        other => panic!("{other:?}"),
    }
}

/// Reads the two frames that open a port.
async fn opened(client: &mut Socket, channel: u8, port: u16) {
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
        text.contains("dial tcp4 127.0.0.1:8080: connect: connection refused IPv6"),
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
    assert_eq!(scene.connect("8080").await.unwrap_err(), 500);
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

/// The answers are those of a node with Kubernetes 1.36.3 to the same requests.
#[tokio::test(start_paused = true)]
async fn a_request_without_a_usable_handshake_gets_a_node_s_answer() {
    let scene = Scene::with_address();
    let check = async |query: &str, headers: &str, code: u16, text: &str| {
        let request = format!("POST {PATH}{query}");
        let refusal = upgrades::refusal(&scene.server, &request, headers).await;
        assert_eq!(refusal, (code, text.to_owned()), "{query} {headers}");
    };
    check("", "", 400, "Upgrade request required").await;
    check("?ports=8080", "", 400, "Upgrade request required").await;
    let why = r#"cannot convert to []int32: strconv.ParseUint: parsing "x": invalid syntax"#;
    check("?ports=8080,x", TO_WEBSOCKET, 400, why).await;
    let why =
        r#"cannot convert to []int32: strconv.ParseUint: parsing "99999": value out of range"#;
    check("?ports=99999", "", 400, why).await;
    let why = r#"query parameter "port" is required"#;
    check("", TO_WEBSOCKET, 400, why).await;
    check("?ports=0", TO_WEBSOCKET, 400, r#"port "0" must be > 0"#).await;
    // A limit of pocket's own.
    let many = format!("?ports={}", vec!["80"; 129].join(","));
    let why = "a port-forward can name at most 128 ports, but this one names 129";
    check(&many, TO_WEBSOCKET, 400, why).await;
    let other = format!("{TO_WEBSOCKET}Sec-WebSocket-Protocol: v9.channel.k8s.io\r\n");
    check("?ports=1", &other, 403, "").await;
    let keyless = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    check("?ports=1", keyless, 400, "mismatch challenge/response").await;
    let old = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\n";
    check("?ports=1", old, 400, "missing or bad WebSocket Version").await;
    let why = "invalid upgrade response: status code 200\n";
    check("", TO_SPDY, 500, why).await;
    let why = "unable to upgrade: unable to negotiate protocol: client supports [v9.k8s.io], \
               server accepts [portforward.k8s.io]\n";
    let other = format!("{TO_SPDY}X-Stream-Protocol-Version: v9.k8s.io\r\n");
    check("", &other, 403, why).await;
    let other = format!("{TO_WEBSOCKET}Sec-WebSocket-Protocol: SPDY/3.1+v9.k8s.io\r\n");
    check("", &other, 403, why).await;
    let tunnel = format!("{TO_WEBSOCKET}Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n");
    check("", &tunnel, 405, "Method Not Allowed\n").await;
}

#[tokio::test(start_paused = true)]
async fn the_first_supported_protocol_is_chosen() {
    let scene = Scene::with_address();
    let check = async |headers: &str, expected: &str| {
        let (head, _) = scene.ask(&format!("GET {PATH}?ports=1"), headers).await;
        let head = head.to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 101 "), "{head}");
        assert!(head.contains(&expected.to_ascii_lowercase()), "{head}");
    };
    let offer = |offers| format!("{TO_WEBSOCKET}Sec-WebSocket-Protocol: {offers}\r\n");
    let accept = "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    check(TO_WEBSOCKET, accept).await;
    let v4 = offer("v5.channel.k8s.io, v4.channel.k8s.io");
    check(&v4, "protocol: v4.channel.k8s.io\r\n").await;
    let tunnel = offer("v4.channel.k8s.io, SPDY/3.1+portforward.k8s.io");
    check(&tunnel, "protocol: SPDY/3.1+portforward.k8s.io\r\n").await;
    let spdy = format!("{TO_SPDY}X-Stream-Protocol-Version: a, portforward.k8s.io\r\n");
    check(&spdy, "x-stream-protocol-version: portforward.k8s.io\r\n").await;
}

/// The client's side of a SPDY connection.
struct SpdyClient(upgrades::SpdyClient);

impl SpdyClient {
    async fn connect(scene: &Scene) -> Self {
        let protocol = "portforward.k8s.io";
        Self(upgrades::SpdyClient::connect(&scene.server, PATH, protocol).await)
    }

    async fn send(&mut self, frame: Bytes) {
        self.0.send(frame).await;
    }

    async fn open(&mut self, stream: u32, headers: &[(&str, &str)]) {
        self.0.open(stream, headers).await;
    }

    async fn next(&mut self) -> ([u8; 4], Vec<u8>) {
        self.0.next().await
    }

    /// Opens both streams of a connection to this port.
    async fn open_pair(&mut self, port: &str) {
        let request = ("requestid", "0");
        let port = ("port", port);
        self.open(1, &[("streamtype", "error"), port, request])
            .await;
        self.send(frame::data(1, b"", true)).await;
        self.open(3, &[("streamtype", "data"), port, request]).await;
        assert_eq!(self.next().await, (SYN_REPLY, b"\0\0\0\x01".to_vec()));
        assert_eq!(self.next().await, (SYN_REPLY, b"\0\0\0\x03".to_vec()));
    }
}

const RST_STREAM: [u8; 4] = [0x80, 3, 0, 3];

#[tokio::test(start_paused = true)]
async fn a_pair_of_streams_is_a_connection() {
    let scene = Scene::with_address();
    scene.echo(8080);
    let mut client = SpdyClient::connect(&scene).await;
    client.open_pair("8080").await;
    client.send(frame::data(3, b"hello", false)).await;
    assert_eq!(client.next().await, ([0, 0, 0, 3], b"hello".to_vec()));
    client.send(frame::data(3, b"", true)).await;
    assert_eq!(client.next().await, ([0, 0, 0, 3], b" FIN".to_vec()));
    assert_eq!(client.next().await, ([0, 0, 0, 1], b" FIN".to_vec()));
    // The session goes on.
    client.send(frame::ping(1)).await;
    assert_eq!(client.next().await.1, [0, 0, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_pod_may_answer_after_the_client_s_last_byte() {
    let scene = Scene::with_address();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
    let mut listener = scene.pod.listen(address).unwrap();
    let mut client = SpdyClient::connect(&scene).await;
    client.open_pair("8080").await;
    client.send(frame::data(3, b"q", true)).await;
    let mut stream = listener.accept().await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'q');
    stream.write_all(b"a").await.unwrap();
    assert_eq!(client.next().await, ([0, 0, 0, 3], b"a".to_vec()));
    let before = tokio::time::Instant::now();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(before.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reset_of_the_client_ends_the_connection() {
    let scene = Scene::with_address();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
    let mut listener = scene.pod.listen(address).unwrap();
    let mut client = SpdyClient::connect(&scene).await;
    client.open_pair("8080").await;
    let mut stream = listener.accept().await.unwrap();
    let before = tokio::time::Instant::now();
    client.send(frame::rst_stream(3, ResetStatus::Cancel)).await;
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    assert!(before.elapsed().is_zero());
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_reported_on_the_error_stream() {
    let scene = Scene::with_address();
    let mut client = SpdyClient::connect(&scene).await;
    client.open_pair("7").await;
    let (stream, text) = client.next().await;
    let text = String::from_utf8(text).unwrap();
    assert_eq!(stream, [0, 0, 0, 1]);
    let pod = &text["error forwarding port 7 to pod ".len()..][..36];
    assert_eq!(
        text,
        format!(
            "error forwarding port 7 to pod {pod}, uid : failed to execute portforward in network \
             namespace \"/var/run/netns/cni-{pod}\": failed to connect to localhost:7 inside \
             namespace \"{pod}\", IPv4: dial tcp4 127.0.0.1:7: connect: connection refused IPv6 \
             dial tcp6: address localhost: no suitable address found "
        )
    );
    let cancelled = |stream| (RST_STREAM, vec![0, 0, 0, stream, 0, 0, 0, 5]);
    assert_eq!(client.next().await, cancelled(3));
    assert_eq!(client.next().await, cancelled(1));
}

#[tokio::test(start_paused = true)]
async fn streams_that_make_no_sense_are_reset() {
    let scene = Scene::with_address();
    let mut client = SpdyClient::connect(&scene).await;
    let (data, port) = (("streamtype", "data"), ("port", "80"));
    let bad: [&[(&str, &str)]; 5] = [
        &[data],
        &[port],
        &[data, ("port", "0")],
        &[data, ("port", "x")],
        &[("streamtype", "other"), port],
    ];
    for (stream, headers) in (1..).step_by(2).zip(bad) {
        client.open(stream, headers).await;
        let (head, content) = client.next().await;
        assert_eq!(
            (head, content[3].into()),
            (RST_STREAM, stream),
            "{headers:?}"
        );
    }
    // The second of a kind.
    client.open(21, &[data, port]).await;
    assert_eq!(client.next().await.0, SYN_REPLY);
    client.open(23, &[data, port, ("requestid", "19")]).await;
    assert_eq!(client.next().await.0, SYN_REPLY);
    assert_eq!(client.next().await.0, RST_STREAM);
}

#[tokio::test(start_paused = true)]
async fn a_stream_waits_for_its_other_half_no_longer_than_a_kubelet() {
    let scene = Scene::with_address();
    let mut client = SpdyClient::connect(&scene).await;
    let before = tokio::time::Instant::now();
    client
        .open(1, &[("streamtype", "error"), ("port", "80")])
        .await;
    assert_eq!(client.next().await.0, SYN_REPLY);
    let text = b"(request=1) timed out waiting for streams".to_vec();
    assert_eq!(client.next().await, ([0, 0, 0, 1], text));
    assert_eq!(before.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn kubectl_speaks_spdy_in_messages() {
    let scene = Scene::with_address();
    scene.echo(8080);
    let offers = "SPDY/3.1+portforward.k8s.io";
    let mut client = scene.connect_with("", offers).await.unwrap();
    let mut writer = HeaderWriter::default();
    let mut frames = Vec::new();
    for (stream, kind) in [(1, "error"), (3, "data")] {
        let headers = [("streamtype", kind), ("port", "8080"), ("requestid", "0")];
        frames.extend(syn_stream(&mut writer, stream, &headers, false));
    }
    frames.extend(frame::data(3, b"hello", false));
    // The boundaries of messages are not those of frames.
    for piece in frames.chunks(5) {
        client.send(Message::binary(piece.to_vec())).await.unwrap();
    }
    next(&mut client).await;
    next(&mut client).await;
    assert_eq!(next(&mut client).await, b"\0\0\0\x03\0\0\0\x05hello");
    client
        .send(Message::binary(frame::goaway(0)))
        .await
        .unwrap();
    assert!(matches!(client.next().await, Some(Ok(Message::Close(_)))));
}
