//! A connection that has spoken HTTP/2: made again and again until the other end does.
//!
//! The connection is ready when the other end's first frame has come and is its settings; a server that accepts and
//! says nothing, or says something else, is not connected to.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::client::{self, Connection, SendRequest};

use crate::kubelet::watched::{Seen, Watched};
use crate::net::Host;

/// The wait after the first failed connection; each further one is 1.6 times as long. On a node it varies by a fifth.
///
/// Rule: grpc-go's `backoff.DefaultConfig`.
const FIRST_WAIT: u64 = 1_000;
/// The kind of a SETTINGS frame, and where frames have theirs.
const SETTINGS: u8 = 4;
const KIND: usize = 3;

/// A connection over which requests can be sent.
pub(super) struct Session {
    pub(super) sender: SendRequest<Bytes>,
    pub(super) connection: Connection<Watched, Bytes>,
    pub(super) seen: Arc<Seen>,
    /// `A->B`, as Go names a connection.
    pub(super) peers: String,
}

impl Session {
    /// Tries until there is one.
    pub(super) async fn open(node: &Host, address: SocketAddr) -> Self {
        let mut wait = FIRST_WAIT;
        loop {
            if let Ok(session) = Self::connect(node, address).await {
                return session;
            }
            tokio::time::sleep(Duration::from_millis(wait)).await;
            wait = wait * 8 / 5;
        }
    }

    async fn connect(node: &Host, address: SocketAddr) -> Result<Self, h2::Error> {
        let stream = node.connect(address).await.map_err(broken)?;
        let peers = format!("{}->{}", stream.local(), stream.peer());
        let (watched, seen) = Watched::new(stream);
        let (sender, mut connection) = client::handshake(watched).await?;
        std::future::poll_fn(|context| {
            let polled = Pin::new(&mut connection).poll(context);
            match (speaks(&seen), polled) {
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
            peers,
        })
    }
}

/// The first frame is the settings; `None` if it has not come yet.
fn speaks(seen: &Seen) -> Option<bool> {
    seen.head().get(KIND).map(|kind| *kind == SETTINGS)
}

/// h2 makes its errors of reasons alone.
fn broken(_: io::Error) -> h2::Error {
    h2::Reason::CONNECT_ERROR.into()
}
