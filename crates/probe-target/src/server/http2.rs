//! HTTP/2 on one data connection: requests on http and https ports, gRPC health on grpc and grpcs.
//! Uses h2 itself, to hold, cut and reset streams. Faults that exist only as HTTP/1.1 text reset
//! the stream.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use ::http::uri::Authority;
use ::http::{Method, Request, Response, StatusCode, header};
use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{RecvStream, SendStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::model::behaviour::{Details, Effect, Fault, Reply};
use crate::model::port_spec::Protocol;
use crate::net::Connection;
use crate::net::closing;
use crate::net::reclaimable_stream::ReclaimableStream;
use crate::server::grpc_health;
use crate::server::http;
use crate::server::port::drained;
use crate::server::reply;
use crate::server::script::{self, Asked, ScriptStep};
use crate::server::time_limit::Limit;
use crate::state::Decision;
use crate::target::Target;
use crate::target::exchange::{Asking, Exchange};

/// The maximum number of concurrent requests on one connection.
const MOST_STREAMS: u32 = 100;

/// The largest request head.
const LARGEST_HEAD: u32 = 16 * 1024;

/// The time limit for a request's body.
pub(crate) const BODY_WITHIN: Duration = Duration::from_secs(30);

/// A connection's context, shared by its streams.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) target: Arc<Target>,
    pub(crate) port: u16,
    pub(crate) protocol: Protocol,
    pub(crate) peer: SocketAddr,
    /// Set before a fault ends the HTTP/2 connection.
    pub(crate) cut: Option<Arc<AtomicBool>>,
}

/// Serves one connection to its end.
pub(crate) async fn serve<C: Connection>(
    site: Site,
    connection: C,
    ending: Pin<&mut impl Future<Output = ()>>,
) {
    let connection = ReclaimableStream::new(connection);
    let end = streams(site, connection.clone(), ending).await;
    let Some(connection) = connection.take() else {
        return;
    };
    match end {
        Some(ScriptStep::Reset) => connection.reset(),
        Some(_) => closing::close(connection).await,
        None => {}
    }
}

/// Answers streams until the connection ends or a fault ends it; returns how the fault ends it.
async fn streams<C: Connection>(
    mut site: Site,
    connection: ReclaimableStream<C>,
    mut ending: Pin<&mut impl Future<Output = ()>>,
) -> Option<ScriptStep> {
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(LARGEST_HEAD);
    let mut connection = builder.handshake::<_, Bytes>(connection).await.ok()?;
    let (mut answers, mut draining) = (JoinSet::new(), false);
    let cut = Arc::new(AtomicBool::new(false));
    site.cut = Some(Arc::clone(&cut));
    let mut limit = Limit::new(http::SILENT);
    loop {
        tokio::select! {
            biased;
            () = &mut ending, if !draining => {
                connection.graceful_shutdown();
                draining = true;
            }
            Some(ended) = answers.join_next() => {
                // Dropping a stream resets it at once and discards the data queued on it: hence it
                // is kept until then.
                if let Ok(Some((end, _stream))) = ended {
                    // Flushes queued data first, as far as the connection accepts it.
                    poll_fn(|context| {
                        _ = connection.poll_accept(context);
                        Poll::Ready(())
                    })
                    .await;
                    cut.store(true, Ordering::Relaxed);
                    return Some(end);
                }
            }
            accepted = limit.over(connection.accept()) => match accepted {
                Some(accepted) => {
                    let (request, respond) = accepted?.ok()?;
                    let site = site.clone();
                    let mut stream = Stream(respond);
                    answers.spawn(async move {
                        let end = site.answer(request, &mut stream).await?;
                        Some((end, stream))
                    });
                }
                None if answers.is_empty() => return None,
                // The client is not silent but waits for responses.
                None => {}
            }
        }
    }
}

impl Site {
    /// Decides what to do with a request, and begins its record.
    pub(crate) fn begin(&self, asking: &Asking<'_>) -> (Decision, Exchange) {
        let (decision, exchange) = self.target.begin(self.port, self.peer, asking);
        (decision, exchange.on(self.cut.clone()))
    }

    /// Begins the record of a request that no behaviour applies to, and returns the port fault in
    /// force.
    pub(crate) fn note(&self, asking: &Asking<'_>, reply: &str) -> (Option<Fault>, Exchange) {
        let (ails, exchange) = self.target.note(self.port, self.peer, asking, reply);
        (ails, exchange.on(self.cut.clone()))
    }

    async fn answer(
        &self,
        request: Request<RecvStream>,
        stream: &mut Stream,
    ) -> Option<ScriptStep> {
        if request.method() == Method::CONNECT {
            return self.refuse_tunnel(&request.map(drop), stream).await;
        }
        if self.protocol.is_grpc() {
            return grpc_health::answer(self, request, stream).await;
        }
        let (head, body) = request.into_parts();
        let request = Request::from_parts(head, ());
        let (decision, exchange) = self.begin(&Asking::of(&request));
        if !body.is_end_stream() {
            read(body).await;
        }
        stream.pause(decision.delay).await?;
        let head = request.method() == Method::HEAD;
        let reply = match decision.effect {
            Effect::Reply(reply) => reply,
            Effect::Fault(fault, details) => {
                match script::reply(fault, details, asked(&request, self)) {
                    Some(reply) => reply,
                    // A response to HEAD has no body, so its head is the complete response.
                    None if head && fault.is_of_body() => {
                        let sent = stream.promise(self, fault, details, true);
                        exchange.ended(sent.map(|_| 0));
                        return None;
                    }
                    None => return stream.suffer(self, fault, details, exchange).await,
                }
            }
        };
        stream.reply(self, reply, head, exchange);
        None
    }

