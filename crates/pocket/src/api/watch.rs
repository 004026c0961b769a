//! Watch requests: streams one JSON event per line until the timeout or an expired version.
//!
//! Rule: kubernetes.io › API concepts › Efficient detection of changes, and Streaming lists.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use hyper::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::call::Call;
use super::select::Selection;
use crate::api_status::ApiError;
use crate::kinds::Kind;
use crate::store::{Event, Expired, StoredObject, Verb, Version};

/// The timeout of a watch without one. An API server draws from 30 to 60 minutes.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(30);
/// Number of events that are prepared for a client at once. A client that stops reading holds no
/// more than these.
const BATCH: usize = 64;
/// How long a client may leave a batch of events pending. Its watch ends then, without an error:
/// the client watches again from the last version that it has, or lists if that has expired.
///
/// Rule: `staging/src/k8s.io/apiserver/pkg/storage/cacher/cache_watcher.go`, `add`. An API server
/// waits for a fraction of a second; here a busy machine may delay client and cluster alike.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// Interval of the bookmarks for clients that allow them.
const BOOKMARK_PERIOD: Duration = Duration::from_mins(1);
/// The annotation of the bookmark after the initial objects.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

pub(super) fn start(call: &Call) -> Result<Response, ApiError> {
    let feed = Feed::new(call)?;
    let lines = stream::unfold(feed, async |mut feed| {
        let line = feed.next().await?;
        Some((Ok::<_, Infallible>(line), feed))
    });
    Ok((
        [(CONTENT_TYPE, "application/json")],
        Body::from_stream(lines),
    )
        .into_response())
}

/// One watch in progress.
struct Feed {
    call: Call,
    kind: &'static Kind,
    selection: Selection,
    written: tokio::sync::watch::Receiver<Version>,
    /// All events up to this version are sent or in `lines`.
    seen: Version,
    lines: VecDeque<Bytes>,
    /// When the client last took a line.
    taken: Instant,
    ends: Instant,
    /// When the next bookmark is due, if the client allows bookmarks.
    bookmark: Option<Instant>,
    ended: bool,
    /// Whether the client has the columns of its table.
    has_columns: bool,
}

impl Feed {
    fn new(call: &Call) -> Result<Self, ApiError> {
        let query = &call.query;
        query.check_list()?;
        // Without a reason, as upstream, which hands on what its storage says.
        let version = query.version().map_err(ApiError::unexpected)?;
        let kind = call.target.kind;
        let now = Instant::now();
        let mut feed = Self {
            call: call.clone(),
            kind,
            selection: call.selection()?,
            // Before the first list: a write in between wakes the feed.
            written: call.registry().subscribe(kind),
            seen: Version::default(),
            lines: VecDeque::new(),
            taken: now,
            ends: now + query.timeout.unwrap_or(DEFAULT_TIMEOUT),
            bookmark: query.allow_bookmarks.then(|| now + BOOKMARK_PERIOD),
            ended: false,
            has_columns: false,
        };
        match version {
            Some(version) if version > Version::default() && !query.sends_initial_events() => {
                feed.seen = version;
            }
            // Without a version, or with version 0, the existing objects come first.
            _ => feed.present(query.sends_initial_events() && query.allow_bookmarks),
        }
        Ok(feed)
    }

    /// The next line, or `None` at the end of the watch.
    async fn next(&mut self) -> Option<Bytes> {
        // The server asks for a line as soon as the connection has room for one.
        self.ended |= self.taken.elapsed() > READ_TIMEOUT && self.is_behind();
        loop {
            if let Some(line) = self.lines.pop_front() {
                self.taken = Instant::now();
                return Some(line);
            }
            if self.ended {
                return None;
            }
            if !self.catch_up() {
                self.wait().await;
            }
        }
    }

    /// Whether there is a whole batch of events besides the prepared lines.
    fn is_behind(&self) -> bool {
        let pending = self.call.registry().since(self.kind, self.seen, BATCH);
        pending.is_ok_and(|(events, _)| events.len() == BATCH)
    }

    async fn wait(&mut self) {
        let bookmark = self.bookmark.unwrap_or(self.ends);
        tokio::select! {
            biased;
            // Writes come first: a change at the moment of the timeout is still sent. The feed's
            // registry keeps the sender alive.
            _ = self.written.changed() => {}
            () = tokio::time::sleep_until(self.ends) => self.ended = true,
            () = tokio::time::sleep_until(bookmark), if self.bookmark.is_some() => {
                self.bookmark = Some(bookmark + BOOKMARK_PERIOD);
                self.send_bookmark(json!({}));
            }
        }
    }

    /// Sends the existing objects as added.
    fn present(&mut self, then_bookmark: bool) {
        let call = &self.call;
        let (objects, version) = call.registry().list_stored(self.kind, call.within());
        self.seen = version;
        for object in objects {
            if self.selection.matches(&object) {
                let line = self.line("ADDED", &object);
                self.lines.push_back(line);
            }
        }
        if then_bookmark {
            self.send_bookmark(json!({INITIAL_EVENTS_END: "true"}));
        }
    }

    /// Prepares the lines of the next events. Returns false if there are no events.
    fn catch_up(&mut self) -> bool {
        // Before reading: a write in between then wakes the feed again instead of being lost.
        self.written.mark_unchanged();
        match self.call.registry().since(self.kind, self.seen, BATCH) {
            Ok((events, version)) => {
                // A client may start from a version that lies ahead.
                self.seen = self.seen.max(version);
                for event in &events {
                    let line = self.line_of(event);
                    self.lines.extend(line);
                }
                !events.is_empty()
            }
            Err(expired) => {
                self.expire(&expired);
                true
            }
        }
    }

    /// The event as this client sees it: an object that no longer matches the selection appears as
    /// deleted.
    fn line_of(&mut self, event: &Event) -> Option<Bytes> {
        let before = event
            .previous
            .as_ref()
            .is_some_and(|previous| self.selection.matches(previous));
        let now = event.verb != Verb::Deleted && self.selection.matches(&event.object);
        let verb = match (before, now) {
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
            (false, false) => return None,
        };
        Some(self.line(verb, &event.object))
    }

    /// The object in the form that the client wants. Only the first table names its columns.
    fn line(&mut self, verb: &str, object: &StoredObject) -> Bytes {
        let with_columns = !std::mem::replace(&mut self.has_columns, true);
        line(verb, &self.call.object_text(object, with_columns))
    }

    /// Ends with an error event, under status 200: clients list again only on such an event.
    fn expire(&mut self, expired: &Expired) {
        self.lines.push_back(line(
            "ERROR",
            &ApiError::expired(expired).status().to_string(),
        ));
        self.ended = true;
    }

    fn send_bookmark(&mut self, annotations: Value) {
        let mut metadata =
            json!({"resourceVersion": self.seen.to_string(), "creationTimestamp": null});
        if annotations
            .as_object()
            .is_some_and(|annotations| !annotations.is_empty())
        {
            metadata["annotations"] = annotations;
        }
        let object = json!({
            "kind": self.kind.name, "apiVersion": self.kind.api_version(), "metadata": metadata,
        });
        let line = self.line("BOOKMARK", &StoredObject::new(&object));
        self.lines.push_back(line);
    }
}

/// The type comes first, as from an API server: a client that knows it can read the object as it
/// arrives.
fn line(verb: &str, object: &str) -> Bytes {
    format!("{{\"type\":\"{verb}\",\"object\":{object}}}\n").into()
}
