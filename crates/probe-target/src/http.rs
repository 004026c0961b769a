//! HTTP/1.1 on one data connection: reads requests, asks the target what to do, and does exactly that.
//! A fault is the service's error: it hands the connection back, to be closed or reset.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use crate::behaviour::{Effect, Fault};
use crate::exchange::Exchange;
use crate::net::Connection;
use crate::port::drained;
use crate::reply::{self, Body};
use crate::target::Target;

/// How long a client may take for a request's headers, or be silent between two requests.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);

/// The largest head of a request.
const LARGEST_HEAD: usize = 16 * 1024;

/// How a connection ends that meets a fault.
#[derive(Clone, Copy, Debug)]
enum Broken {
    Close,
    Reset,
}

/// Serves one connection to its end.
pub(crate) async fn serve<C: Connection>(target: Arc<Target>, port: u16, connection: C) {
    let peer = connection.peer();
    let mut draining = target.draining();
    let service = service_fn(|request| Box::pin(answer(Arc::clone(&target), port, peer, request)));
    let mut served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(LARGEST_HEAD)
        // No wall clock: an answer depends on nothing but the request and the state.
        .auto_date_header(false)
        .serve_connection(TokioIo::new(connection), service);
    let ended = tokio::select! {
        biased;
        ended = &mut served => ended,
        () = drained(&mut draining) => {
            std::pin::Pin::new(&mut served).graceful_shutdown();
            (&mut served).await
        }
    };
    let Some(broken) = ended.err().and_then(|error| fault(&error)) else {
        return;
    };
    let connection = served.into_parts().io.into_inner();
    match broken {
        Broken::Reset => connection.reset(),
        Broken::Close => close(connection).await,
    }
}

/// Answers one request, or says how it breaks the connection.
async fn answer(
    target: Arc<Target>,
    port: u16,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Body>, Broken> {
    let (decision, exchange) = target.begin(port, peer, &request);
    match decision.effect {
        Effect::Reply(reply) => {
            pause(decision.delay).await;
            let headers = target.identity.headers(port);
            let head = request.method() == Method::HEAD;
            Ok(reply::respond(reply, headers, head, exchange))
        }
        Effect::Fault(fault) => Err(suffer(&target, fault, decision.delay, exchange).await),
    }
}

/// Waits as the fault demands, and says how the connection ends then.
async fn suffer(target: &Target, fault: Fault, delay: Duration, mut exchange: Exchange) -> Broken {
    let mut draining = target.draining();
    let wait = async {
        pause(delay).await;
        match fault {
            Fault::Hang => std::future::pending().await,
            Fault::Close => Broken::Close,
            Fault::Reset => Broken::Reset,
        }
    };
    let broken = tokio::select! {
        biased;
        // A faulted connection is closed at once when the process ends.
        () = drained(&mut draining) => Broken::Close,
        broken = wait => broken,
    };
    exchange.broken();
    broken
}

/// A timer of zero would still cost a tick.
async fn pause(delay: Duration) {
    if !delay.is_zero() {
        sleep(delay).await;
    }
}

/// Closes with FIN: what the client still sends is read, as unread bytes would make it a RST.
async fn close<C: Connection>(mut connection: C) {
    const PATIENCE: Duration = Duration::from_secs(1);
    let rest = async {
        connection.shutdown().await?;
        let mut bytes = [0; 1024];
        while connection.read(&mut bytes).await? > 0 {}
        std::io::Result::Ok(())
    };
    // Whatever goes wrong, the connection ends here.
    _ = timeout(PATIENCE, rest).await;
}

fn fault(error: &hyper::Error) -> Option<Broken> {
    error.source()?.downcast_ref().copied()
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection meets a fault")
    }
}

impl Error for Broken {}
