//! A data port's HTTP: asks the target what to do with each request, and does exactly that.
//! A fault is an error to hyper, which then hands the connection back.

use std::io;
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
use crate::tls::Layer;

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
        begun = timeout(HEADERS_WITHIN, begin(&target, protocol, connection)) => begun,
    };
    // Too slow, or gone before a byte, or not speaking TLS where it should.
    let Ok(Ok((connection, http2))) = begun else {
        return;
    };
    if http2 || protocol.is_grpc() {
        let site = Site {
            target,
            port,
            protocol,
            peer,
        };
        return http2::serve(site, connection, ending).await;
    }
    let service: http1::Service = Box::new(move |request| {
        Box::pin(answer(Arc::clone(&target), port, protocol, peer, request))
    });
    http1::serve(connection, service, HEADERS_WITHIN, ending).await;
}

/// What is spoken, below HTTP and of HTTP.
async fn begin<C: Connection>(
    target: &Target,
    protocol: Protocol,
    connection: C,
) -> io::Result<(Begun<Layer<C>>, bool)> {
    let layer = target.tls.accept(protocol, connection).await?;
    Begun::new(layer).await
}

/// Answers one request, or says what its connection suffers instead.
async fn answer(
    target: Arc<Target>,
    port: u16,
    protocol: Protocol,
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
            None => reply_of(fault, details, port, protocol, &request)
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
    protocol: Protocol,
    request: &Request<B>,
) -> Option<Reply> {
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok());
    // HTTP/2 has it in the request's own line.
    let host = host.or(request.uri().authority().map(Authority::as_str));
    let asked = Asked {
        scheme: protocol.scheme(),
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
