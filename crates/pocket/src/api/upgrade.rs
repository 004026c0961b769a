//! Connections that become streams: handshakes for WebSocket and for SPDY, and what carries the
//! bytes afterwards.
//!
//! The refusals are those of an API server before a kubelet: a `Status` from the one, text from the
//! other. Rules: `k8s.io/apimachinery/pkg/util/proxy/upgradeaware.go`;
//! `k8s.io/streaming/pkg/httpstream/httpstream.go`, `Handshake`, and `wsstream/conn.go` beside it;
//! `k8s.io/apiserver/pkg/util/proxy/streamtunnel.go`.

use std::pin::Pin;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{Sink, SinkExt, StreamExt, future, sink};
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::upgrade::Upgraded;
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};

use super::call::Call;
use crate::api_status::ApiError;
use crate::latencies::Work;

const SPDY: &str = "SPDY/3.1";
const SPDY_VERSION: HeaderName = HeaderName::from_static("x-stream-protocol-version");
const ACCEPTED_SPDY_VERSIONS: HeaderName =
    HeaderName::from_static("x-accepted-stream-protocol-versions");

/// Size of the buffers for the client's bytes, in bytes. WebSocket's default of 128 KiB would be
/// most of what a forwarded port costs.
const BUFFER: usize = 4 * 1024;
/// Maximum size of a client's message in bytes. kubectl sends 32 KiB at most.
const MAX_MESSAGE: usize = 1024 * 1024;

/// A WebSocket connection.
pub(super) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// How long the client may take to open SPDY streams that belong together.
///
/// Rule: `k8s.io/cri-streaming/pkg/streaming/remotecommand/constants.go`,
/// `DefaultStreamCreationTimeout`.
pub(super) const CREATION_TIMEOUT: Duration = Duration::from_secs(30);

/// The protocols of a subresource.
pub(super) struct Protocols {
    /// Subprotocols of WebSocket, the empty one for clients that name none.
    pub(super) websocket: &'static [&'static str],
    /// The protocol of SPDY.
    pub(super) spdy: &'static str,
    /// Whether WebSocket may carry SPDY.
    pub(super) over_websocket: bool,
    /// What a request for SPDY gets that names no protocol.
    pub(super) without_protocol: (StatusCode, &'static str),
}

/// A handshake that succeeds.
pub(super) struct Handshake {
    pub(super) carrier: Carrier,
    /// The response, 101.
    pub(super) response: Response,
}

/// What carries the streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    /// WebSocket with this subprotocol.
    WebSocket(&'static str),
    SpdyOverWebSocket,
    Spdy,
}

/// A connection after its handshake.
pub(super) enum Connection {
    /// Messages of WebSocket, and the subprotocol.
    WebSocket(Box<Socket>, &'static str),
    /// Bytes of SPDY from the client, and to it.
    Spdy(BoxStream<'static, Bytes>, BytesSink),
}

/// Where bytes go. An error means that the client is gone.
pub(super) type BytesSink = Pin<Box<dyn Sink<Bytes, Error = ()> + Send>>;

/// A refusal by the kubelet.
#[derive(Debug)]
pub(super) struct Refusal {
    code: StatusCode,
    text: String,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(super) fn new(code: StatusCode, text: &str) -> Self {
        Self {
            code,
            text: text.to_owned(),
            header: None,
        }
    }

    fn with_header(self, name: HeaderName, value: &'static str) -> Self {
        let header = Some((name, HeaderValue::from_static(value)));
        Self { header, ..self }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.code, self.text).into_response();
        response.headers_mut().extend(self.header);
        response
    }
}

/// Refuses a Pod that is on no node, and a request that asks for no upgrade.
pub(super) fn required(
    call: &Call,
    node: Option<&str>,
    headers: &HeaderMap,
) -> Result<(), ApiError> {
    if node.is_none_or(str::is_empty) {
        let name = call.target.name();
        let message = format!("pod {name} does not have a host assigned");
        return Err(ApiError::bad_request(message));
    }
    if !asks_for_upgrade(headers) {
        return Err(ApiError::bad_request("Upgrade request required"));
    }
    Ok(())
}

fn asks_for_upgrade(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONNECTION).iter();
    values.any(|value| {
        let value = value.as_bytes().to_ascii_lowercase();
        value.windows(7).any(|word| word == b"upgrade")
    })
}

