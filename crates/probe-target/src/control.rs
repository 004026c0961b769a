//! The control API over HTTP: access, limits, responses, and waiting for journal records.
//! `control/request.rs` parses requests; a `Backend` executes them.

mod cross_site;
mod event_stream;
mod metrics;
mod page;
mod request;

use std::io::{ErrorKind, Write};
use std::sync::Arc;
use std::time::Duration;

use ::http::{Method, StatusCode};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::control::page::PublicFile;
use crate::control::request::{ControlRequest, Wait};
use crate::model::answer::{ErrorAnswer, Journal};
use crate::net::buffered::Framing;
use crate::net::{Connection, Listener};
use crate::server::http1::{NoRequest, ServerConnection};
use crate::server::reply::{self, ReplyOptions};
use crate::server::request_head::{InvalidHead, RequestHead};
use crate::target::backend::{Backend, CallError, JournalEntry};

/// The time limit for silence between requests, for headers, for a body, and for each write of a
/// response.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// The largest request body.
const LARGEST_BODY: usize = 64 * 1024;

/// The maximum number of concurrent clients; further ones wait in the backlog.
const MOST_CLIENTS: usize = 128;

/// The state of the control API's server.
pub(crate) struct Control {
    pub(crate) backend: Arc<dyn Backend>,
    /// The bearer token that clients must send, if any.
    pub(crate) token: Option<String>,
}

