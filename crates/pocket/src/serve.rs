//! Serves the API on connections, and bounds what one connection may cost.
//!
//! Clients in the same process call the router and need none of this.

mod cross_site;
mod lingering;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::response::{IntoResponse, Response};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::api_status::ApiError;
use crate::net::{Listener, sockets};
use crate::tasks::Tasks;
use lingering::Lingering;

/// The address of the API: that of this machine alone, as the API knows no users.
pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// How long a connection may take to send the head of a request, or wait for the next one.
///
/// Rule: `staging/src/k8s.io/apiserver/pkg/server/secure_serving.go`, `IdleTimeout`. The limit for
/// the head alone is 32 s there.
const HEAD_TIMEOUT: Duration = Duration::from_secs(90);

/// How long a request may take until its response begins; the rest of a watch does not count.
///
/// Rule: `staging/src/k8s.io/apiserver/pkg/server/config.go`, `RequestTimeout`.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// Listens on a port of [`ADDRESS`]; port 0 picks a free one. Must be called inside a runtime.
pub(crate) fn listen(port: u16) -> std::io::Result<TcpListener> {
    sockets::listen(SocketAddr::from((ADDRESS, port)))
}

/// Serves the connections to a socket, forever.
pub(crate) async fn sockets(listener: TcpListener, router: Router, connections: Tasks) {
    loop {
        let socket = sockets::accept(&listener).await;
        connections.spawn(connection(Lingering::new(socket), router.clone()));
    }
}

/// Serves the connections of the cluster's own network until that ends.
pub(crate) async fn network(mut listener: Listener, router: Router, connections: Tasks) {
    while let Ok(stream) = listener.accept().await {
        connections.spawn(connection(stream, router.clone()));
    }
}

/// Serves one connection to its end.
async fn connection(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router) {
    let service = service_fn(|request| {
        let router = router.clone();
        async { Ok::<_, Infallible>(answer(request, router).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(io), service)
        .with_upgrades();
    if let Err(error) = served.await {
        // The client has left, was too slow, or does not speak HTTP.
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn answer(request: Request<Incoming>, router: Router) -> Response {
    if let Err(refused) = cross_site::refuse(request.headers()) {
        return refused.into_response();
    }
    match tokio::time::timeout(REQUEST_TIMEOUT, router.oneshot(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => {
            let message = "Timeout: request did not complete within the allotted timeout";
            ApiError::new(504, "Timeout", message).into_response()
        }
    }
}

#[cfg(test)]
mod tests;
