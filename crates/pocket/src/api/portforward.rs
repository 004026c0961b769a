//! Port-forward over one WebSocket: byte streams to ports on a Pod's loopback.
//!
//! The frames are those of `v4.channel.k8s.io`: the first byte is the channel. Port *i* uses
//! channel 2*i* for data and 2*i*+1 for errors; the first frame on each is the port's number. The
//! protocols that kubectl uses are not supported.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use futures::stream::SplitStream;
use futures::{SinkExt, StreamExt, future};
use hyper::StatusCode;
use hyper::header::{
    CONNECTION, HeaderMap, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::call::Call;
use crate::api_status::ApiError;
use crate::kinds::metadata_text;
use crate::latencies::Work;
use crate::net::{Host, Stream};

const PROTOCOL: &str = "v4.channel.k8s.io";
/// Queued frames per direction before the sender has to wait.
const QUEUE: usize = 16;
/// Maximum number of bytes from a Pod in one frame.
const CHUNK: usize = 4 * 1024;
/// Size of the buffer for the client's frames, in bytes. The default of 128 KiB would be most of
/// what a forwarded port costs.
const BUFFER: usize = 4 * 1024;

/// Maximum number of ports. Each takes two channels, and a frame has one byte for its channel.
const PORTS: usize = 128;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Responds with 101 and forwards until the client leaves.
pub(super) fn start(call: &Call, mut request: Request) -> Result<Response, ApiError> {
    let ports = call.query.ports.clone();
    if ports.len() > PORTS {
        return Err(ApiError::bad_request(format!(
            "a port-forward can name at most {PORTS} ports, but this one names {}",
            ports.len()
        )));
    }
    let pod = Pod::of(call)?;
    if ports.is_empty() {
        return Err(ApiError::bad_request(
            "a port-forward must name at least one port",
        ));
    }
    let accept = handshake(request.headers())?;
    let upgrade = hyper::upgrade::on(&mut request);
    // The connection is handed over only after this response, so a task of its own waits for it.
    let mut chance = call.server.chance();
    call.server.tasks.spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            chance.spend(Work::Forward).await;
            let io = TokioIo::new(upgraded);
            let buffers = WebSocketConfig::default().read_buffer_size(BUFFER);
            let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(buffers)).await;
            forward(socket, &pod, &ports).await;
        }
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_ACCEPT, accept)
        .header(SEC_WEBSOCKET_PROTOCOL, PROTOCOL)
        .body(Body::empty())
        .map_err(|_bad_header| ApiError::bad_request("the WebSocket key is not valid in a header"))
}

/// The Pod that bytes are forwarded to.
struct Pod {
    host: Host,
    uid: String,
}

/// One forwarded port, with its channels.
struct Forward {
    number: u16,
    data: u8,
    error: u8,
}

impl Pod {
    fn of(call: &Call) -> Result<Self, ApiError> {
        let pod = call.object()?.value();
        let ip: Option<IpAddr> = pod["status"]["podIP"]
            .as_str()
            .and_then(|ip| ip.parse().ok());
        let not_running = || {
            let name = call.target.name();
            ApiError::bad_request(format!("pod {name} has no address yet: it is not running"))
        };
        let host = Host::new(call.server.network.clone(), ip.ok_or_else(not_running)?);
        let uid = metadata_text(&pod, "uid").to_owned();
        Ok(Self { host, uid })
    }
}

/// The `Sec-WebSocket-Accept` key, if the request is a supported handshake.
fn handshake(headers: &HeaderMap) -> Result<String, ApiError> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    if !text(UPGRADE).eq_ignore_ascii_case("websocket") {
        let message = "pocket forwards ports over WebSocket only; this request does not ask for an \
                       upgrade to it";
        return Err(ApiError::bad_request(message));
    }
    let offers = headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok());
    if !offers
        .flat_map(|offers| offers.split(','))
        .any(|offer| offer.trim() == PROTOCOL)
    {
        return Err(ApiError::bad_request(format!(
            "the only subprotocol for port-forward here is {PROTOCOL}"
        )));
    }
    match text(SEC_WEBSOCKET_KEY) {
        "" => Err(ApiError::bad_request("the request has no WebSocket key")),
        key => Ok(derive_accept_key(key.as_bytes())),
    }
}

