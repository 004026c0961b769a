//! Exec over SPDY: a stream for each of stdin, stdout, stderr and the status.
//!
//! Rule: `k8s.io/cri-streaming/pkg/streaming/remotecommand/httpstream.go`, `v4ProtocolHandler`.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::{Sink, Stream as Incoming, future};
use tokio::io::AsyncWrite;
use tokio::sync::mpsc;

use super::channels::{QUEUE, STDIN_SIZE, put};
use super::session::{Channel, Output, Session};
use crate::api::upgrade::CREATION_TIMEOUT;
use crate::spdy::{self, Received, SpdyStream, StreamReceiver, StreamSender};

/// A client's streams by their type.
type Streams = BTreeMap<String, (StreamReceiver, StreamSender)>;

/// Serves one exec until the process has ended or the client leaves.
pub(super) async fn serve(
    incoming: impl Incoming<Item = Bytes>,
    outgoing: impl Sink<Bytes>,
    session: Session,
) {
    let (opened, streams) = mpsc::channel(1);
    tokio::select! {
        biased;
        () = run(streams, session) => {}
        () = spdy::serve(incoming, outgoing, opened) => {}
    }
}

async fn run(mut opened: mpsc::Receiver<SpdyStream>, session: Session) {
    let streams = tokio::time::timeout(CREATION_TIMEOUT, expect(&mut opened, &session)).await;
    let Ok(Some(mut streams)) = streams else {
        return;
    };
    let (stdin, input) = tokio::io::duplex(STDIN_SIZE);
    let receiver = streams.remove("stdin").map(|(receiver, _)| receiver);
    let (output, written) = mpsc::channel(QUEUE);
    tokio::select! {
        biased;
        _ = future::join(session.run(stdin, output), write(&streams, written)) => {}
        () = read(receiver, input) => {}
    }
    for (_, sender) in streams.values() {
        sender.finish().await;
        sender.flushed().await;
    }
}

/// Sends what the process writes, and its status.
async fn write(streams: &Streams, mut written: mpsc::Receiver<Output>) {
    while let Some((channel, bytes)) = written.recv().await {
        let name = match channel {
            Channel::Stdout => "stdout",
            Channel::Stderr => "stderr",
            Channel::Status => "error",
        };
        if let Some((_, sender)) = streams.get(name) {
            sender.send(&bytes).await;
        }
    }
}

/// Waits for the streams that the client's options name.
async fn expect(opened: &mut mpsc::Receiver<SpdyStream>, session: &Session) -> Option<Streams> {
    let options = &session.options;
    let expected = [
        ("error", true),
        ("stdin", options.stdin),
        ("stdout", options.stdout),
        ("stderr", options.stderr && !options.tty),
        ("resize", options.tty),
    ];
    let expected = expected.iter().filter(|(_, expected)| *expected).count();
    let mut streams = BTreeMap::new();
    while streams.len() < expected {
        let SpdyStream {
            headers,
            mut receiver,
            sender,
            ..
        } = opened.recv().await?;
        sender.accept().await;
        let kind = headers.get("streamtype").cloned().unwrap_or_default();
        if kind != "stdin" {
            receiver.ignore();
        }
        if ["error", "stdin", "stdout", "stderr", "resize"].contains(&kind.as_str()) {
            streams.insert(kind, (receiver, sender));
        }
    }
    Some(streams)
}

/// Passes the client's input to the process. Does not end: the process may ignore its input.
async fn read(receiver: Option<StreamReceiver>, input: impl AsyncWrite + Unpin) {
    let mut input = receiver.is_some().then_some(input);
    if let Some(mut receiver) = receiver {
        while let Some(Received::Data(bytes)) = receiver.receive().await {
            put(&mut input, &bytes).await;
        }
    }
    drop(input);
    std::future::pending::<()>().await;
}
