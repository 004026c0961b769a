//! `agnhost grpc-health-checking`: a gRPC health service that becomes unhealthy on request.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI8, Ordering},
    },
    time::Duration,
};

use ::http::{HeaderMap, HeaderValue, Request as HttpRequest, Response as HttpResponse};
use bytes::Bytes;
use futures::FutureExt;
use h2::{RecvStream, server::SendResponse};

use tokio::{task::JoinSet, time::Instant};

use super::{
    connections::serve_each,
    flags::Flags,
    http::{self, Handler, Response, log},
};
use crate::system::{Connection, System};

/// What the service knows of its health.
struct Health {
    started: Instant,
    /// Healthy for so long, if it does not stay so.
    healthy_for: Option<Duration>,
    service: String,
    /// What a request has set: 1 for healthy, -1 for unhealthy.
    forced: AtomicI8,
}

/// gRPC's status codes.
const OK: &str = "0";
const NOT_FOUND: &str = "5";
const UNIMPLEMENTED: &str = "12";

/// Serves the health service, and HTTP requests that change it, until one of both fails.
pub(super) async fn run(system: &Arc<dyn System>, flags: &Flags<'_>) -> i32 {
    let delay: i64 = flags.number("delay-unhealthy-sec", -1);
    let health = Arc::new(Health {
        started: Instant::now(),
        healthy_for: u64::try_from(delay).ok().map(Duration::from_secs),
        service: flags.get("service").unwrap_or_default().to_owned(),
        forced: AtomicI8::new(0),
    });
    let (port, http_port) = (flags.number("port", 5000), flags.number("http-port", 8080));
    let changes = http::serve(system, http_port, changer(&health));
    let checks = serve(system, port, &health);
    tokio::select! {
        biased;
        code = changes => code,
        code = checks => code,
    }
}

fn changer(health: &Arc<Health>) -> Handler {
    let health = Arc::clone(health);
    Arc::new(move |request| {
        let forced = match request.path.as_str() {
            "/make-not-serving" => Some(-1),
            "/make-serving" => Some(1),
            _ => None,
        };
        let response = match forced {
            Some(forced) => {
                health.forced.store(forced, Ordering::Relaxed);
                Response::new(200, format!("{:?}", health.started.elapsed()))
            }
            None => Response::new(404, "404 page not found\n"),
        };
        async move { response }.boxed()
    })
}

async fn serve(system: &Arc<dyn System>, port: u16, health: &Arc<Health>) -> i32 {
    let listener = match system.listen(port).await {
        Ok(listener) => listener,
        Err(error) => {
            log(
                &**system,
                &format!("Error while starting the listening service {error}"),
            );
            return 1;
        }
    };
    log(
        &**system,
        &format!("gRPC server starting to listen on :{port}"),
    );
    let serve = |connection| answer_calls(connection, Arc::clone(health));
    match serve_each(listener, serve).await {}
}

async fn answer_calls(connection: Box<dyn Connection>, health: Arc<Health>) {
    let Ok(mut connection) = h2::server::handshake(connection).await else {
        return;
    };
    let mut calls = JoinSet::new();
    while let Some(Ok((request, respond))) = connection.accept().await {
        let health = Arc::clone(&health);
        calls.spawn(async move { drop(answer(request, respond, &health).await) });
    }
}

async fn answer(
    request: HttpRequest<RecvStream>,
    mut respond: SendResponse<Bytes>,
    health: &Health,
) -> Result<(), h2::Error> {
    let path = request.uri().path().to_owned();
    let mut message = Vec::new();
    let mut body = request.into_body();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        body.flow_control().release_capacity(chunk.len())?;
        message.extend_from_slice(&chunk);
    }
    let (status, serving) = health.check(&path, &message);
    let response = HttpResponse::builder().header("content-type", "application/grpc");
    let Ok(response) = response.body(()) else {
        return Ok(());
    };
    let mut stream = respond.send_response(response, false)?;
    if let Some(serving) = serving {
        // A message of two bytes: field 1 is the status.
        let message = vec![0, 0, 0, 0, 2, 8, if serving { 1 } else { 2 }];
        stream.send_data(Bytes::from(message), false)?;
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    if status == NOT_FOUND {
        trailers.insert("grpc-message", HeaderValue::from_static("unknown service"));
    }
    stream.send_trailers(trailers)
}

impl Health {
    /// The status of a call, and whether the service is healthy.
    fn check(&self, path: &str, message: &[u8]) -> (&'static str, Option<bool>) {
        if path != "/grpc.health.v1.Health/Check" {
            return (UNIMPLEMENTED, None);
        }
        // After the prefix of five bytes: the tag of field 1, its length, the service's name.
        let service = message.get(7..).unwrap_or_default();
        if service != self.service.as_bytes() {
            return (NOT_FOUND, None);
        }
        let healthy = match self.forced.load(Ordering::Relaxed) {
            0 => self
                .healthy_for
                .is_none_or(|time| self.started.elapsed() < time),
            forced => forced > 0,
        };
        (OK, Some(healthy))
    }
}
