//! Upgraded connections as their clients see them, over a pipe in memory.

use bytes::Bytes;
use hyper::header::SEC_WEBSOCKET_PROTOCOL;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite};

use crate::api::{Server, router};
use crate::spdy::{HeaderWriter, syn_stream};

pub(in crate::api) type Socket = WebSocketStream<DuplexStream>;

pub(in crate::api) const TO_SPDY: &str = "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n";
pub(in crate::api) const TO_WEBSOCKET: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n\
                                               Sec-WebSocket-Version: 13\r\n\
                                               Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A connection to the API.
fn connection(server: &Server) -> DuplexStream {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let service = TowerToHyperService::new(router(server.clone()));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(far), service);
    tokio::spawn(connection.with_upgrades());
    near
}

/// A WebSocket connection with one of these subprotocols; the status of the answer if that is no
/// upgrade.
pub(in crate::api) async fn websocket(
    server: &Server,
    path: &str,
    offers: &str,
) -> Result<Socket, u16> {
    let mut request = format!("ws://pocket{path}").into_client_request().unwrap();
    let offers = offers.parse().unwrap();
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, offers);
    match client_async(request, connection(server)).await {
        Ok((client, _)) => Ok(client),
        Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

/// The head of the answer to a request such as `GET /path`, and the connection after it.
pub(in crate::api) async fn ask(
    server: &Server,
    request: &str,
    headers: &str,
) -> (String, DuplexStream) {
    let mut connection = connection(server);
    let request = format!("{request} HTTP/1.1\r\nHost: pocket\r\n{headers}\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.unwrap());
    }
    (String::from_utf8(head).unwrap(), connection)
}

/// The code of the answer to a request, and its message or text.
pub(in crate::api) async fn refusal(
    server: &Server,
    request: &str,
    headers: &str,
) -> (u16, String) {
    let headers = format!("{headers}Connection: close\r\n");
    let (head, mut connection) = ask(server, request, &headers).await;
    let mut body = String::new();
    connection.read_to_string(&mut body).await.unwrap();
    let text = match serde_json::from_str::<serde_json::Value>(&body) {
        Ok(status) => status["message"].as_str().unwrap().to_owned(),
        Err(_) => body,
    };
    (head[9..12].parse().unwrap(), text)
}

/// The client's side of a SPDY connection.
pub(in crate::api) struct SpdyClient {
    connection: DuplexStream,
    writer: HeaderWriter,
}

pub(in crate::api) const SYN_REPLY: [u8; 4] = [0x80, 3, 0, 2];

impl SpdyClient {
    pub(in crate::api) async fn connect(server: &Server, path: &str, protocol: &str) -> Self {
        let headers = format!("{TO_SPDY}X-Stream-Protocol-Version: {protocol}\r\n");
        let (head, connection) = ask(server, &format!("POST {path}"), &headers).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        let writer = HeaderWriter::default();
        Self { connection, writer }
    }

    pub(in crate::api) async fn send(&mut self, frame: Bytes) {
        self.connection.write_all(&frame).await.unwrap();
    }

    pub(in crate::api) async fn open(&mut self, stream: u32, headers: &[(&str, &str)]) {
        let frame = syn_stream(&mut self.writer, stream, headers, false);
        self.send(frame).await;
    }

    /// The first four bytes of the server's next frame, and its content; of a reply only the
    /// stream.
    pub(in crate::api) async fn next(&mut self) -> ([u8; 4], Vec<u8>) {
        let mut head = [0; 4];
        self.connection.read_exact(&mut head).await.unwrap();
        let flags_and_length = self.connection.read_u32().await.unwrap();
        let mut content = vec![0; usize::try_from(flags_and_length & 0xff_ffff).unwrap()];
        self.connection.read_exact(&mut content).await.unwrap();
        if head == SYN_REPLY {
            content.truncate(4);
        }
        if flags_and_length >> 24 == 1 {
            content.extend(b" FIN");
        }
        (head, content)
    }

    /// Waits for the server to close.
    pub(in crate::api) async fn ends(mut self) {
        assert_eq!(self.connection.read(&mut [0]).await.unwrap(), 0);
    }
}