impl Control {
    /// Serves until it is dropped.
    pub(crate) async fn serve<L: Listener>(self, mut listener: L) {
        let control = Arc::new(self);
        let mut clients = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                Some(_) = clients.join_next() => {}
                accepted = listener.accept(), if clients.len() < MOST_CLIENTS => match accepted {
                    Ok(connection) => {
                        clients.spawn(Arc::clone(&control).serve_client(connection));
                    }
                    // Out of descriptors, or the connection ended before it was accepted.
                    Err(_) => sleep(Duration::from_millis(10)).await,
                },
            }
        }
    }

    async fn serve_client<C: Connection>(self: Arc<Self>, connection: C) {
        let mut connection = ServerConnection::new(connection, IDLE_TIMEOUT);
        loop {
            let head = match connection.request().await {
                Ok(head) => head,
                Err(NoRequest::Disconnected) => return,
                Err(NoRequest::Invalid(invalid)) => return self.refuse(connection, invalid).await,
            };
            let (response, read) = self.respond(&head, &mut connection).await;
            let Some(response) = response else { return };
            let head_only = head.method == Method::HEAD;
            let is_stream = matches!(response.body, Body::Stream { .. });
            let options = ReplyOptions {
                head_only,
                keep_alive: head.keep_alive && read && !is_stream,
            };
            let text = response.text(&self, options);
            if connection.send(&text).await.is_err() {
                return;
            }
            if let Body::Stream { since, through } = response.body
                && !head_only
            {
                // The stream ends when the client disconnects.
                _ = event_stream::stream(&*self.backend, since, through, &mut connection).await;
                return;
            }
            if !options.keep_alive {
                let rest = if read { Framing::Length(0) } else { head.body };
                return connection.end(rest).await;
            }
        }
    }

    /// Sends the error response to an invalid request head.
    async fn refuse<C: Connection>(
        &self,
        mut connection: ServerConnection<C>,
        invalid: InvalidHead,
    ) {
        let error = match invalid.status {
            StatusCode::METHOD_NOT_ALLOWED => CallError::method(invalid.reason, request::METHODS),
            status => CallError::new(status, "", invalid.reason),
        };
        let options = ReplyOptions {
            head_only: invalid.is_head,
            keep_alive: false,
        };
        let text = self.error_response(error).text(self, options);
        if connection.send(&text).await.is_ok() {
            connection.end(Framing::ToTheEnd).await;
        }
    }

    /// Executes a request; returns the response, unless the client disconnects first, and whether
    /// the request was read completely.
    async fn respond<C: Connection>(
        &self,
        head: &RequestHead,
        connection: &mut ServerConnection<C>,
    ) -> (Option<Response>, bool) {
        // Checked before the body is read, to save that cost.
        if let Err(error) = self.check_access(head) {
            return (Some(self.error_response(error)), false);
        }
        let body = match read_body(head, connection).await {
            Ok(body) => body,
            Err(error) => return (Some(self.error_response(error)), false),
        };
        // A wait may take minutes; it ends with its client.
        let response = tokio::select! {
            biased;
            called = self.call(head, &body) => called,
            () = connection.disconnected() => return (None, true),
        };
        let response = response.unwrap_or_else(|error| self.error_response(error));
        (Some(response), true)
    }

    async fn call(&self, head: &RequestHead, body: &[u8]) -> Result<Response, CallError> {
        // RFC 9110, 9.3.2: HEAD is GET without the body of its response.
        let method = match head.method {
            Method::HEAD => &Method::GET,
            ref method => method,
        };
        let request = request::read(method, &head.path, &head.query, body)?;
        if method != Method::GET {
            self.check_instance(head)?;
        }
        match request {
            ControlRequest::File(file) => {
                let (media, text) = file.read(head.accepts_html);
                Ok(Response {
                    headers: page::HEADERS,
                    ..Response::ok(media, Body::Whole(text.into_bytes()))
                })
            }
            ControlRequest::State => Ok(Response::json(StatusCode::OK, &self.backend.state())),
            ControlRequest::Metrics => {
                let text = metrics::text(&self.backend.state());
                Ok(Response::ok(metrics::MEDIA, Body::Whole(text.into_bytes())))
            }
            ControlRequest::Plan => match self.backend.plan() {
                Some(plan) => Ok(Response::json(StatusCode::OK, &plan)),
                None => Err(CallError::new(
                    StatusCode::NOT_FOUND,
                    "",
                    "there is no plan here",
                )),
            },
            ControlRequest::Journal { since } => Ok(self.journal(since)),
            ControlRequest::Stream { since, through } => Ok(Response::ok(
                "text/event-stream",
                Body::Stream { since, through },
            )),
            ControlRequest::Wait(wait) => self.wait(wait).await,
            ControlRequest::Change(change) => {
                let ack = self.backend.change(change).await?;
                Ok(Response::json(StatusCode::OK, &ack))
            }
        }
    }

    /// Rejects pages of other sites, and clients without the token. A browser sends no token when
    /// it loads a page, so the public files need none.
    fn check_access(&self, head: &RequestHead) -> Result<(), CallError> {
        cross_site::refuse(head)?;
        let token = self.token.as_ref();
        let Some(token) = token.filter(|_| PublicFile::at(&head.path).is_none()) else {
            return Ok(());
        };
        let shown = head.authorization.as_deref();
        let shown = shown.and_then(|value| value.strip_prefix(b"Bearer "));
        if shown.is_some_and(|shown| is_equal(shown, token.as_bytes())) {
            return Ok(());
        }
        let message = "the token is missing or wrong: `Authorization: Bearer …`";
        Err(CallError::new(StatusCode::UNAUTHORIZED, "", message))
    }

    /// Rejects changes that are addressed to another process.
    fn check_instance(&self, head: &RequestHead) -> Result<(), CallError> {
        let instance = self.backend.instance();
        match &head.instance {
            Some(named) if named != instance.as_bytes() => Err(CallError::new(
                StatusCode::CONFLICT,
                "Probeflip-Instance",
                format!("this is instance {instance}; the one you mean is gone"),
            )),
            _ => Ok(()),
        }
    }

    fn journal(&self, since: u64) -> Response {
        let page = self.backend.journal().since(since);
        self.page(page.lost, page.next, page.records)
    }

    fn page(&self, lost: u64, next: u64, records: Vec<JournalEntry>) -> Response {
        Response::json(
            StatusCode::OK,
            &Journal {
                instance: self.backend.instance().to_owned(),
                revision: self.backend.revision(),
                lost,
                next,
                records,
            },
        )
    }

    async fn wait(&self, wait: Wait) -> Result<Response, CallError> {
        let journal = self.backend.journal();
        // The records of a wait are kept in memory until it is complete.
        if journal.size() < wait.hits {
            let message = format!(
                "the journal keeps {}, no more can be waited for",
                journal.size()
            );
            return Err(CallError::new(StatusCode::BAD_REQUEST, "hits", message));
        }
        let mut next = wait.since.unwrap_or_else(|| journal.next());
        let (mut lost, mut records) = (0, Vec::new());
        let complete = async {
            loop {
                let page = journal.since(next);
                (lost, next) = (lost + page.lost, page.next);
                let hits = page.records.into_iter();
                records.extend(hits.filter(|record| record.matches(&wait.filter)));
                if records.len() as u64 >= wait.hits {
                    return;
                }
                journal.reached(next).await;
            }
        };
        if timeout(wait.timeout, complete).await.is_err() {
            let message = format!("{} of {} hits came in time", records.len(), wait.hits);
            return Err(CallError::new(StatusCode::REQUEST_TIMEOUT, "hits", message));
        }
        Ok(self.page(lost, next, records))
    }

    fn error_response(&self, error: CallError) -> Response {
        let field = error.invalid.field;
        let answer = ErrorAnswer {
            error: error.invalid.reason.to_string(),
            field: Some(field).filter(|field| !field.is_empty()),
            instance: self.backend.instance().to_owned(),
            revision: self.backend.revision(),
        };
        Response {
            allowed: error.allowed,
            ..Response::json(error.status, &answer)
        }
    }
}

