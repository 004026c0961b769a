//! `probe-target check`: sends one probe as the kubelet does, with its result as exit code.

mod grpc;

use std::net::SocketAddr;

use tokio::time::timeout;

use crate::cli::check::{Check, CheckKind};
use crate::client;
use crate::client::http1::{Client, Request, RequestError};
use crate::failure::Failure;
use crate::model::duration;
use crate::net::tls::Layer;
use crate::net::{Connection, Network};
use crate::request_target;

const AGENT: &str = concat!("probe-target-check/", env!("CARGO_PKG_VERSION"));

/// Probes once; returns what was observed, or the failure.
pub(crate) async fn run<N: Network>(check: Check, network: &N) -> Result<String, Failure> {
    match timeout(check.timeout, probe(&check, network)).await {
        Ok(result) => result.map_err(Failure::Failed),
        Err(_) => Err(Failure::Failed(format!(
            "no answer within {}",
            duration::format(check.timeout)
        ))),
    }
}

async fn probe<N: Network>(check: &Check, network: &N) -> Result<String, String> {
    let alpn = match check.kind {
        CheckKind::Grpc(_) => "h2",
        CheckKind::Http(_) | CheckKind::Tcp => "http/1.1",
    };
    let alpn = check.secured.then_some(alpn);
    let connection = client::connect(network, check.address, alpn).await;
    let connection = connection.map_err(|error| RequestError::Connect(error).to_string())?;
    match &check.kind {
        CheckKind::Tcp => Ok(format!("connected to {}\n", check.address)),
        CheckKind::Http(path) => http(connection, check.address, path).await,
        CheckKind::Grpc(service) => grpc(connection, check, service).await,
    }
}

async fn grpc<C: Connection>(
    connection: Layer<C>,
    check: &Check,
    service: &str,
) -> Result<String, String> {
    // `health.proto`: SERVING is 1.
    match grpc::status(connection, check, service).await? {
        1 => Ok(format!("`{service}` is SERVING\n")),
        2 => Err(format!("`{service}` is NOT_SERVING")),
        _ => Err(format!("`{service}` is UNKNOWN")),
    }
}

async fn http<C: Connection>(
    connection: Layer<C>,
    address: SocketAddr,
    path: &str,
) -> Result<String, String> {
    let request = Request {
        method: "GET",
        target: &request_target::of_path(path),
        headers: &[
            ("host", &address.to_string()),
            ("user-agent", AGENT),
            ("connection", "close"),
        ],
        body: &[],
    };
    let status = Client::over(connection).status(&request).await;
    let status = status.map_err(|error| error.to_string())?;
    // kubernetes.io/docs › Configure probes › HTTP: 200 up to 399 is success.
    if (200..400).contains(&status) {
        Ok(format!("{path} answers {status}\n"))
    } else {
        Err(format!("{path} answers {status}"))
    }
}