/// Whether the request asks for WebSocket.
pub(super) fn is_websocket(headers: &HeaderMap) -> bool {
    text(headers, &UPGRADE).eq_ignore_ascii_case("websocket")
}

/// Whether the request asks for SPDY over WebSocket.
pub(super) fn is_tunnel(headers: &HeaderMap) -> bool {
    is_websocket(headers)
        && words(headers, &SEC_WEBSOCKET_PROTOCOL).any(|it| tunnelled(it).is_some())
}

/// The protocol of SPDY in a subprotocol such as `SPDY/3.1+portforward.k8s.io`.
fn tunnelled(subprotocol: &str) -> Option<&str> {
    let protocol = subprotocol.strip_prefix(SPDY)?.strip_prefix('+')?;
    protocol.ends_with(".k8s.io").then_some(protocol)
}

impl Handshake {
    /// Responds with 101, and hands the connection to `serve`.
    pub(super) fn accept<F>(
        self,
        call: &Call,
        mut request: Request,
        serve: impl FnOnce(Connection) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = ()> + Send,
    {
        let Self { carrier, response } = self;
        let upgraded = hyper::upgrade::on(&mut request);
        // The connection is handed over only after this response, so a task of its own waits for
        // it.
        let mut chance = call.server.chance();
        call.server.tasks.spawn(async move {
            if let Ok(upgraded) = upgraded.await {
                chance.spend(Work::Forward).await;
                serve(carrier.connection(upgraded).await).await;
            }
        });
        response
    }

    /// Answers the handshake of a request that asks for an upgrade.
    pub(super) fn parse(request: &Request, protocols: &Protocols) -> Result<Self, Refusal> {
        let headers = request.headers();
        if protocols.over_websocket && is_tunnel(headers) {
            Self::tunnel(request.method(), headers, protocols.spdy)
        } else if is_websocket(headers) {
            Self::websocket(headers, protocols.websocket)
        } else {
            Self::spdy(headers, protocols)
        }
    }

    fn tunnel(
        method: &Method,
        headers: &HeaderMap,
        protocol: &'static str,
    ) -> Result<Self, Refusal> {
        let offers = words(headers, &SEC_WEBSOCKET_PROTOCOL).filter_map(tunnelled);
        let offers: Vec<&str> = offers.collect();
        check_spdy_protocol(&offers, protocol)?;
        let refused =
            |code, text| Err(Refusal::new(code, text).with_header(SEC_WEBSOCKET_VERSION, "13"));
        if method != Method::GET {
            return refused(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n");
        }
        let key = text(headers, &SEC_WEBSOCKET_KEY);
        if key.is_empty() || text(headers, &SEC_WEBSOCKET_VERSION) != "13" {
            return refused(StatusCode::BAD_REQUEST, "Bad Request\n");
        }
        let subprotocol = format!("{SPDY}+{protocol}");
        Ok(Self {
            carrier: Carrier::SpdyOverWebSocket,
            response: switch_to_websocket(key, &subprotocol),
        })
    }

    fn websocket(headers: &HeaderMap, supported: &'static [&'static str]) -> Result<Self, Refusal> {
        if text(headers, &SEC_WEBSOCKET_VERSION) != "13" {
            let text = "missing or bad WebSocket Version";
            let refusal = Refusal::new(StatusCode::BAD_REQUEST, text);
            return Err(refusal.with_header(SEC_WEBSOCKET_VERSION, "13"));
        }
        let key = text(headers, &SEC_WEBSOCKET_KEY);
        if key.is_empty() {
            let text = "mismatch challenge/response";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, text));
        }
        let mut offers: Vec<&str> = words(headers, &SEC_WEBSOCKET_PROTOCOL).collect();
        if offers.is_empty() {
            offers.push("");
        }
        let chosen = offers
            .iter()
            .find_map(|offer| supported.iter().find(|it| *it == offer));
        let Some(&protocol) = chosen else {
            return Err(Refusal::new(StatusCode::FORBIDDEN, ""));
        };
        Ok(Self {
            carrier: Carrier::WebSocket(protocol),
            response: switch_to_websocket(key, protocol),
        })
    }

    fn spdy(headers: &HeaderMap, protocols: &Protocols) -> Result<Self, Refusal> {
        let protocol = protocols.spdy;
        let offers: Vec<&str> = words(headers, &SPDY_VERSION).collect();
        if offers.is_empty() {
            let (code, text) = protocols.without_protocol;
            return Err(Refusal::new(code, text));
        }
        check_spdy_protocol(&offers, protocol)?;
        let upgrade = text(headers, &UPGRADE).to_ascii_lowercase();
        if !upgrade.contains(&SPDY.to_ascii_lowercase()) {
            let text = "unable to upgrade: missing upgrade headers in request\n";
            let refusal = Refusal::new(StatusCode::BAD_REQUEST, text);
            return Err(refusal.with_header(SPDY_VERSION, protocol));
        }
        let protocol = HeaderValue::from_static(protocol);
        Ok(Self {
            carrier: Carrier::Spdy,
            response: switch(SPDY, [(SPDY_VERSION, protocol)]),
        })
    }
}

