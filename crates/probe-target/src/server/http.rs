//! HTTP on a data connection: detects HTTP/2, and answers HTTP/1.1 requests as the state decides.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ::http::{Method, StatusCode};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{sleep, timeout};

use crate::model::behaviour::{Effect, Reply};
use crate::model::port_spec::Protocol;
use crate::net::Connection;
use crate::net::buffered::Framing;
use crate::net::tls::Layer;
use crate::server::http1::{Ended, Served};
use crate::server::http2::{self, Site};
use crate::server::port::drained;
use crate::server::reply::{self, Manner};
use crate::server::request_head::{Head, Wrong};
use crate::server::script::{self, Asked, ScriptStep};
use crate::target::Target;

/// The time limit for silence between requests, for a request's headers, for its body, and for each
/// write of a response.
pub(crate) const SILENT: Duration = Duration::from_secs(30);

/// The `Allow` header of every path: all methods but CONNECT, as far as HTTP defines them.
pub(crate) const ALLOWED: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE";

/// Serves one connection to its end and holds its permit. The permit is a parameter, as wrapping
/// this future in another would double its size, and spawning copies it.
pub(crate) async fn serve<C: Connection>(
    target: Arc<Target>,
    port: u16,
    protocol: Protocol,
    connection: C,
    _room: OwnedSemaphorePermit,
) {
    let site = Site {
        peer: connection.peer(),
        target,
        port,
        protocol,
        cut: None,
    };
    let mut draining = site.target.draining();
    let mut ending = std::pin::pin!(drained(&mut draining));
    let begun = tokio::select! {
        biased;
        begun = timeout(SILENT, begin(&site, connection)) => begun,
        () = &mut ending => return,
    };
    match begun {
        Ok(Some((served, false))) if !protocol.is_grpc() => requests(&site, served, ending).await,
        // Boxed, as otherwise every connection's task would be as large as this future.
        Ok(Some((served, _))) => {
            Box::pin(http2::serve(site.clone(), served.into_begun(), ending)).await;
        }
        // Too slow, disconnected before the first byte, or no TLS on a TLS port.
        Ok(None) | Err(_) => {}
    }
}

/// Performs the TLS handshake, if any, and returns whether the client speaks HTTP/2.
async fn begin<C: Connection>(site: &Site, connection: C) -> Option<(Served<Layer<C>>, bool)> {
    let layer = site.target.tls.accept(site.protocol, connection).await;
    let mut served = Served::new(layer.ok()?, SILENT);
    let http2 = served.is_http2().await?;
    Some((served, http2))
}

/// Answers HTTP/1.1 requests, one after another.
async fn requests<C: Connection>(
    site: &Site,
    mut served: Served<C>,
    mut ending: Pin<&mut impl Future<Output = ()>>,
) {
    loop {
        let head = tokio::select! {
            biased;
            head = served.request() => head,
            () = &mut ending => return,
        };
        let head = match head {
            Ok(head) => head,
            Err(Ended::Gone) => return,
            Err(Ended::Wrong(wrong)) => return Box::pin(refuse(site, served, wrong)).await,
        };
        let (decision, mut exchange) = site.target.begin(site.port, site.peer, &head.asking());
        let reply = match decision.effect {
            Effect::Reply(reply) => reply,
            Effect::Fault(fault, details) => {
                let identity = site.target.identity.headers(site.port);
                if let Some(mut script) = script::script(fault, details, &identity) {
                    if head.method == Method::HEAD {
                        script = script::without_body(script);
                    }
                    if !decision.delay.is_zero() {
                        script.insert(0, ScriptStep::Wait(decision.delay));
                    }
                    let connection = served.into_connection();
                    return Box::pin(script::play(connection, script, exchange, ending)).await;
                }
                let asked = asked(&head, site);
                script::reply(fault, details, asked).expect("a fault must be a script or a reply")
            }
        };
        if !decision.delay.is_zero() {
            tokio::select! {
                biased;
                () = sleep(decision.delay) => {}
                // The client does not wait any longer.
                () = served.left() => return,
            }
        }
        let manner = Manner {
            head: head.method == Method::HEAD,
            keeps: head.keeps && !head.expects && !site.target.is_draining(),
        };
        let (text, body) = reply::text(&reply, &site.target.identity, site.port, manner);
        if served.send(&text).await.is_err() {
            return;
        }
        exchange.sent(body);
        exchange.complete();
        drop(exchange);
        if !manner.keeps {
            return served.end(head.body).await;
        }
        if served.skip(head.body).await.is_err() {
            return;
        }
    }
}

/// Sends the error response to an invalid request head.
async fn refuse<C: Connection>(site: &Site, mut served: Served<C>, wrong: Wrong) {
    let mut reply = Reply {
        body: Some(format!("{}\n", wrong.why)),
        ..Reply::from(wrong.status.as_u16())
    };
    if wrong.status == StatusCode::METHOD_NOT_ALLOWED {
        reply = reply.allowing(ALLOWED);
    }
    let manner = Manner {
        head: wrong.is_head,
        keeps: false,
    };
    let (text, _) = reply::text(&reply, &site.target.identity, site.port, manner);
    if served.send(&text).await.is_ok() {
        served.end(Framing::ToTheEnd).await;
    }
}

fn asked<'a>(head: &'a Head, site: &Site) -> Asked<'a> {
    Asked {
        scheme: site.protocol.scheme(),
        host: head.host.as_deref().unwrap_or("localhost"),
        port: site.port,
        path: &head.path,
        query: &head.query,
    }
}

/// Skips a delay of zero, which would still take a tick of the timer.
pub(crate) async fn pause(delay: Duration) {
    if !delay.is_zero() {
        sleep(delay).await;
    }
}
