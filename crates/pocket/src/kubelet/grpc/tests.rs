//! Attempts against healthy, unhealthy and broken servers on pocket's network.

use std::future::pending;

use axum::http::{HeaderMap, Response};
use bytes::Bytes;
use h2::server::{self, SendResponse};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::*;
use crate::net::Network;
use crate::net::Stream;

const LIMIT: Duration = Duration::from_secs(2);

/// A server's reaction to a call.
#[derive(Clone)]
enum Act {
    /// A health status.
    Say(u8),
    /// A gRPC status in trailers alone.
    End(&'static str, &'static str),
    /// Any other response.
    Http(u16),
    Reset(h2::Reason),
    Hang,
    /// Closes the connection.
    Close,
}

/// Makes one attempt for `service` against a server with these reactions, one a call.
async fn attempt_on(act: Act, service: &str) -> Report {
    attempt_at(service, async |stream| {
        let mut connection = server::handshake(stream).await.unwrap();
        while let Some(Ok((request, reply))) = connection.accept().await {
            let (head, mut body) = request.into_parts();
            let message = body.data().await.unwrap().unwrap();
            assert_eq!(head.uri.path(), "/grpc.health.v1.Health/Check");
            assert_eq!(head.headers["user-agent"], "kube-probe/1.36 grpc-go/1.79.3");
            assert!(message.ends_with(service.as_bytes()));
            assert_eq!(
                message[..5],
                [0, 0, 0, 0, u8::try_from(message.len() - 5).unwrap()]
            );
            if matches!(act, Act::Close) {
                return;
            }
            answer(&act, reply);
        }
    })
    .await
}

fn answer(act: &Act, mut reply: SendResponse<Bytes>) {
    let head = Response::builder().header("content-type", "application/grpc");
    match *act {
        Act::Say(health) => {
            let mut stream = reply.send_response(head.body(()).unwrap(), false).unwrap();
            let message = Bytes::copy_from_slice(&[0, 0, 0, 0, 2, 0x08, health]);
            stream.send_data(message, false).unwrap();
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", "0".parse().unwrap());
            stream.send_trailers(trailers).unwrap();
        }
        Act::End(status, message) => {
            let head = head
                .header("grpc-status", status)
                .header("grpc-message", message);
            reply.send_response(head.body(()).unwrap(), true).unwrap();
        }
        Act::Http(status) => {
            let head = Response::builder()
                .status(status)
                .header("content-type", "text/plain");
            reply.send_response(head.body(()).unwrap(), true).unwrap();
        }
        Act::Reset(reason) => reply.send_reset(reason),
        Act::Hang => {
            tokio::spawn(async move {
                let _kept = reply;
                pending::<()>().await;
            });
        }
        Act::Close => {}
    }
}

/// Makes one attempt against a server with this connection handler.
async fn attempt_at(service: &str, serve: impl AsyncFn(Stream)) -> Report {
    let network = Network::default();
    let ip = IpAddr::from([10, 244, 0, 5]);
    let node = Host::new(network.clone(), [10, 244, 0, 1].into());
    let pod = Host::new(network, ip);
    let mut listener = pod.listen("0.0.0.0:9000".parse().unwrap()).unwrap();
    let grpc = Grpc {
        port: 9000,
        service: service.to_owned(),
    };
    let serving = async {
        loop {
            serve(listener.accept().await.unwrap()).await;
        }
    };
    tokio::select! {
        biased;
        report = attempt(&grpc, &node, ip, LIMIT) => report,
        () = serving => unreachable!("it must serve for ever"),
    }
}

async fn check(act: Act, detail: &str) {
    assert_eq!(
        attempt_on(act, "").await,
        Report::failure(detail.to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn serving_is_the_only_success() {
    let success = Report::new(ProbeOutcome::Success, String::new());
    assert_eq!(attempt_on(Act::Say(1), "").await, success);
    assert_eq!(attempt_on(Act::Say(1), "liveness").await, success);
    check(
        Act::Say(2),
        "service unhealthy (responded with \"NOT_SERVING\")",
    )
    .await;
    check(
        Act::Say(0),
        "service unhealthy (responded with \"UNKNOWN\")",
    )
    .await;
    check(Act::Say(7), "service unhealthy (responded with \"7\")").await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_says_how() {
    let failed = "error: health rpc probe failed: rpc error: code =";
    let unknown = format!("{failed} NotFound desc = unknown service");
    check(Act::End("5", "unknown%20service"), &unknown).await;
    let unimplemented = "error: this server does not implement the grpc health protocol \
                         (grpc.health.v1.Health): no";
    check(Act::End("12", "no"), unimplemented).await;
    let http = "error: this server does not implement the grpc health protocol \
                (grpc.health.v1.Health): \
        unexpected HTTP status code received from server: 404 (Not Found); \
        transport: received unexpected content-type \"text/plain\"";
    check(Act::Http(404), http).await;
    let reset =
        format!("{failed} Canceled desc = stream terminated by RST_STREAM with error code: CANCEL");
    check(Act::Reset(h2::Reason::CANCEL), &reset).await;
    let closed = format!("{failed} Unavailable desc = error reading from server: EOF");
    check(Act::Close, &closed).await;
    check(Act::Hang, "timeout: health rpc did not complete within 2s").await;
}

/// Without a listener the attempt takes the whole timeout.
async fn check_unconnected(attempt: impl Future<Output = Report>) {
    let began = Instant::now();
    let detail = "timeout: failed to connect service \"10.244.0.5:9000\" within 2s: context \
                  deadline exceeded";
    assert_eq!(attempt.await, Report::failure(detail.to_owned()));
    assert_eq!(began.elapsed(), LIMIT);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_speak_http_2_is_not_connected_to() {
    check_unconnected(attempt_at("", async |_| {})).await;
    check_unconnected(attempt_at("", async |_kept| pending().await)).await;
    check_unconnected(attempt_at("", async |mut stream| {
        drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await);
    }))
    .await;
    let node = Host::new(Network::default(), [10, 244, 0, 1].into());
    let grpc = Grpc {
        port: 9000,
        service: String::new(),
    };
    check_unconnected(attempt(&grpc, &node, [10, 244, 0, 5].into(), LIMIT)).await;
}

#[tokio::test(start_paused = true)]
async fn a_port_that_opens_in_time_is_found() {
    let network = Network::default();
    let ip = IpAddr::from([10, 244, 0, 5]);
    let pod = Host::new(network.clone(), ip);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        tokio::time::sleep(LIMIT / 4).await;
        let mut listener = pod.listen("0.0.0.0:9000".parse().unwrap()).unwrap();
        let mut connection = server::handshake(listener.accept().await.unwrap())
            .await
            .unwrap();
        while let Some(Ok((_, reply))) = connection.accept().await {
            answer(&Act::Say(1), reply);
        }
    });
    let grpc = Grpc {
        port: 9000,
        service: String::new(),
    };
    let node = Host::new(network, [10, 244, 0, 1].into());
    let report = attempt(&grpc, &node, ip, LIMIT).await;
    assert_eq!(report.outcome, ProbeOutcome::Success);
}
