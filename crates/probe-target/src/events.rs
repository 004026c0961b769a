//! The journal as server-sent events, for as long as the caller listens.

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use crate::body::{Body, Next, Step};
use crate::panel::Panel;

/// The records from number `since` on: those there are, and each one to come.
pub(crate) fn stream(panel: Arc<dyn Panel>, since: u64) -> Body {
    // A comment first, so that the head leaves at once.
    let hello = Bytes::from_static(b": journal\n\n");
    let step = Step(Box::new(move || tail(panel, since)));
    Body::endless(Box::pin(async { (hello, step) }))
}

fn tail(panel: Arc<dyn Panel>, since: u64) -> Next {
    Box::pin(async move {
        let log = panel.log();
        log.reached(since).await;
        let page = log.since(since);
        let mut text = Vec::new();
        if page.lost > 0 {
            let lost = format!("event: lost\ndata: {{\"lost\":{}}}\n\n", page.lost);
            text.extend_from_slice(lost.as_bytes());
        }
        let first = page.next - page.records.len() as u64;
        for (seq, record) in (first..).zip(&page.records) {
            event(&mut text, seq, record);
        }
        let step = Step(Box::new(move || tail(panel, page.next)));
        (text.into(), step)
    })
}

fn event(text: &mut Vec<u8>, seq: u64, record: &impl Serialize) {
    text.extend_from_slice(format!("id: {seq}\ndata: ").as_bytes());
    serde_json::to_writer(&mut *text, record).expect("our own types must be JSON");
    text.extend_from_slice(b"\n\n");
}
