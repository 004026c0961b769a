//! A data port's HTTP: asks the target what to do with each request, and does exactly that.
//! A fault is an error to hyper, which then hands the connection back, to be closed or reset.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use crate::behaviour::{Effect, Fault};
use crate::body::Body;
use crate::exchange::Exchange;
use crate::http1::{self, Broken};
use crate::net::Connection;
use crate::port::drained;
use crate::reply;
use crate::target::Target;

/// How long a client may take for a request's headers, or be silent between two requests.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);

/// Serves one connection to its end.
pub(crate) async fn serve<C: Connection>(target: Arc<Target>, port: u16, connection: C) {
    let peer = connection.peer();
    let mut draining = target.draining();
    let service: http1::Service =
        Box::new(move |request| Box::pin(answer(Arc::clone(&target), port, peer, request)));
    let drained = drained(&mut draining);
    let Some((connection, broken)) =
        http1::serve(connection, service, HEADERS_WITHIN, drained).await
    else {
        return;
    };
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
