//! `GET /v1/journal/stream`: the journal as server-sent events, until the client disconnects.

use std::io::{self, Write};

use serde::Serialize;

use crate::net::Connection;
use crate::server::http1::ServerConnection;
use crate::target::backend::Backend;

/// Sends the records numbered `since` and above in chunks: those in the journal, and each future
/// one.
pub(crate) async fn stream<C: Connection>(
    backend: &dyn Backend,
    mut since: u64,
    connection: &mut ServerConnection<C>,
) -> io::Result<()> {
    // Starts with a comment, so that the response head is sent at once.
    connection.send(&chunk(b": journal\n\n")).await?;
    let journal = backend.journal();
    loop {
        tokio::select! {
            biased;
            () = journal.reached(since) => {}
            () = connection.disconnected() => return Ok(()),
        }
        let page = journal.since(since);
        let mut text = Vec::new();
        if page.lost > 0 {
            let lost = format!("event: lost\ndata: {{\"lost\":{}}}\n\n", page.lost);
            text.extend_from_slice(lost.as_bytes());
        }
        let first = page.next - page.records.len() as u64;
        for (seq, record) in (first..).zip(&page.records) {
            event(&mut text, seq, record);
        }
        connection.send(&chunk(&text)).await?;
        since = page.next;
    }
}

fn event(text: &mut Vec<u8>, seq: u64, record: &impl Serialize) {
    text.extend_from_slice(format!("id: {seq}\ndata: ").as_bytes());
    serde_json::to_writer(&mut *text, record).expect("our own types must be JSON");
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
