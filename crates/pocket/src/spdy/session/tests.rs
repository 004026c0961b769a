//! A client in memory that sends frames and reads the server's.

use std::future::Future;

use futures::channel::mpsc as unbounded;

use super::*;
use crate::spdy::frame::syn_stream;

struct Client {
    writer: HeaderWriter,
    sender: unbounded::UnboundedSender<Bytes>,
    received: unbounded::UnboundedReceiver<Bytes>,
    opened: mpsc::Receiver<SpdyStream>,
}

impl Client {
    fn connect() -> Self {
        let (sender, incoming) = unbounded::unbounded();
        let (outgoing, received) = unbounded::unbounded();
        let (opening, opened) = mpsc::channel(1);
        tokio::spawn(serve(incoming, outgoing, opening));
        Self {
            writer: HeaderWriter::default(),
            sender,
            received,
            opened,
        }
    }

    fn send(&self, frame: Bytes) {
        self.sender.unbounded_send(frame).unwrap();
    }

    fn ask_for(&mut self, stream: u32) {
        let frame = syn_stream(&mut self.writer, stream, &[("a", "b")], false);
        self.send(frame);
    }

    async fn open(&mut self, stream: u32) -> SpdyStream {
        self.ask_for(stream);
        self.opened.recv().await.unwrap()
    }

    async fn next(&mut self) -> Bytes {
        self.received.next().await.unwrap()
    }
}

#[tokio::test]
async fn a_stream_carries_data_both_ways() {
    let mut client = Client::connect();
    let mut stream = client.open(1).await;
    assert_eq!((stream.id, stream.headers["a"].as_str()), (1, "b"));
    stream.sender.accept().await;
    assert_eq!(client.next().await[..4], [0x80, 3, 0, 2]);
    client.send(frame::data(1, b"to", false));
    client.send(frame::data(1, b"gether", true));
    client.send(frame::data(1, b"too late", false));
    let data = |text: &'static [u8]| Some(Received::Data(Bytes::from_static(text)));
    assert_eq!(stream.receiver.receive().await, data(b"to"));
    assert_eq!(stream.receiver.receive().await, data(b"gether"));
    assert_eq!(stream.receiver.receive().await, Some(Received::Fin));
    stream.sender.send(b"back").await;
    stream.sender.finish().await;
    assert_eq!(client.next().await, frame::data(1, b"back", false));
    assert_eq!(client.next().await, frame::data(1, b"", true));
    client.send(frame::rst_stream(1, ResetStatus::Cancel));
    assert_eq!(stream.receiver.receive().await, None);
}

#[tokio::test]
async fn the_client_s_end_is_the_streams_end() {
    let mut client = Client::connect();
    let mut stream = client.open(1).await;
    client.send(frame::goaway(0));
    assert_eq!(stream.receiver.receive().await, None);
    assert_eq!(client.received.next().await, None);
}

#[tokio::test]
async fn pings_of_the_client_are_answered() {
    let mut client = Client::connect();
    client.send(frame::ping(2));
    client.send(frame::ping(3));
    assert_eq!(client.next().await, frame::ping(3));
}

#[tokio::test]
async fn numbers_of_streams_grow_and_are_odd() {
    let mut client = Client::connect();
    let _first = client.open(3).await;
    for bad in [3, 1, 4] {
        client.ask_for(bad);
        let reset = frame::rst_stream(bad, ResetStatus::ProtocolError);
        assert_eq!(client.next().await, reset);
    }
}

#[tokio::test]
async fn streams_are_limited_and_make_room_when_they_end() {
    let mut client = Client::connect();
    let mut streams = Vec::new();
    let mut number = 1;
    for _ in 0..MAX_STREAMS {
        streams.push(client.open(number).await);
        number += 2;
    }
    client.ask_for(number);
    let refused = frame::rst_stream(number, ResetStatus::Refused);
    assert_eq!(client.next().await, refused);
    streams.pop();
    client.open(number + 2).await;
}

#[tokio::test]
async fn a_broken_protocol_ends_the_connection() {
    let mut client = Client::connect();
    let mut stream = client.open(5).await;
    client.send(Bytes::from_static(&[0x80, 3, 0, 99, 0, 0, 0, 0]));
    assert_eq!(stream.receiver.receive().await, None);
    assert_eq!(client.next().await, frame::goaway(5));
    assert_eq!(client.received.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn data_that_nobody_takes_holds_up_the_client() {
    let mut client = Client::connect();
    let mut stream = client.open(1).await;
    for _ in 0..=QUEUE {
        client.send(frame::data(1, b"x", false));
    }
    client.send(frame::ping(1));
    assert!(waits(client.next()).await);
    stream.receiver.receive().await;
    assert_eq!(client.next().await, frame::ping(1));
    // A stream whose data is ignored holds up nothing.
    stream.receiver.ignore();
    for _ in 0..=QUEUE {
        client.send(frame::data(1, b"x", false));
    }
    client.send(frame::ping(3));
    assert_eq!(client.next().await, frame::ping(3));
}

/// Whether nothing happens for as long as time can pass.
async fn waits<T>(future: impl Future<Output = T>) -> bool {
    let second = std::time::Duration::from_secs(1);
    tokio::time::timeout(second, future).await.is_err()
}
