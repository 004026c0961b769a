//! HTTP on a data connection: detects HTTP/2, and answers HTTP/1.1 requests as the state decides.

use std::pin::Pin;
use std::sync::Arc;

use ::http::{Method, StatusCode};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{sleep, timeout};

use crate::model::behaviour::{Effect, Reply};
use crate::model::port_spec::Protocol;
use crate::net::Connection;
use crate::net::buffered::Framing;
use crate::net::tls::Layer;
use crate::server::connection_context::ConnectionContext;
use crate::server::http1::{NoRequest, ServerConnection};
use crate::server::http2;
use crate::server::reply::{self, ReplyOptions};
use crate::server::request_head::{InvalidHead, RequestHead};
use crate::server::script::{self, RedirectSource, ScriptStep};
use crate::server::time_limit::IDLE_TIMEOUT;
use crate::target::Target;

/// Serves one connection to its end and holds its permit. The permit is a parameter, as wrapping
/// this future in another would double its size, and spawning copies it.
pub(crate) async fn serve<C: Connection>(
    target: Arc<Target>,
    port: u16,
    protocol: Protocol,
    connection: C,
    _permit: OwnedSemaphorePermit,
) {
    let context = ConnectionContext {
        peer: connection.peer(),
        target,
        port,
        protocol,
        cut: None,
    };
    let mut drained = std::pin::pin!(context.target.drained());
    let detected = tokio::select! {
        biased;
        detected = timeout(IDLE_TIMEOUT, detect(&context, connection)) => detected,
        () = &mut drained => return,
    };
    match detected {
        Ok(Some((connection, false))) if !protocol.is_grpc() => {
            requests(&context, connection, drained).await;
        }
        // Boxed, as otherwise every connection's task would be as large as this future.
        Ok(Some((connection, _))) => {
            Box::pin(http2::serve(
                context.clone(),
                connection.into_stream(),
                drained,
            ))
            .await;
        }
        // Too slow, disconnected before the first byte, or no TLS on a TLS port.
        Ok(None) | Err(_) => {}
    }
}

/// Performs the TLS handshake, if any, and returns whether the client speaks HTTP/2.
async fn detect<C: Connection>(
    context: &ConnectionContext,
    connection: C,
) -> Option<(ServerConnection<Layer<C>>, bool)> {
    let tls = &context.target.tls;
    let layer = tls.accept(context.protocol, connection).await.ok()?;
    let mut connection = ServerConnection::new(layer, IDLE_TIMEOUT);
    let http2 = connection.is_http2().await?;
    Some((connection, http2))
}

/// Answers HTTP/1.1 requests, one after another.
async fn requests<C: Connection>(
    context: &ConnectionContext,
    mut connection: ServerConnection<C>,
    mut drained: Pin<&mut impl Future<Output = ()>>,
) {
    let ConnectionContext { target, port, .. } = context;
    loop {
        let head = tokio::select! {
            biased;
            head = connection.request() => head,
            () = &mut drained => return,
        };
        let head = match head {
            Ok(head) => head,
            Err(NoRequest::Disconnected) => return,
            Err(NoRequest::Invalid(invalid)) => {
                return Box::pin(refuse(context, connection, invalid)).await;
            }
        };
        let (decision, mut pending) = context.begin(&head.info());
        let reply = match decision.effect {
            Effect::Reply(reply) => reply,
            Effect::Fault(fault, details) => {
                let identity = target.identity.headers(*port);
                if let Some(mut script) = script::script(fault, details, &identity) {
                    if head.method == Method::HEAD {
                        script = script::without_body(script);
                    }
                    if !decision.delay.is_zero() {
                        script.insert(0, ScriptStep::Wait(decision.delay));
                    }
                    let connection = connection.into_inner();
                    return Box::pin(script::execute(connection, script, pending, drained)).await;
                }
                script::reply(fault, details, redirect_source(&head, context))
                    .expect("a fault must be a script or a reply")
            }
        };
        if !decision.delay.is_zero() {
            tokio::select! {
                biased;
                () = sleep(decision.delay) => {}
                // The client does not wait any longer.
                () = connection.disconnected() => return,
            }
        }
        let options = ReplyOptions {
            head_only: head.method == Method::HEAD,
            // A client that expects `100 Continue` gets the final reply instead, and may then send
            // its body or not (RFC 9110, 10.1.1): the next request could not be told from it.
            keep_alive: head.keep_alive && !head.expects && !target.is_draining(),
        };
        let (text, body) = reply::text(&reply, &target.identity, *port, options);
        if connection.send(&text).await.is_err() {
            return;
        }
        pending.sent(body);
        pending.complete();
        // Recorded now, not after the next request.
        drop(pending);
        if !options.keep_alive {
            return connection.end(head.body).await;
        }
        if connection.skip(head.body).await.is_err() {
            return;
        }
    }
}

/// Sends the error response to an invalid request head.
async fn refuse<C: Connection>(
    context: &ConnectionContext,
    mut connection: ServerConnection<C>,
    invalid: InvalidHead,
) {
    let mut reply = Reply {
        body: Some(format!("{}\n", invalid.reason)),
        ..Reply::from(invalid.status.as_u16())
    };
    if invalid.status == StatusCode::METHOD_NOT_ALLOWED {
        reply = reply.allowing(reply::ALLOWED_METHODS);
    }
    let options = ReplyOptions {
        head_only: invalid.is_head,
        keep_alive: false,
    };
    let (text, _) = reply::text(&reply, &context.target.identity, context.port, options);
    if connection.send(&text).await.is_ok() {
        // Where the request ends is unknown, so all that follows is discarded.
        connection.end(Framing::ToTheEnd).await;
    }
}

fn redirect_source<'a>(head: &'a RequestHead, context: &ConnectionContext) -> RedirectSource<'a> {
    RedirectSource {
        scheme: context.protocol.scheme(),
        host: head.host.as_deref().unwrap_or("localhost"),
        port: context.port,
        path: &head.path,
        query: &head.query,
    }
}
