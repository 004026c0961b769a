//! A timeout for the response headers of every API call; bodies, such as watch events, have none.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use kube::{
    Client,
    client::{Body, ClientBuilder},
};
use tower::{BoxError, Service, timeout::TimeoutLayer};

/// The maximum time until a response begins, also of a watch. An API server's webhooks may take
/// this long.
const LONGEST: Duration = Duration::from_secs(30);

/// Builds a client whose calls fail if the response does not begin in time.
pub(super) fn client<S, B>(builder: ClientBuilder<S>) -> Client
where
    S: Service<Request<Body>, Response = Response<B>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    builder.with_layer(&TimeoutLayer::new(LONGEST)).build()
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, future};

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_never_answered_fails() {
        let silent = |_: Request<Body>| future::pending::<Result<Response<Body>, Infallible>>();
        let client = client(ClientBuilder::new(tower::service_fn(silent), "default"));
        let begun = Instant::now();
        let failed = client.apiserver_version().await.unwrap_err();
        assert_eq!(begun.elapsed().as_secs(), LONGEST.as_secs());
        assert!(format!("{failed:?}").contains("Elapsed"), "{failed:?}");
    }
}
