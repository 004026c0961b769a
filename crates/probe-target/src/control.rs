//! The control API over HTTP: access, limits, responses, and waiting for journal records.
//! `control/request.rs` parses requests; a `Backend` executes them.

pub(crate) mod event_stream;
pub(crate) mod metrics;
pub(crate) mod request;
pub(crate) mod web_page;

use std::io::{ErrorKind, Write};
use std::sync::Arc;
use std::time::Duration;

use ::http::{Method, StatusCode};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::control::request::{ControlRequest, Wait};
use crate::model::answer::{ErrorAnswer, Journal};
use crate::net::buffered::Framing;
use crate::net::{Connection, Listener};
use crate::server::http1::{Ended, Served};
use crate::server::reply::{self, Manner};
use crate::server::request_head::{Head, Wrong};
use crate::target::backend::{Backend, CallError};

/// The time limit for silence between requests, for headers, for a body, and for each write of a
/// response.
const LIMIT: Duration = Duration::from_secs(5);

/// The largest request body.
const LARGEST_BODY: usize = 64 * 1024;

/// The maximum number of concurrent clients; further ones wait in the backlog.
const MOST_CALLERS: usize = 128;

/// The state of the control API's server.
pub(crate) struct Control {
    pub(crate) panel: Arc<dyn Backend>,
    /// The bearer token that clients must send, if any.
    pub(crate) token: Option<String>,
}

impl Control {
    /// Serves until it is dropped.
    pub(crate) async fn serve<L: Listener>(self, mut listener: L) {
        let control = Arc::new(self);
        let mut callers = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                Some(_) = callers.join_next() => {}
                accepted = listener.accept(), if callers.len() < MOST_CALLERS => match accepted {
                    Ok(connection) => {
                        callers.spawn(Arc::clone(&control).caller(connection));
                    }
                    // Out of descriptors, or the connection ended before it was accepted.
                    Err(_) => sleep(Duration::from_millis(10)).await,
                },
            }
        }
    }

    async fn caller<C: Connection>(self: Arc<Self>, connection: C) {
        let mut served = Served::new(connection, LIMIT);
        loop {
            let head = match served.request().await {
                Ok(head) => head,
                Err(Ended::Gone) => return,
                Err(Ended::Wrong(Wrong {
                    status,
                    why,
                    is_head,
                })) => {
                    let manner = Manner {
                        head: is_head,
                        keeps: false,
                    };
                    let refused = match status {
                        StatusCode::METHOD_NOT_ALLOWED => CallError::method(why, request::METHODS),
                        status => CallError::new(status, "", why),
                    };
                    let refusal = self.refusal(refused);
                    let text = refusal.text(&self, manner);
                    if served.send(&text).await.is_ok() {
                        served.end(Framing::ToTheEnd).await;
                    }
                    return;
                }
            };
            let (answer, read) = self.answer(&head, &mut served).await;
            let Some(answer) = answer else { return };
            let keeps = head.keeps && read && !matches!(answer.said, Said::Stream { .. });
            let manner = Manner {
                head: head.method == Method::HEAD,
                keeps,
            };
            if served.send(&answer.text(&self, manner)).await.is_err() {
                return;
            }
            if let Said::Stream { since } = answer.said {
                // The stream ends when the client disconnects.
                _ = event_stream::stream(&*self.panel, since, &mut served).await;
                return;
            }
            if !keeps {
                return served
                    .end(if read { Framing::Length(0) } else { head.body })
                    .await;
            }
        }
    }

    /// Executes a request; returns the response, unless the client disconnects first, and whether
    /// the request was read completely.
    async fn answer<C: Connection>(
        &self,
        head: &Head,
        served: &mut Served<C>,
    ) -> (Option<Answer>, bool) {
        // Checked before the body is read, to save that cost.
        if let Err(refused) = self.admit(head) {
            return (Some(self.refusal(refused)), false);
        }
        let body = match read(head, served).await {
            Ok(body) => body,
            Err(refused) => return (Some(self.refusal(refused)), false),
        };
        let answer = tokio::select! {
            biased;
            called = self.call(head, &body) => called,
            () = served.left() => return (None, true),
        };
        let answer = answer.unwrap_or_else(|refused| self.refusal(refused));
        (Some(answer), true)
    }

    async fn call(&self, head: &Head, body: &[u8]) -> Result<Answer, CallError> {
        let call = request::read(&head.method, &head.path, &head.query, body)?;
        if head.method != Method::GET {
            self.meant(head)?;
        }
        match call {
            ControlRequest::State => Ok(Answer::json(StatusCode::OK, &self.panel.state())),
            ControlRequest::Metrics => Ok(Answer {
                status: StatusCode::OK,
                media: metrics::MEDIA,
                allowed: None,
                said: Said::Whole(metrics::text(&self.panel.state()).into_bytes()),
            }),
            ControlRequest::Plan => match self.panel.plan() {
                Some(plan) => Ok(Answer::json(StatusCode::OK, &plan)),
                None => Err(CallError::new(
                    StatusCode::NOT_FOUND,
                    "",
                    "there is no plan here",
                )),
            },
            ControlRequest::Journal { since } => Ok(self.journal(since)),
            ControlRequest::Stream { since } => Ok(Answer {
                status: StatusCode::OK,
                media: "text/event-stream",
                allowed: None,
                said: Said::Stream { since },
            }),
            ControlRequest::Wait(wait) => self.wait(wait).await,
            ControlRequest::Change(change) => {
                let ack = self.panel.change(change).await?;
                Ok(Answer::json(StatusCode::OK, &ack))
            }
        }
    }

    /// Rejects web pages, and clients without the token.
    fn admit(&self, head: &Head) -> Result<(), CallError> {
        web_page::refuse(head)?;
        let Some(token) = &self.token else {
            return Ok(());
        };
        let shown = head.authorization.as_deref();
        let shown = shown.and_then(|value| value.strip_prefix(b"Bearer "));
        if shown.is_some_and(|shown| same(shown, token.as_bytes())) {
            return Ok(());
        }
        let message = "the token is missing or wrong: `Authorization: Bearer …`";
        Err(CallError::new(StatusCode::UNAUTHORIZED, "", message))
    }

    /// Rejects changes that are addressed to another process.
    fn meant(&self, head: &Head) -> Result<(), CallError> {
        let instance = self.panel.instance();
        match &head.instance {
            Some(named) if named != instance.as_bytes() => Err(CallError::new(
                StatusCode::CONFLICT,
                "Probeflip-Instance",
                format!("this is instance {instance}; the one you mean is gone"),
            )),
            _ => Ok(()),
        }
    }

    fn journal(&self, since: u64) -> Answer {
        let page = self.panel.log().since(since);
        Answer::json(
            StatusCode::OK,
            &Journal {
                instance: self.panel.instance().to_owned(),
                revision: self.panel.revision(),
                lost: page.lost,
                next: page.next,
                records: page.records,
            },
        )
    }

    async fn wait(&self, wait: Wait) -> Result<Answer, CallError> {
        let log = self.panel.log();
        // The records of a wait are kept in memory until it is complete.
        if log.size() < wait.hits {
            let message = format!(
                "the journal keeps {}, no more can be waited for",
                log.size()
            );
            return Err(CallError::new(StatusCode::BAD_REQUEST, "hits", message));
        }
        let mut next = wait.since.unwrap_or_else(|| log.next());
        let (mut lost, mut records) = (0, Vec::new());
        let enough = async {
            loop {
                let page = log.since(next);
                (lost, next) = (lost + page.lost, page.next);
                let hits = page.records.into_iter();
                records.extend(hits.filter(|record| record.matches(&wait.filter)));
                if records.len() as u64 >= wait.hits {
                    return;
                }
                log.reached(next).await;
            }
        };
        let come = timeout(wait.timeout, enough).await;
        if come.is_err() {
            let message = format!("{} of {} hits came in time", records.len(), wait.hits);
            return Err(CallError::new(StatusCode::REQUEST_TIMEOUT, "hits", message));
        }
        let journal = Journal {
            instance: self.panel.instance().to_owned(),
            revision: self.panel.revision(),
            lost,
            next,
            records,
        };
        Ok(Answer::json(StatusCode::OK, &journal))
    }

    fn refusal(&self, refused: CallError) -> Answer {
        let field = refused.invalid.field;
        let refusal = ErrorAnswer {
            error: refused.invalid.message,
            field: Some(field).filter(|field| !field.is_empty()),
            instance: self.panel.instance().to_owned(),
            revision: self.panel.revision(),
        };
        Answer {
            allowed: refused.allowed,
            ..Answer::json(refused.status, &refusal)
        }
    }
}