async fn forward(socket: Socket, pod: &Pod, ports: &[u16]) {
    let (mut sink, mut incoming) = socket.split();
    let (outgoing, mut frames) = mpsc::channel::<Message>(QUEUE);
    let mut uploads = Vec::new();
    let mut ends = Vec::new();
    for (number, channel) in ports.iter().copied().zip((0..=u8::MAX).step_by(2)) {
        let (upload, received) = mpsc::channel(QUEUE);
        uploads.push(upload);
        let port = Forward {
            number,
            data: channel,
            error: channel + 1,
        };
        ends.push(port.run(pod, received, outgoing.clone()));
    }
    // Each port has a sender of its own, so `frames` ends when the last port has ended.
    drop(outgoing);
    let send = async {
        while let Some(frame) = frames.recv().await {
            if sink.send(frame).await.is_err() {
                return;
            }
        }
        // Sending fails if the peer is already gone.
        drop(sink.send(Message::Close(None)).await);
    };
    tokio::select! {
        biased;
        ((), _) = future::join(send, future::join_all(ends)) => drain(&mut incoming).await,
        () = deliver(&mut incoming, &uploads) => {}
    }
}

/// Passes the client's frames to their ports. Reading continues after the client's Close; otherwise
/// the closing handshake would be cut off.
async fn deliver(incoming: &mut SplitStream<Socket>, uploads: &[mpsc::Sender<Bytes>]) {
    while let Some(Ok(message)) = incoming.next().await {
        let Message::Binary(mut frame) = message else {
            continue;
        };
        if frame.len() < 2 {
            continue;
        }
        let channel = usize::from(frame.split_to(1)[0]);
        let is_data = channel.is_multiple_of(2);
        if let Some(upload) = uploads.get(channel / 2).filter(|_| is_data) {
            // Sending fails if the port has ended.
            drop(upload.send(frame).await);
        }
    }
}

/// Waits for the client's part of the closing handshake.
async fn drain(incoming: &mut SplitStream<Socket>) {
    while let Some(Ok(_)) = incoming.next().await {}
}

impl Forward {
    async fn run(self, pod: &Pod, received: mpsc::Receiver<Bytes>, frames: mpsc::Sender<Message>) {
        let number = self.number.to_le_bytes();
        for channel in [self.data, self.error] {
            if frames.send(frame(channel, &number)).await.is_err() {
                return;
            }
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.number));
        let ended = match pod.host.connect(address).await {
            Ok(stream) => self.copy(stream, received, &frames).await,
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            let text = failure(self.number, &pod.uid, &error);
            // Sending fails if the client is gone.
            drop(frames.send(frame(self.error, text.as_bytes())).await);
        }
    }

    /// Copies until the Pod closes; the client cannot close a single port.
    async fn copy(
        &self,
        stream: Stream,
        mut received: mpsc::Receiver<Bytes>,
        frames: &mpsc::Sender<Message>,
    ) -> io::Result<()> {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let download = async {
            let mut chunk = vec![0; CHUNK];
            loop {
                let length = reader.read(&mut chunk).await?;
                if length == 0
                    || frames
                        .send(frame(self.data, &chunk[..length]))
                        .await
                        .is_err()
                {
                    return Ok(());
                }
            }
        };
        let upload = async {
            while let Some(bytes) = received.recv().await {
                if writer.write_all(&bytes).await.is_err() {
                    break;
                }
            }
            // The Pod's reaction to a failed write arrives in the download.
            future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            ended = download => ended,
            // Never taken: the upload does not end, but `select!` has to poll it.
            () = upload => Ok(()),
        }
    }
}

fn frame(channel: u8, bytes: &[u8]) -> Message {
    let mut frame = Vec::with_capacity(bytes.len() + 1);
    frame.push(channel);
    frame.extend_from_slice(bytes);
    Message::binary(frame)
}

/// The error text of a kubelet.
fn failure(port: u16, uid: &str, error: &io::Error) -> String {
    let cause = match error.kind() {
        io::ErrorKind::ConnectionRefused => "connect: connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "read: connection reset by peer".to_owned(),
        _ => error.to_string(),
    };
    format!(
        "error forwarding port {port} to pod {uid}, uid : failed to connect to localhost:{port} \
         inside the pod: dial tcp4 127.0.0.1:{port}: {cause}"
    )
}

#[cfg(test)]
mod tests;
