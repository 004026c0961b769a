//! The deadline of every call of an API server. What follows the beginning of an answer, such as a watch's events, has none.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use kube::{
    Client,
    client::{Body, ClientBuilder},
};
use tower::{BoxError, Service, timeout::TimeoutLayer};

/// How long any answer may take to begin, a watch's too. An API server's webhooks may take as long.
const LONGEST: Duration = Duration::from_secs(30);

/// A client whose calls fail when their answer does not begin in time.
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
