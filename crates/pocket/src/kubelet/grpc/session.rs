//! Opens an HTTP/2 connection for gRPC, and retries with back-off until the server speaks HTTP/2.
//!
//! A connection counts as open when the server's first frame is SETTINGS. A server that accepts and
//! sends nothing, or something else, does not count.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::client::{self, Connection, SendRequest};

use crate::kubelet::recorded_stream::{ReadRecord, RecordedStream};
use crate::net::Host;

/// Milliseconds to wait after the first failed connection; each further wait is 1.6 times as long.
/// On a node it varies by a fifth.
///
/// Rule: grpc-go's `backoff.DefaultConfig`.
const FIRST_WAIT: u64 = 1_000;
/// The type of a SETTINGS frame, and the offset of the type in a frame.
const SETTINGS: u8 = 4;
const TYPE_OFFSET: usize = 3;

/// A connection over which requests can be sent.
pub(super) struct Session {
    pub(super) sender: SendRequest<Bytes>,
    pub(super) connection: Connection<RecordedStream, Bytes>,
    pub(super) seen: Arc<ReadRecord>,
    /// `A->B`, the format in which Go prints a connection.
    pub(super) addresses: String,
}

impl Session {
    /// Connects, with retries until it succeeds.
    pub(super) async fn open(node: &Host, address: SocketAddr) -> Self {
        let mut wait = FIRST_WAIT;
        loop {
            // The caller's timeout ends this: a refused connection is reported as a timeout, after
            // all of it.
            if let Ok(session) = Self::connect(node, address).await {
                return session;
            }
            tokio::time::sleep(Duration::from_millis(wait)).await;
            wait = wait * 8 / 5;
        }
    }

    async fn connect(node: &Host, address: SocketAddr) -> Result<Self, h2::Error> {
        let stream = node.connect(address).await.map_err(connect_error)?;
        let addresses = format!("{}->{}", stream.local(), stream.peer());
        let (stream, seen) = RecordedStream::new(stream);
        let (sender, mut connection) = client::handshake(stream).await?;
        std::future::poll_fn(|context| {
            let polled = Pin::new(&mut connection).poll(context);
            match (begins_with_settings(&seen), polled) {
                (Some(true), _) => Poll::Ready(Ok(())),
                (Some(false), _) => Poll::Ready(Err(h2::Reason::PROTOCOL_ERROR.into())),
                (None, Poll::Ready(ended)) => {
                    Poll::Ready(ended.and(Err(h2::Reason::CONNECT_ERROR.into())))
                }
                (None, Poll::Pending) => Poll::Pending,
            }
        })
        .await?;
        Ok(Self {
            sender,
            connection,
            seen,
            addresses,
        })
    }
}

/// Whether the first frame is SETTINGS; `None` if it has not arrived.
fn begins_with_settings(seen: &ReadRecord) -> Option<bool> {
    seen.head().get(TYPE_OFFSET).map(|kind| *kind == SETTINGS)
}

fn connect_error(_: io::Error) -> h2::Error {
    // The crate h2 has no public conversion from an I/O error.
    h2::Reason::CONNECT_ERROR.into()
}
