//! The control API over HTTP: who may call, within which limits, and the answers' form. What a call means is in `control/request.rs`,
//! what it does in the panel behind it.

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

/// How long a caller may be silent, and may take for the headers, for the body, or to accept any part of an answer.
const LIMIT: Duration = Duration::from_secs(5);

/// The largest body of a call.
const LARGEST_BODY: usize = 64 * 1024;

/// Callers at a time; further ones wait to be accepted.
const MOST_CALLERS: usize = 128;

/// What the control address answers with.
pub(crate) struct Control {
    pub(crate) panel: Arc<dyn Backend>,
    /// What callers must show, if anything.
    pub(crate) token: Option<String>,
}

impl Control {
    /// Serves for ever.
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
                    // Out of descriptors, or a connection that ended before it was accepted.
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
                // It ends when the caller leaves.
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

    /// The answer, unless the caller left before it, and whether the whole request was read.
    async fn answer<C: Connection>(
        &self,
        head: &Head,
        served: &mut Served<C>,
    ) -> (Option<Answer>, bool) {
        // Before its body, which costs.
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

    /// Refuses web pages, and callers without the token.
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

    /// Refuses changes that mean another process.
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
        // They are held until all have come.
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

/// One answer.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    media: &'static str,
    /// `Allow`.
    allowed: Option<&'static str>,
    said: Said,
}

/// The body of an answer.
#[derive(Debug)]
enum Said {
    Whole(Vec<u8>),
    /// The journal from this number on, for as long as the caller listens.
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

    /// What is sent of it at once.
    fn text(&self, control: &Control, manner: Manner) -> Vec<u8> {
        let mut text = Vec::with_capacity(256);
        reply::line(self.status, &mut text);
        let identity = control.panel.identity();
        let (media, revision) = (self.media, control.panel.revision());
        // A vector takes everything.
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

/// The body of a call.
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

/// Compares in a time that does not depend on where the first difference is.
fn same(shown: &[u8], token: &[u8]) -> bool {
    let pairs = shown.iter().zip(token);
    let differences = pairs.fold(0, |differences, (a, b)| differences | (a ^ b));
    shown.len() == token.len() && std::hint::black_box(differences) == 0
}
