//! Exec over WebSocket: the first byte of a message is its channel.
//!
//! Channel 0 is stdin, 1 stdout, 2 stderr, 3 the status, 4 the size of a terminal. In version 5 the
//! client ends stdin with a message of channel 255 that names it.
//!
//! Rule: `k8s.io/cri-streaming/pkg/streaming/remotecommand/websocket.go`, and
//! `k8s.io/streaming/pkg/httpstream/wsstream/conn.go`.

use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt, future};
use tokio::io::{AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::session::{Channel, Output, Session};
use crate::api::channel::{closed, message};
use crate::api::upgrade::Socket;

pub(super) const V4: &str = "v4.channel.k8s.io";
pub(super) const V5: &str = "v5.channel.k8s.io";

const STDIN: u8 = 0;
/// The channel of messages that end another one.
const CLOSE: u8 = 255;
/// Queued pieces of output before the process's output has to wait.
pub(super) const QUEUE: usize = 16;
/// How much of the client's input waits for the process, in bytes: the size of a pipe.
pub(super) const STDIN_SIZE: usize = 64 * 1024;

/// Serves one exec until the process has ended or the client leaves.
pub(super) async fn serve(socket: Socket, session: Session, protocol: &str) {
    let (sink, mut incoming) = socket.split();
    let (output, written) = mpsc::channel(QUEUE);
    let (stdin, input) = tokio::io::duplex(STDIN_SIZE);
    let input = session.options.stdin.then_some(input);
    let first = session.first_channel();
    let run = future::join(session.run(stdin, output), write(sink, first, written));
    tokio::select! {
        biased;
        _ = run => {}
        () = read(&mut incoming, input, protocol == V5) => return,
    }
    closed(&mut incoming).await;
}

/// Sends what the process writes, and closes the connection after its status.
async fn write(
    mut sink: SplitSink<Socket, Message>,
    first: Channel,
    mut written: mpsc::Receiver<Output>,
) {
    // An empty message says that the streams are ready. From here on, an error means that the
    // client is gone.
    drop(sink.send(message(first as u8, &[])).await);
    while let Some((channel, bytes)) = written.recv().await {
        drop(sink.send(message(channel as u8, &bytes)).await);
    }
    let normal = CloseFrame {
        code: CloseCode::Normal,
        reason: "".into(),
    };
    drop(sink.send(Message::Close(Some(normal))).await);
}

/// Passes the client's input to the process until the client leaves.
async fn read(incoming: &mut SplitStream<Socket>, mut input: Option<DuplexStream>, is_v5: bool) {
    while let Some(Ok(message)) = incoming.next().await {
        let Message::Binary(frame) = message else {
            continue;
        };
        match frame.split_first() {
            Some((&CLOSE, closed)) if is_v5 => match closed {
                [STDIN] => input = None,
                [0..=4] => {}
                _ => return,
            },
            Some((&STDIN, bytes)) => put(&mut input, bytes).await,
            _ => {}
        }
    }
}

/// Writes to the process's stdin, if it is still open.
pub(super) async fn put(input: &mut Option<impl AsyncWrite + Unpin>, bytes: &[u8]) {
    if let Some(stdin) = input {
        // An error means that the process reads no more.
        drop(stdin.write_all(bytes).await);
    }
}
