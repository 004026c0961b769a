//! Port-forward over WebSocket channels, as kube-rs speaks it.
//!
//! The first byte of a message is its channel. Port *i* uses channel 2*i* for data and 2*i*+1 for
//! errors; the first message on each is the port's number.
//!
//! Rule: `k8s.io/cri-streaming/pkg/streaming/portforward/websocket.go`.

use std::io;

use bytes::Bytes;
use futures::stream::SplitStream;
use futures::{SinkExt, StreamExt, future};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use super::{CHUNK, Pod};
use crate::api::channel::{closed, message};
use crate::api::upgrade::Socket;
use crate::net::Stream;

/// The subprotocol's name.
pub(super) const PROTOCOL: &str = "v4.channel.k8s.io";
/// Queued frames per direction before the sender has to wait.
const QUEUE: usize = 16;

/// One forwarded port, with its channels.
struct Forward {
    number: u16,
    data: u8,
    error: u8,
}

/// Forwards until the client leaves or all ports have ended.
pub(super) async fn forward(socket: Socket, pod: &Pod, ports: &[u16]) {
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
        ((), _) = future::join(send, future::join_all(ends)) => closed(&mut incoming).await,
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

impl Forward {
    async fn run(self, pod: &Pod, received: mpsc::Receiver<Bytes>, frames: mpsc::Sender<Message>) {
        let number = self.number.to_le_bytes();
        for channel in [self.data, self.error] {
            if frames.send(message(channel, &number)).await.is_err() {
                return;
            }
        }
        let ended = match pod.connect(self.number).await {
            Ok(stream) => {
                let local = stream.local();
                let copied = self.copy(stream, received, &frames).await;
                copied.map_err(|error| pod.broken(self.number, local, &error))
            }
            Err(text) => Err(text),
        };
        if let Err(text) = ended {
            // Sending fails if the client is gone.
            drop(frames.send(message(self.error, text.as_bytes())).await);
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
                        .send(message(self.data, &chunk[..length]))
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
