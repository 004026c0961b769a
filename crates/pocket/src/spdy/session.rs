//! The server's side of a SPDY connection: streams that the client opens, over any carrier of
//! bytes.
//!
//! A stream whose data is not read holds up the whole connection, as in
//! `github.com/moby/spdystream`; there are no windows. What one connection can make pocket keep is
//! limited by the number of its streams.

use std::collections::BTreeMap;
use std::error::Error;
use std::pin::{Pin, pin};

use bytes::Bytes;
use futures::{Sink, SinkExt, Stream, StreamExt};
use tokio::sync::{mpsc, oneshot};
use tracing::debug;

use super::frame::{self, Decoder, Frame, FrameError, ResetStatus};
use super::headers::{HeaderWriter, Headers};

/// Queued pieces of data per stream, and queued frames per connection, before the sender waits.
const QUEUE: usize = 8;
/// Maximum number of streams at a time.
const MAX_STREAMS: usize = 512;

/// A stream that the client has opened.
#[derive(Debug)]
pub(crate) struct SpdyStream {
    pub(crate) id: u32,
    pub(crate) headers: Headers,
    pub(crate) receiver: StreamReceiver,
    pub(crate) sender: StreamSender,
}

/// The direction from the client.
#[derive(Debug)]
pub(crate) struct StreamReceiver(mpsc::Receiver<Received>);

/// What a client sends on a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    Data(Bytes),
    /// No data follows.
    Fin,
}

impl StreamReceiver {
    /// What the client sends next; `None` once it has reset the stream or is gone.
    pub(crate) async fn receive(&mut self) -> Option<Received> {
        self.0.recv().await
    }

    /// Drops what the client sends on this stream.
    pub(crate) fn ignore(&mut self) {
        self.0.close();
    }
}

/// The direction to the client. Sending to a client that is gone does nothing.
#[derive(Debug)]
pub(crate) struct StreamSender {
    id: u32,
    outgoing: mpsc::Sender<Outgoing>,
}

/// A frame that is to be written.
#[derive(Debug)]
enum Outgoing {
    /// The reply to a stream, whose headers are compressed in the order of writing.
    Reply(u32),
    Frame(Bytes),
    /// Tells when the frames before it are written.
    Flush(oneshot::Sender<()>),
}

impl StreamSender {
    /// Accepts the stream.
    pub(crate) async fn accept(&self) {
        self.write(Outgoing::Reply(self.id)).await;
    }

    /// Sends data.
    pub(crate) async fn send(&self, bytes: &[u8]) {
        let data = frame::data(self.id, bytes, false);
        self.write(Outgoing::Frame(data)).await;
    }

    /// Says that no data follows.
    pub(crate) async fn finish(&self) {
        let last = frame::data(self.id, &[], true);
        self.write(Outgoing::Frame(last)).await;
    }

    /// Waits until all that was sent before is written.
    pub(crate) async fn flushed(&self) {
        let (written, flushed) = oneshot::channel();
        self.write(Outgoing::Flush(written)).await;
        // An error means that the session has ended.
        drop(flushed.await);
    }

    /// Ends the stream in both directions.
    pub(crate) async fn reset(&self) {
        let reset = frame::rst_stream(self.id, ResetStatus::Cancel);
        self.write(Outgoing::Frame(reset)).await;
    }

    async fn write(&self, outgoing: Outgoing) {
        // An error means that the session has ended.
        drop(self.outgoing.send(outgoing).await);
    }
}

/// Serves a connection until its client leaves or breaks the protocol. The client's streams go to
/// `opened`.
pub(crate) async fn serve(
    incoming: impl Stream<Item = Bytes>,
    outgoing: impl Sink<Bytes>,
    opened: mpsc::Sender<SpdyStream>,
) {
    let (frames, mut queued) = mpsc::channel(QUEUE);
    let mut outgoing = pin!(outgoing);
    let mut reader = Reader {
        opened,
        outgoing: frames,
        streams: BTreeMap::new(),
        last: 0,
    };
    let ended = tokio::select! {
        biased;
        () = write(&mut queued, outgoing.as_mut()) => return,
        ended = reader.read(incoming) => ended,
    };
    if let Err(why) = ended {
        debug!(why = &why as &dyn Error, "SPDY connection ended");
        // Errors from here on mean that the client is gone.
        drop(outgoing.send(frame::goaway(reader.last)).await);
    }
    drop(outgoing.close().await);
}