/// A response.
#[derive(Debug)]
struct Response {
    status: StatusCode,
    media: &'static str,
    /// The `Allow` header.
    allowed: Option<&'static str>,
    /// Further header lines.
    headers: &'static str,
    body: Body,
}

/// The body of a response.
#[derive(Debug)]
enum Body {
    Whole(Vec<u8>),
    /// The journal from this number on, until the client disconnects.
    Stream {
        since: u64,
        /// The interval of the event `through`.
        through: Option<Duration>,
    },
}

impl Response {
    fn ok(media: &'static str, body: Body) -> Self {
        Self {
            status: StatusCode::OK,
            media,
            allowed: None,
            headers: "",
            body,
        }
    }

    fn json(status: StatusCode, value: &impl Serialize) -> Self {
        let mut text = serde_json::to_vec(value).expect("our own types must be JSON");
        text.push(b'\n');
        Self {
            status,
            ..Self::ok("application/json", Body::Whole(text))
        }
    }

    /// The head, and the body unless it is a stream.
    fn text(&self, control: &Control, options: ReplyOptions) -> Vec<u8> {
        let mut text = Vec::with_capacity(256);
        reply::line(self.status, &mut text);
        let identity = control.backend.identity();
        let (media, revision) = (self.media, control.backend.revision());
        // Writing to a vector does not fail.
        _ = write!(
            text,
            "content-type: {media}\r\nprobeflip-revision: {revision}\r\n"
        );
        if let Some(allowed) = self.allowed {
            _ = write!(text, "allow: {allowed}\r\n");
        }
        text.extend_from_slice(self.headers.as_bytes());
        identity.write_process(|_| false, &mut text);
        if !options.keep_alive {
            text.extend_from_slice(b"connection: close\r\n");
        }
        match &self.body {
            Body::Whole(body) => {
                _ = write!(text, "content-length: {}\r\n\r\n", body.len());
                if !options.head_only {
                    text.extend_from_slice(body);
                }
            }
            Body::Stream { .. } => text.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n"),
        }
        text
    }
}

/// Reads the body of a request.
async fn read_body<C: Connection>(
    head: &RequestHead,
    connection: &mut ServerConnection<C>,
) -> Result<Vec<u8>, CallError> {
    if matches!(head.body, Framing::Length(length) if length > LARGEST_BODY) {
        return Err(too_large());
    }
    let broken = || CallError::new(StatusCode::BAD_REQUEST, "", "the body broke off");
    // curl waits for this before it sends a large body.
    if head.expects {
        let sent = connection.send(b"HTTP/1.1 100 Continue\r\n\r\n").await;
        sent.map_err(|_left| broken())?;
    }
    let body = connection.body(head.body, LARGEST_BODY).await;
    body.map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => too_large(),
        ErrorKind::TimedOut => {
            CallError::new(StatusCode::REQUEST_TIMEOUT, "", "the body did not come")
        }
        _ => broken(),
    })
}

fn too_large() -> CallError {
    let message = format!("a body has at most {LARGEST_BODY} bytes");
    CallError::new(StatusCode::PAYLOAD_TOO_LARGE, "", message)
}

/// Compares in constant time, so that the time of a rejection reveals nothing of the token.
fn is_equal(shown: &[u8], token: &[u8]) -> bool {
    let pairs = shown.iter().zip(token);
    let differences = pairs.fold(0, |differences, (a, b)| differences | (a ^ b));
    shown.len() == token.len() && std::hint::black_box(differences) == 0
}