    /// Rejects CONNECT with 405, unless the port has a fault.
    async fn refuse_tunnel(
        &self,
        request: &Request<()>,
        stream: &mut Stream,
    ) -> Option<ScriptStep> {
        let (ails, exchange) = self.note(&Asking::of(request), "405");
        if let Some(fault) = ails {
            return stream
                .suffer(self, fault, Details::default(), exchange)
                .await;
        }
        let reply = Reply::from(405).allowing(http::ALLOWED);
        stream.reply(self, reply, false, exchange);
        None
    }
}

fn asked<'a>(request: &'a Request<()>, site: &Site) -> Asked<'a> {
    let uri = request.uri();
    Asked {
        scheme: site.protocol.scheme(),
        host: uri.authority().map_or("localhost", Authority::as_str),
        port: site.port,
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
    }
}

impl Site {
    /// A response head with the identity headers only.
    pub(crate) fn head(&self) -> Response<()> {
        let mut response = Response::new(());
        *response.headers_mut() = self.target.identity.headers(self.port);
        response
    }

    /// Holds a stream until the client resets it, or until the drain.
    async fn held<T>(&self, left: impl Future<Output = T>) {
        let mut draining = self.target.draining();
        tokio::select! {
            biased;
            () = drained(&mut draining) => {}
            _ = left => {}
        }
    }
}

/// The stream of one response.
pub(crate) struct Stream(pub(crate) SendResponse<Bytes>);

impl Stream {
    fn reply(&mut self, site: &Site, reply: Reply, head: bool, exchange: Exchange) {
        let headers = site.target.identity.headers(site.port);
        let (head, body) = reply::parts(reply, headers, head);
        let sent = self.0.send_response(head, body.is_empty());
        let length = body.len();
        let sent = sent.and_then(|mut stream| match length {
            0 => Ok(()),
            _ => stream.send_data(body, true),
        });
        // An error means that the client has disconnected.
        exchange.ended(sent.ok().map(|()| length));
    }

    /// Waits for the delay; `None` if the client resets the stream first.
    pub(crate) async fn pause(&mut self, delay: Duration) -> Option<()> {
        tokio::select! {
            biased;
            () = http::pause(delay) => Some(()),
            _ = poll_fn(|context| self.0.poll_reset(context)) => None,
        }
    }

    /// Executes a fault as far as HTTP/2 has it; returns how the whole connection ends if the fault
    /// ends it.
    pub(crate) async fn suffer(
        &mut self,
        site: &Site,
        fault: Fault,
        details: Details,
        mut exchange: Exchange,
    ) -> Option<ScriptStep> {
        match fault {
            Fault::Hang => site.held(self.left()).await,
            Fault::Interim => {
                let mut interim = Response::new(());
                *interim.status_mut() = StatusCode::EARLY_HINTS;
                self.0.send_informational(interim).ok()?;
                site.held(self.left()).await;
            }
            Fault::SlowBody => {
                let mut stream = self.promise(site, fault, details, false)?;
                for byte in ["o", "k", "\n"] {
                    stream.send_data(byte.into(), byte == "\n").ok()?;
                    exchange.sent(1);
                    http::pause(details.pace()).await;
                }
                exchange.complete();
            }
            Fault::StallBody | Fault::ResetBody | Fault::ShortBody => {
                let sent = details.sent();
                let mut stream = self.promise(site, fault, details, false)?;
                let body = "x".repeat(sent as usize);
                let ends = fault == Fault::ShortBody;
                stream.send_data(body.into(), ends).ok()?;
                exchange.sent(sent as usize);
                if fault == Fault::StallBody {
                    let left = poll_fn(|context| stream.poll_reset(context));
                    site.held(left).await;
                } else {
                    exchange.broken();
                    return (!ends).then_some(ScriptStep::Reset);
                }
            }
            Fault::Close | Fault::Reset => {
                exchange.broken();
                let close = fault == Fault::Close;
                return Some(if close {
                    ScriptStep::Close
                } else {
                    ScriptStep::Reset
                });
            }
            _ => {
                exchange.broken();
                self.0.send_reset(h2::Reason::INTERNAL_ERROR);
            }
        }
        None
    }

    /// Sends the head of a 200 for a fault of the body; `ends` ends the stream with it.
    fn promise(
        &mut self,
        site: &Site,
        fault: Fault,
        details: Details,
        ends: bool,
    ) -> Option<SendStream<Bytes>> {
        let bytes = match fault {
            Fault::SlowBody => 3,
            _ => details.sent() + script::MISSING,
        };
        let mut response = if site.protocol.is_grpc() {
            grpc_health::head(site)
        } else {
            site.head()
        };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, bytes.into());
        self.0.send_response(response, ends).ok()
    }

    /// Waits until the client resets the stream, before a head was sent.
    fn left(&mut self) -> impl Future<Output = Result<h2::Reason, h2::Error>> {
        poll_fn(|context| self.0.poll_reset(context))
    }
}

/// Reads and discards a request's body, within [`BODY_WITHIN`].
async fn read(mut body: RecvStream) {
    let whole = async {
        while let Some(Ok(data)) = body.data().await {
            // An error means that the client has disconnected.
            _ = body.flow_control().release_capacity(data.len());
        }
    };
    _ = timeout(BODY_WITHIN, whole).await;
}
