//! `GET /v1/journal/stream`: the journal as server-sent events, until the client disconnects.

use std::future::pending;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use crate::model::answer::{Lost, Through};
use crate::net::Connection;
use crate::server::http1::ServerConnection;
use crate::target::backend::Backend;

/// Sends the records numbered `since` and above in chunks: those in the journal, and each future
/// one. Every `through` it says up to which time the records are complete.
pub(crate) async fn stream<C: Connection>(
    backend: &dyn Backend,
    mut since: u64,
    through: Option<Duration>,
    connection: &mut ServerConnection<C>,
) -> io::Result<()> {
    // Starts with a comment, so that the response head is sent at once.
    connection.send(&chunk(b": journal\n\n")).await?;
    let journal = backend.journal();
    let mut due = through.map(|interval| Instant::now() + interval);
    loop {
        tokio::select! {
            biased;
            () = journal.reached(since) => {}
            () = until(due) => {}
            () = connection.disconnected() => return Ok(()),
        }
        // Before the journal is read: a request that ends in between is sent the next time.
        let now = backend.now();
        let page = journal.since(since);
        let mut text = Vec::new();
        if page.lost > 0 {
            event(&mut text, "event: lost", &Lost { lost: page.lost });
        }
        let first = page.next - page.records.len() as u64;
        for (seq, record) in (first..).zip(&page.records) {
            event(&mut text, &format!("id: {seq}"), record);
        }
        if let (Some(interval), Some(_)) = (through, due.filter(|due| *due <= Instant::now())) {
            due = Some(Instant::now() + interval);
            event(&mut text, "event: through", &Through { through: now });
        }
        // An empty chunk would end the stream.
        if !text.is_empty() {
            connection.send(&chunk(&text)).await?;
        }
        since = page.next;
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}

/// Appends an event. `head` is the line before its data.
fn event(text: &mut Vec<u8>, head: &str, data: &impl Serialize) {
    text.extend_from_slice(head.as_bytes());
    text.extend_from_slice(b"\ndata: ");
    serde_json::to_writer(&mut *text, data).expect("our own types must be JSON");
    text.extend_from_slice(b"\n\n");
}

/// Encodes a chunk (RFC 9112, 7.1).
fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = Vec::with_capacity(bytes.len() + 16);
    // Writing to a vector does not fail.
    _ = write!(chunk, "{:X}\r\n", bytes.len());
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}
