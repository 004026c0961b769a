//! The control API over HTTP: who may call, within which limits, and the answers' form. What a call means is in `call.rs`,
//! what it does in the panel behind it.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::body::Body;
use crate::call::{self, Call, Wait};
use crate::events;
use crate::http1;
use crate::identity::{BOOT, INSTANCE};
use crate::net::{Connection, Listener};
use crate::panel::{Panel, Refused};
use crate::wire::{Journal, Refusal};

const REVISION: header::HeaderName = header::HeaderName::from_static("probeflip-revision");

/// How long a caller may take for the headers, or for the body.
const READ_WITHIN: Duration = Duration::from_secs(5);

/// The largest body of a call.
const LARGEST_BODY: usize = 64 * 1024;

/// Callers at a time; further ones wait to be accepted.
const MOST_CALLERS: usize = 128;

/// What the control address answers with.
pub(crate) struct Control {
    pub(crate) panel: Arc<dyn Panel>,
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
        let service: http1::Service = Box::new(move |request| {
            let control = Arc::clone(&self);
            Box::pin(async move { Ok(control.answer(request).await) })
        });
        // At the end of the process callers are cut off.
        let never = std::future::pending();
        http1::serve(connection, service, READ_WITHIN, never).await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let called = self.call(request).await;
        called.unwrap_or_else(|refused| self.refusal(refused))
    }

    async fn call(&self, request: Request<Incoming>) -> Result<Response<Body>, Refused> {
        let (head, body) = request.into_parts();
        self.admit(&head.headers)?;
        let query = head.uri.query().unwrap_or_default();
        let body = read(body).await?;
        let call = call::read(&head.method, head.uri.path(), query, &body)?;
        if head.method != Method::GET {
            self.meant(&head.headers)?;
        }
        match call {
            Call::State => Ok(self.json(StatusCode::OK, &self.panel.state())),
            Call::Plan => match self.panel.plan() {
                Some(plan) => Ok(self.json(StatusCode::OK, &plan)),
                None => Err(Refused::new(
                    StatusCode::NOT_FOUND,
                    "",
                    "there is no plan here",
                )),
            },
            Call::Journal { since } => Ok(self.journal(since)),
            Call::Stream { since } => Ok(self.stream(since)),
            Call::Wait(wait) => self.wait(wait).await,
            Call::Change(change) => {
                let ack = self.panel.change(change).await?;
                Ok(self.json(StatusCode::OK, &ack))
            }
        }
    }

    /// Refuses callers without the token.
    fn admit(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let Some(token) = &self.token else {
            return Ok(());
        };
        let shown = headers.get(header::AUTHORIZATION);
        let shown = shown.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        if shown.is_some_and(|shown| same(shown, token.as_bytes())) {
            return Ok(());
        }
        let message = "the token is missing or wrong: `Authorization: Bearer …`";
        Err(Refused::new(StatusCode::UNAUTHORIZED, "", message))
    }

    /// Refuses changes that mean another process.
    fn meant(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let instance = self.panel.instance();
        match headers.get(INSTANCE) {
            Some(named) if named.as_bytes() != instance.as_bytes() => Err(Refused::new(
                StatusCode::CONFLICT,
                "Probeflip-Instance",
                format!("this is instance {instance}; the one you mean is gone"),
            )),
            _ => Ok(()),
        }
    }

    fn journal(&self, since: u64) -> Response<Body> {
        let page = self.panel.log().since(since);
        self.json(
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

    async fn wait(&self, wait: Wait) -> Result<Response<Body>, Refused> {
        let log = self.panel.log();
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
            return Err(Refused::new(StatusCode::REQUEST_TIMEOUT, "hits", message));
        }
        let journal = Journal {
            instance: self.panel.instance().to_owned(),
            revision: self.panel.revision(),
            lost,
            next,
            records,
        };
        Ok(self.json(StatusCode::OK, &journal))
    }

    fn stream(&self, since: u64) -> Response<Body> {
        let panel = Arc::clone(&self.panel);
        self.respond(
            StatusCode::OK,
            "text/event-stream",
            events::stream(panel, since),
        )
    }

    fn refusal(&self, refused: Refused) -> Response<Body> {
        let field = refused.invalid.field;
        let refusal = Refusal {
            error: refused.invalid.message,
            field: Some(field).filter(|field| !field.is_empty()),
            instance: self.panel.instance().to_owned(),
            revision: self.panel.revision(),
        };
        self.json(refused.status, &refusal)
    }

    fn json(&self, status: StatusCode, value: &impl Serialize) -> Response<Body> {
        let mut text = serde_json::to_vec(value).expect("our own types must be JSON");
        text.push(b'\n');
        self.respond(status, "application/json", Body::whole(text))
    }

    fn respond(&self, status: StatusCode, media: &'static str, body: Body) -> Response<Body> {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        headers.insert(REVISION, self.panel.revision().into());
        if let Ok(instance) = HeaderValue::from_str(self.panel.instance()) {
            headers.insert(INSTANCE, instance);
        }
        if let Some(boot) = self.panel.identity().boot {
            headers.insert(BOOT, boot.into());
        }
        response
    }
}

async fn read(mut body: Incoming) -> Result<Vec<u8>, Refused> {
    let whole = async {
        let mut whole = Vec::new();
        while let Some(frame) = body.frame().await {
            let broken = |_| Refused::new(StatusCode::BAD_REQUEST, "", "the body broke off");
            // Trailers are nothing to us.
            let data = frame.map_err(broken)?.into_data().unwrap_or_default();
            whole.extend_from_slice(&data);
            if whole.len() > LARGEST_BODY {
                let message = format!("a body has at most {LARGEST_BODY} bytes");
                return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "", message));
            }
        }
        Ok(whole)
    };
    let late = || Refused::new(StatusCode::REQUEST_TIMEOUT, "", "the body did not come");
    let read = timeout(READ_WITHIN, whole).await.ok();
    read.ok_or_else(late)?
}

/// Compares in a time that does not depend on where the first difference is.
fn same(shown: &[u8], token: &[u8]) -> bool {
    let pairs = shown.iter().zip(token);
    let differences = pairs.fold(0, |differences, (a, b)| differences | (a ^ b));
    shown.len() == token.len() && std::hint::black_box(differences) == 0
}