/// A response.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    media: &'static str,
    /// The `Allow` header.
    allowed: Option<&'static str>,
    said: Said,
}

/// The body of a response.
#[derive(Debug)]
enum Said {
    Whole(Vec<u8>),
    /// The journal from this number on, until the client disconnects.
    Stream {
        since: u64,
    },
}

impl Answer {
    fn json(status: StatusCode, value: &impl Serialize) -> Self {
        let mut text = serde_json::to_vec(value).expect("our own types must be JSON");
        text.push(b'\n');
        Self {
            status,
            media: "application/json",
            allowed: None,
            said: Said::Whole(text),
        }
    }

    /// The head, and the body unless it is a stream.
    fn text(&self, control: &Control, manner: Manner) -> Vec<u8> {
        let mut text = Vec::with_capacity(256);
        reply::line(self.status, &mut text);
        let identity = control.panel.identity();
        let (media, revision) = (self.media, control.panel.revision());
        // Writing to a vector does not fail.
        _ = write!(
            text,
            "content-type: {media}\r\nprobeflip-revision: {revision}\r\n"
        );
        if let Some(allowed) = self.allowed {
            _ = write!(text, "allow: {allowed}\r\n");
        }
        identity.write_process(|_| false, &mut text);
        if !manner.keeps {
            text.extend_from_slice(b"connection: close\r\n");
        }
        match &self.said {
            Said::Whole(body) => {
                _ = write!(text, "content-length: {}\r\n\r\n", body.len());
                if !manner.head {
                    text.extend_from_slice(body);
                }
            }
            Said::Stream { .. } => text.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n"),
        }
        text
    }
}

/// Reads the body of a request.
async fn read<C: Connection>(head: &Head, served: &mut Served<C>) -> Result<Vec<u8>, CallError> {
    if matches!(head.body, Framing::Length(length) if length > LARGEST_BODY) {
        return Err(too_large());
    }
    let broken = || CallError::new(StatusCode::BAD_REQUEST, "", "the body broke off");
    if head.expects {
        let go_on = served.send(b"HTTP/1.1 100 Continue\r\n\r\n").await;
        go_on.map_err(|_left| broken())?;
    }
    let body = served.body(head.body, LARGEST_BODY).await;
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

/// Compares in constant time.
fn same(shown: &[u8], token: &[u8]) -> bool {
    let pairs = shown.iter().zip(token);
    let differences = pairs.fold(0, |differences, (a, b)| differences | (a ^ b));
    shown.len() == token.len() && std::hint::black_box(differences) == 0
}
