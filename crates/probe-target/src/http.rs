//! A data port's HTTP: asks the target what to do with each request, and does exactly that.
//! A fault is an error to hyper, which then hands the connection back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::http::uri::Authority;
use hyper::{Method, Request, Response, header};
use tokio::time::{sleep, timeout};

use crate::begun::Begun;
use crate::behaviour::{Details, Effect, Fault, Reply};
use crate::body::Body;
use crate::http1::{self, Broken};
use crate::http2::{self, Site};
use crate::net::Connection;
use crate::opening::Protocol;
use crate::port::drained;
use crate::reply;
use crate::script::{self, Asked, Step};
use crate::target::Target;

/// How long a client may take for a request's headers, or be silent between two requests.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);

/// Serves one connection to its end.
pub(crate) async fn serve<C: Connection>(
    target: Arc<Target>,
    port: u16,
    protocol: Protocol,
    connection: C,
) {
    let peer = connection.peer();
    let mut draining = target.draining();
    let ending = drained(&mut draining);
    let mut ending = std::pin::pin!(ending);
    let begun = tokio::select! {
        biased;
        () = &mut ending => return,
        begun = timeout(HEADERS_WITHIN, Begun::new(connection)) => begun,
    };
    // Too slow, or gone before a byte.
    let Ok(Ok((connection, http2))) = begun else {
        return;
    };
    if http2 || protocol == Protocol::Grpc {
        let site = Site {
            target,
            port,
            protocol,
            peer,
        };
        return http2::serve(site, connection, ending).await;
    }
    let service: http1::Service =
        Box::new(move |request| Box::pin(answer(Arc::clone(&target), port, peer, request)));
    http1::serve(connection, service, HEADERS_WITHIN, ending).await;
}

/// Answers one request, or says what its connection suffers instead.
async fn answer(
    target: Arc<Target>,
    port: u16,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Body>, Broken> {
    let (decision, exchange) = target.begin(port, peer, &request);
    let headers = target.identity.headers(port);
    let reply = match decision.effect {
        Effect::Reply(reply) => reply,
        Effect::Fault(fault, details) => match script::script(fault, details, &headers) {
            Some(mut script) => {
                if !decision.delay.is_zero() {
                    script.insert(0, Step::Wait(decision.delay));
                }
                return Err(Broken::new(script, exchange));
            }
            None => reply_of(fault, details, port, &request)
                .expect("a fault must be a script or a reply"),
        },
    };
    pause(decision.delay).await;
    let head = request.method() == Method::HEAD;
    Ok(reply::respond(reply, headers, head, exchange))
}

/// The whole reply that a fault is, if it is one.
pub(crate) fn reply_of<B>(
    fault: Fault,
    details: Details,
    port: u16,
    request: &Request<B>,
) -> Option<Reply> {
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok());
    // HTTP/2 has it in the request's own line.
    let host = host.or(request.uri().authority().map(Authority::as_str));
    let asked = Asked {
        host: host.unwrap_or("localhost"),
        port,
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
    };
    script::reply(fault, details, asked)
}

/// A timer of zero would still cost a tick.
pub(crate) async fn pause(delay: Duration) {
    if !delay.is_zero() {
        sleep(delay).await;
    }
}