/// Writes queued frames until the client is gone.
async fn write(queued: &mut mpsc::Receiver<Outgoing>, mut outgoing: Pin<&mut impl Sink<Bytes>>) {
    let mut headers = HeaderWriter::default();
    while let Some(next) = queued.recv().await {
        let frame = match next {
            Outgoing::Reply(stream) => frame::syn_reply(&mut headers, stream),
            Outgoing::Frame(frame) => frame,
            Outgoing::Flush(written) => {
                // An error means that the caller has stopped waiting.
                let _sent = written.send(());
                continue;
            }
        };
        if outgoing.send(frame).await.is_err() {
            return;
        }
    }
}

/// Reads a client's frames and passes them to their streams.
struct Reader {
    opened: mpsc::Sender<SpdyStream>,
    outgoing: mpsc::Sender<Outgoing>,
    streams: BTreeMap<u32, Inbox>,
    /// The last stream that the client opened.
    last: u32,
}

/// Where a stream's data goes.
struct Inbox {
    sender: mpsc::Sender<Received>,
    /// Whether the client has said that no data follows. It may still reset the stream.
    is_finished: bool,
}

impl Reader {
    async fn read(&mut self, incoming: impl Stream<Item = Bytes>) -> Result<(), FrameError> {
        let mut incoming = pin!(incoming);
        let mut decoder = Decoder::default();
        while let Some(bytes) = incoming.next().await {
            decoder.extend(&bytes);
            while let Some(frame) = decoder.next()? {
                if frame == Frame::GoAway {
                    return Ok(());
                }
                self.take(frame).await;
            }
        }
        Ok(())
    }

    async fn take(&mut self, frame: Frame) {
        match frame {
            Frame::Open {
                stream,
                headers,
                fin,
            } => self.open(stream, headers, fin).await,
            Frame::Data { stream, bytes, fin } => self.pass_on(stream, bytes, fin).await,
            Frame::Reset { stream } => drop(self.streams.remove(&stream)),
            // A client's numbers are odd; an even one would answer a ping of ours.
            Frame::Ping(id) if id % 2 == 1 => self.write(frame::ping(id)).await,
            Frame::Ping(_) | Frame::GoAway | Frame::Ignored => {}
        }
    }

    async fn open(&mut self, id: u32, headers: Headers, fin: bool) {
        if id <= self.last || id.is_multiple_of(2) {
            let reset = frame::rst_stream(id, ResetStatus::ProtocolError);
            return self.write(reset).await;
        }
        self.last = id;
        self.streams.retain(|_, inbox| !inbox.sender.is_closed());
        if self.streams.len() >= MAX_STREAMS {
            let reset = frame::rst_stream(id, ResetStatus::Refused);
            return self.write(reset).await;
        }
        let (sender, received) = mpsc::channel(QUEUE);
        if fin {
            // The channel is empty.
            drop(sender.try_send(Received::Fin));
        }
        let inbox = Inbox {
            sender,
            is_finished: fin,
        };
        self.streams.insert(id, inbox);
        let stream = SpdyStream {
            id,
            headers,
            receiver: StreamReceiver(received),
            sender: StreamSender {
                id,
                outgoing: self.outgoing.clone(),
            },
        };
        // An error means that the owner has ended the session.
        drop(self.opened.send(stream).await);
    }

    /// Passes data to its stream. Data of a stream that has ended is dropped.
    async fn pass_on(&mut self, id: u32, bytes: Bytes, fin: bool) {
        let open = |inbox: &&mut Inbox| !inbox.is_finished;
        let Some(inbox) = self.streams.get_mut(&id).filter(open) else {
            return;
        };
        inbox.is_finished = fin;
        // Sending fails if the owner has ended the stream.
        if !bytes.is_empty() {
            drop(inbox.sender.send(Received::Data(bytes)).await);
        }
        if fin {
            drop(inbox.sender.send(Received::Fin).await);
        }
    }

    async fn write(&self, frame: Bytes) {
        // An error means that the client is gone.
        drop(self.outgoing.send(Outgoing::Frame(frame)).await);
    }
}

#[cfg(test)]
mod tests;
