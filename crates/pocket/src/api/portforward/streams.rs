//! Port-forward over SPDY, as kubectl speaks it: for each connection a stream of data and a stream
//! of errors.
//!
//! Rule: `k8s.io/cri-streaming/pkg/streaming/portforward/httpstream.go`.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::FuturesUnordered;
use futures::{Sink, Stream as Incoming, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};

use super::{CHUNK, Pod};
use crate::api::upgrade::CREATION_TIMEOUT;
use crate::spdy::{self, Headers, Received, SpdyStream, StreamReceiver, StreamSender};

/// How long the Pod may go on sending after the client has ended its direction.
///
/// Rule: `internal/cri/server/sandbox_portforward_linux.go` of containerd.
const LINGER: Duration = Duration::from_secs(1);

/// Forwards connections until the client leaves.
pub(super) async fn forward(
    incoming: impl Incoming<Item = Bytes>,
    outgoing: impl Sink<Bytes>,
    pod: &Pod,
) {
    let (opened, streams) = mpsc::channel(1);
    tokio::select! {
        biased;
        () = forward_streams(streams, pod) => {}
        () = spdy::serve(incoming, outgoing, opened) => {}
    }
}

async fn forward_streams(mut streams: mpsc::Receiver<SpdyStream>, pod: &Pod) {
    let mut waiting = Waiting::default();
    let mut pairs = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            Some(()) = pairs.next() => {}
            stream = streams.recv() => {
                let Some(stream) = stream else {
                    return;
                };
                if let Some((first, second)) = waiting.add(stream).await {
                    pairs.push(forward_pair(first, second, pod));
                }
            }
        }
    }
}

/// The two streams of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Data,
    Error,
}

/// One of the two streams of a connection.
struct PortStream {
    role: Role,
    port: u16,
    /// What both streams of a connection have in common.
    request: String,
    receiver: StreamReceiver,
    sender: StreamSender,
}

impl PortStream {
    /// Accepts a stream whose headers make sense, and resets any other.
    async fn accept(stream: SpdyStream) -> Option<Self> {
        let SpdyStream {
            id,
            headers,
            mut receiver,
            sender,
        } = stream;
        let Some((role, port)) = role_and_port(&headers) else {
            sender.reset().await;
            return None;
        };
        sender.accept().await;
        if role == Role::Error {
            receiver.ignore();
        }
        let request = headers.get("requestid").filter(|id| !id.is_empty());
        // Older clients name no request: their data stream is the next one after the error stream.
        let request = request.cloned().unwrap_or_else(|| match role {
            Role::Error => id.to_string(),
            Role::Data => id.saturating_sub(2).to_string(),
        });
        Some(Self {
            role,
            port,
            request,
            receiver,
            sender,
        })
    }
}

fn role_and_port(headers: &Headers) -> Option<(Role, u16)> {
    let role = match headers.get("streamtype")?.as_str() {
        "data" => Role::Data,
        "error" => Role::Error,
        _ => return None,
    };
    let port = headers.get("port")?.parse().ok().filter(|port| *port > 0)?;
    Some((role, port))
}

/// Streams that wait for the other one of their pair, by request.
#[derive(Default)]
struct Waiting(BTreeMap<String, (Role, oneshot::Sender<PortStream>)>);

impl Waiting {
    /// Adds a stream. The first of a pair is returned, with the place where the other one arrives.
    async fn add(
        &mut self,
        stream: SpdyStream,
    ) -> Option<(PortStream, oneshot::Receiver<PortStream>)> {
        let stream = PortStream::accept(stream).await?;
        // Those that have waited for too long.
        self.0.retain(|_, (_, second)| !second.is_closed());
        let request = stream.request.clone();
        match self.0.remove(&request) {
            None => {
                let (sender, second) = oneshot::channel();
                self.0.insert(request, (stream.role, sender));
                Some((stream, second))
            }
            Some(first) if first.0 == stream.role => {
                self.0.insert(request, first);
                stream.sender.reset().await;
                None
            }
            Some((_, second)) => {
                // An error means that the first has just stopped waiting.
                drop(second.send(stream));
                None
            }
        }
    }
}

/// Forwards one connection once both streams are there.
async fn forward_pair(first: PortStream, second: oneshot::Receiver<PortStream>, pod: &Pod) {
    let Ok(Ok(second)) = tokio::time::timeout(CREATION_TIMEOUT, second).await else {
        if first.role == Role::Error {
            let request = &first.request;
            let text = format!("(request={request}) timed out waiting for streams");
            first.sender.send(text.as_bytes()).await;
            first.sender.finish().await;
        }
        return;
    };
    let (mut data, error) = match first.role {
        Role::Data => (first, second),
        Role::Error => (second, first),
    };
    match copy(&mut data, pod).await {
        Ok(()) => {
            data.sender.finish().await;
            error.sender.finish().await;
        }
        Err(text) => {
            error.sender.send(text.as_bytes()).await;
            data.sender.reset().await;
            error.sender.reset().await;
        }
    }
}

/// Connects and copies in both directions. The error is the text that the client gets.
async fn copy(data: &mut PortStream, pod: &Pod) -> Result<(), String> {
    let stream = pod.connect(data.port).await?;
    let local = stream.local();
    let (reader, writer) = tokio::io::split(stream);
    tokio::select! {
        biased;
        ended = download(reader, &data.sender) => {
            ended.map_err(|error| pod.broken(data.port, local, &error))
        }
        () = upload(&mut data.receiver, writer) => Ok(()),
    }
}

/// Copies to the client until the Pod closes.
async fn download(mut reader: impl AsyncReadExt + Unpin, client: &StreamSender) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = reader.read(&mut chunk).await?;
        if length == 0 {
            return Ok(());
        }
        client.send(&chunk[..length]).await;
    }
}

/// Copies to the Pod until the client closes, and a little longer for the Pod's last bytes.
async fn upload(client: &mut StreamReceiver, mut writer: impl AsyncWriteExt + Unpin) {
    while let Some(received) = client.receive().await {
        let Received::Data(bytes) = received else {
            // Nothing follows but a reset.
            drop(tokio::time::timeout(LINGER, client.receive()).await);
            return;
        };
        if writer.write_all(&bytes).await.is_err() {
            // The Pod's reaction arrives in the download.
            std::future::pending::<()>().await;
        }
    }
}
