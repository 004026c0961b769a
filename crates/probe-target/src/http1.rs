//! HTTP/1.1 on one connection, for data ports and the control address alike: hyper is compiled once for both, as a second
//! instance would add 45 KB to the program. What is answered is the caller's business.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};

use crate::body::Body;
use crate::exchange::Exchange;
use crate::net::Connection;
use crate::script::{self, Script};

/// The largest head of a request.
const LARGEST_HEAD: usize = 16 * 1024;

/// What answers a request.
pub(crate) type Service = Box<dyn Fn(Request<Incoming>) -> Answering + Send>;

/// An answer to come, or what the connection suffers instead.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Broken>> + Send>>;

/// What becomes of a connection that meets a fault, taken out of hyper's error where it is played.
#[derive(Debug)]
pub(crate) struct Broken(Mutex<Option<(Script, Exchange)>>);

impl Broken {
    pub(crate) fn new(script: Script, exchange: Exchange) -> Self {
        Self(Mutex::new(Some((script, exchange))))
    }

    fn take(&self) -> Option<(Script, Exchange)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Serves one connection to its end, or until `drained` and what was then in progress is answered.
///
/// `headers_within` is how long a client may take for a request's headers, or be silent between two requests. A connection that met a
/// fault plays it then, until `drained`.
pub(crate) async fn serve<C: Connection>(
    connection: C,
    service: Service,
    headers_within: Duration,
    drained: impl Future<Output = ()>,
) {
    let mut drained = std::pin::pin!(drained);
    let mut served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(headers_within)
        .max_buf_size(LARGEST_HEAD)
        // No wall clock: an answer depends on nothing but the request and the state.
        .auto_date_header(false)
        .serve_connection(TokioIo::new(connection), service_fn(service));
    let ended = tokio::select! {
        biased;
        ended = &mut served => ended,
        () = &mut drained => {
            Pin::new(&mut served).graceful_shutdown();
            (&mut served).await
        }
    };
    // Any other error is the client's: it left, was too slow, or does not speak HTTP.
    if let Some((script, exchange)) = ended.err().and_then(|error| fault(&error)) {
        let connection = served.into_parts().io.into_inner();
        script::play(connection, script, exchange, drained).await;
    }
}

fn fault(error: &hyper::Error) -> Option<(Script, Exchange)> {
    error.source()?.downcast_ref::<Broken>()?.take()
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection meets a fault")
    }
}

impl Error for Broken {}