impl Carrier {
    async fn connection(self, upgraded: Upgraded) -> Connection {
        match self {
            Self::WebSocket(protocol) => {
                Connection::WebSocket(Box::new(socket(upgraded).await), protocol)
            }
            Self::SpdyOverWebSocket => tunnel(socket(upgraded).await),
            Self::Spdy => bare(upgraded),
        }
    }
}

/// Refuses offers of which none is supported.
fn check_spdy_protocol(offers: &[&str], supported: &'static str) -> Result<(), Refusal> {
    if offers.contains(&supported) {
        return Ok(());
    }
    let offers = offers.join(" ");
    let text = format!(
        "unable to upgrade: unable to negotiate protocol: client supports [{offers}], server \
         accepts [{supported}]\n"
    );
    let refusal = Refusal::new(StatusCode::FORBIDDEN, &text);
    Err(refusal.with_header(ACCEPTED_SPDY_VERSIONS, supported))
}

fn switch_to_websocket(key: &str, subprotocol: &str) -> Response {
    let accept = derive_accept_key(key.as_bytes());
    let protocol = (!subprotocol.is_empty()).then_some((SEC_WEBSOCKET_PROTOCOL, subprotocol));
    let headers = [(SEC_WEBSOCKET_ACCEPT, accept.as_str())]
        .into_iter()
        .chain(protocol);
    // Both are text of ours: base64, and the name of a supported protocol.
    let headers = headers.filter_map(|(name, text)| Some((name, text.parse().ok()?)));
    switch("websocket", headers)
}

fn switch(
    protocol: &'static str,
    headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let all = response.headers_mut();
    all.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    all.insert(UPGRADE, HeaderValue::from_static(protocol));
    all.extend(headers);
    response
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

/// The words between commas, in all headers of a name.
fn words<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|word| !word.is_empty())
}

/// The server's end of a WebSocket connection.
async fn socket(upgraded: Upgraded) -> Socket {
    let buffers = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .max_frame_size(Some(MAX_MESSAGE))
        .max_message_size(Some(MAX_MESSAGE));
    WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(buffers)).await
}

/// The bytes in binary messages. The boundaries of messages mean nothing.
fn tunnel(socket: Socket) -> Connection {
    let (sink, messages) = socket.split();
    let incoming = messages.filter_map(|message| {
        future::ready(match message {
            Ok(Message::Binary(bytes)) => Some(bytes),
            _ => None,
        })
    });
    let wrap = |bytes| future::ready(Ok::<_, tungstenite::Error>(Message::Binary(bytes)));
    let outgoing = sink.with(wrap).sink_map_err(drop);
    Connection::Spdy(incoming.boxed(), Box::pin(outgoing))
}

/// The bytes of a connection by itself.
fn bare(upgraded: Upgraded) -> Connection {
    let (reader, writer) = tokio::io::split(TokioIo::new(upgraded));
    let incoming = stream::unfold(reader, async |mut reader| {
        let mut chunk = vec![0; BUFFER];
        let length = reader.read(&mut chunk).await.ok().filter(|it| *it > 0)?;
        chunk.truncate(length);
        Some((Bytes::from(chunk), reader))
    });
    let outgoing = sink::unfold(writer, async |mut writer, bytes: Bytes| {
        writer.write_all(&bytes).await?;
        Ok::<_, std::io::Error>(writer)
    });
    Connection::Spdy(incoming.boxed(), Box::pin(outgoing.sink_map_err(drop)))
}
