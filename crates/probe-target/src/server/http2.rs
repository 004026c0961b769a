//! HTTP/2 on one data connection: requests on http and https ports, gRPC health on grpc and grpcs.
//! Uses h2 itself rather than a server above it, to hold, cut and reset streams.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use ::http::uri::Authority;
use ::http::{Method, Request};
use bytes::Bytes;
use h2::RecvStream;
use h2::server::Builder;
use tokio::task::JoinSet;

use crate::model::behaviour::{Details, Effect, Reply};
use crate::net::Connection;
use crate::net::closing;
use crate::net::reclaimable_stream::ReclaimableStream;
use crate::server::connection_context::ConnectionContext;
use crate::server::grpc_health;
use crate::server::http2_stream::{self, Stream};
use crate::server::reply;
use crate::server::script::{self, ConnectionEnd, RedirectSource};
use crate::server::time_limit::{IDLE_TIMEOUT, Limit};
use crate::target::pending_request::RequestInfo;

/// The maximum number of concurrent requests on one connection, the minimum that RFC 9113, 6.5.2
/// recommends.
const MOST_STREAMS: u32 = 100;

/// The largest request head.
const LARGEST_HEAD: u32 = 16 * 1024;

/// Serves one connection to its end.
pub(crate) async fn serve<C: Connection>(
    context: ConnectionContext,
    connection: C,
    drained: Pin<&mut impl Future<Output = ()>>,
) {
    // h2 owns the connection, but a fault must be able to end it in its own way.
    let connection = ReclaimableStream::new(connection);
    let end = answer_streams(context, connection.clone(), drained).await;
    let Some(connection) = connection.take() else {
        return;
    };
    match end {
        Some(ConnectionEnd::Reset) => connection.reset(),
        Some(ConnectionEnd::Close) => closing::close(connection).await,
        None => {}
    }
}

/// Answers streams until the connection ends; returns how to end it if a fault requires that.
async fn answer_streams<C: Connection>(
    mut context: ConnectionContext,
    connection: ReclaimableStream<C>,
    mut drained: Pin<&mut impl Future<Output = ()>>,
) -> Option<ConnectionEnd> {
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(LARGEST_HEAD);
    let mut connection = builder.handshake::<_, Bytes>(connection).await.ok()?;
    let (mut requests, mut draining) = (JoinSet::new(), false);
    let cut = Arc::new(AtomicBool::new(false));
    context.cut = Some(Arc::clone(&cut));
    let mut limit = Limit::new(IDLE_TIMEOUT);
    loop {
        tokio::select! {
            biased;
            () = &mut drained, if !draining => {
                connection.graceful_shutdown();
                draining = true;
            }
            Some(ended) = requests.join_next() => {
                // Dropping a stream resets it at once and discards the data queued on it, so it is
                // kept until that data is written.
                if let Ok(Some((end, _stream))) = ended {
                    // Polling writes what the connection takes without waiting: a fault's client
                    // may have stopped reading.
                    poll_fn(|task| {
                        _ = connection.poll_accept(task);
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
                    let context = context.clone();
                    let mut stream = Stream(respond);
                    requests.spawn(async move {
                        let end = answer(&context, request, &mut stream).await?;
                        Some((end, stream))
                    });
                }
                None if requests.is_empty() => return None,
                // The client is not silent but waits for responses.
                None => {}
            }
        }
    }
}

/// Answers one request; returns how the whole connection ends if a fault ends it.
async fn answer(
    context: &ConnectionContext,
    request: Request<RecvStream>,
    stream: &mut Stream,
) -> Option<ConnectionEnd> {
    if request.method() == Method::CONNECT {
        return refuse_tunnel(context, &request.map(drop), stream).await;
    }
    if context.protocol.is_grpc() {
        return grpc_health::answer(context, request, stream).await;
    }
    let (head, body) = request.into_parts();
    let request = Request::from_parts(head, ());
    let (decision, pending) = context.begin(&RequestInfo::of(&request));
    if !body.is_end_stream() {
        http2_stream::discard(body).await;
    }
    stream.pause(decision.delay).await?;
    let head_only = request.method() == Method::HEAD;
    let reply = match decision.effect {
        Effect::Reply(reply) => reply,
        Effect::Fault(fault, details) => {
            match script::reply(fault, details, redirect_source(&request, context)) {
                Some(reply) => reply,
                None if head_only && fault.is_of_body() => {
                    stream.send_head_of_body_fault(context, fault, details, pending);
                    return None;
                }
                None => {
                    return stream.execute_fault(context, fault, details, pending).await;
                }
            }
        }
    };
    stream.reply(context, reply, head_only, pending);
    None
}

/// Rejects CONNECT with 405, unless the port has a fault.
async fn refuse_tunnel(
    context: &ConnectionContext,
    request: &Request<()>,
    stream: &mut Stream,
) -> Option<ConnectionEnd> {
    let (fault, pending) = context.begin_unmatched(&RequestInfo::of(request), "405");
    if let Some(fault) = fault {
        let details = Details::default();
        return stream.execute_fault(context, fault, details, pending).await;
    }
    let reply = Reply::from(405).allowing(reply::ALLOWED_METHODS);
    stream.reply(context, reply, false, pending);
    None
}

fn redirect_source<'a>(
    request: &'a Request<()>,
    context: &ConnectionContext,
) -> RedirectSource<'a> {
    let uri = request.uri();
    RedirectSource {
        scheme: context.protocol.scheme(),
        host: uri.authority().map_or("localhost", Authority::as_str),
        port: context.port,
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
    }
}
