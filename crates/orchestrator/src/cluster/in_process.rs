//! A `kube::Client` that calls the embedded cluster's HTTP router in process, without a socket.

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::Either;
use hyper::{body::Incoming, client::conn as client, server::conn as server};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use kube::{Client, client::Body};
use tower::{BoxError, Service, ServiceExt as _};

/// A client that calls the router directly. Upgrade requests, such as port-forwards, need a
/// connection and get an in-memory one.
pub(super) fn client<R, B>(router: R) -> Client
where
    R: Service<Request<Body>, Response = Response<B>, Error = std::convert::Infallible>
        + Service<Request<Incoming>, Response = Response<B>, Error = std::convert::Infallible>
        + Clone
        + Send
        + 'static,
    <R as Service<Request<Body>>>::Future: Send,
    <R as Service<Request<Incoming>>>::Future: Send,
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let service = tower::service_fn(move |request: Request<Body>| {
        let router = router.clone();
        async move {
            if request.headers().contains_key(header::UPGRADE) {
                return Ok(upgrade(router, request).await?.map(Either::Left));
            }
            let response = router
                .oneshot(request)
                .await
                .unwrap_or_else(|never| match never {});
            Ok::<_, BoxError>(response.map(Either::Right))
        }
    });
    Client::new(service, "default")
}

/// The buffer size of the in-memory connection in each direction, in bytes.
const PIPE: usize = 64 * 1024;

async fn upgrade<R, B>(
    router: R,
    mut request: Request<Body>,
) -> Result<Response<Incoming>, hyper::Error>
where
    R: Service<Request<Incoming>, Response = Response<B>, Error = std::convert::Infallible>
        + Clone
        + Send
        + 'static,
    <R as Service<Request<Incoming>>>::Future: Send,
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (near, far) = tokio::io::duplex(PIPE);
    let service = TowerToHyperService::new(router);
    let served = server::http1::Builder::new().serve_connection(TokioIo::new(far), service);
    tokio::spawn(served.with_upgrades());
    let (mut sender, connection) = client::http1::handshake(TokioIo::new(near)).await?;
    tokio::spawn(connection.with_upgrades());
    // HTTP/1.1 requires a `Host`, and the request's URI is only a path.
    request
        .headers_mut()
        .entry(header::HOST)
        .or_insert(HeaderValue::from_static("pocket"));
    sender.send_request(request).await
}
