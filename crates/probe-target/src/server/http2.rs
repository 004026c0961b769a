//! HTTP/2 on one data connection: plain requests on http and https ports, gRPC health on grpc and grpcs ports.
//! On h2 itself, as streams must be held, cut and reset. Faults that only the text of HTTP/1.1 can have reset the stream.

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

/// Requests at a time on one connection.
const MOST_STREAMS: u32 = 100;

/// The largest head of a request.
const LARGEST_HEAD: u32 = 16 * 1024;

/// How long a client may take for a request's body.
pub(crate) const BODY_WITHIN: Duration = Duration::from_secs(30);

/// One connection, as its streams share it.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) target: Arc<Target>,
    pub(crate) port: u16,
    pub(crate) protocol: Protocol,
    pub(crate) peer: SocketAddr,
    /// Of HTTP/2: set before the connection ends because a fault wants it so.
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

/// Answers streams until the connection ends by itself, or a fault demands an end.
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
                // A stream that is given up is reset at once, and what was handed over is lost: hence it is kept until then.
                if let Ok(Some((end, _stream))) = ended {
                    // What was handed over goes first, as far as the connection takes it.
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
                // It listens.
                None => {}
            }
        }
    }
}

impl Site {
    /// Decides what becomes of a request, and begins its record.
    pub(crate) fn begin(&self, asking: &Asking<'_>) -> (Decision, Exchange) {
        let (decision, exchange) = self.target.begin(self.port, self.peer, asking);
        (decision, exchange.on(self.cut.clone()))
    }

    /// Begins the record of a request that no behaviour is given to, and says what the port's state does to it all the same.
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
                    // There is no body, and the head is the whole answer.
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

    /// Answers CONNECT, but for what the port's state does to every request.
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
    /// The head of an answer that says who answers, and nothing else yet.
    pub(crate) fn head(&self) -> Response<()> {
        let mut response = Response::new(());
        *response.headers_mut() = self.target.identity.headers(self.port);
        response
    }

    /// Holds a stream until the client gives it up, or until the drain, when it is reset.
    async fn held<T>(&self, left: impl Future<Output = T>) {
        let mut draining = self.target.draining();
        tokio::select! {
            biased;
            () = drained(&mut draining) => {}
            _ = left => {}
        }
    }
}

/// Where one answer goes.
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
        // An error is the client's, which has left.
        exchange.ended(sent.ok().map(|()| length));
    }

    /// Waits for as long as the client does; `None` if it has given the stream up.
    pub(crate) async fn pause(&mut self, delay: Duration) -> Option<()> {
        tokio::select! {
            biased;
            () = http::pause(delay) => Some(()),
            _ = poll_fn(|context| self.0.poll_reset(context)) => None,
        }
    }

    /// A fault as far as HTTP/2 has it; how the whole connection ends, if that is it.
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

    /// The head of a 200 before what is wrong with its body; whether it is the end, too.
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

    /// Waits until the client gives up, before a head was sent.
    fn left(&mut self) -> impl Future<Output = Result<h2::Reason, h2::Error>> {
        poll_fn(|context| self.0.poll_reset(context))
    }
}

/// Reads what a client sends to its end, but not for ever.
async fn read(mut body: RecvStream) {
    let whole = async {
        while let Some(Ok(data)) = body.data().await {
            // An error is the client's, which has left.
            _ = body.flow_control().release_capacity(data.len());
        }
    };
    _ = timeout(BODY_WITHIN, whole).await;
}
