//! `probe-target check`: one probe, as the kubelet would send it, with its verdict as exit code.

mod grpc;

use std::net::SocketAddr;

use tokio::time::timeout;

use crate::cli::check::{Check, Kind};
use crate::client::{Client, Request, Trouble};
use crate::duration;
use crate::failure::Failure;
use crate::net::Network;

const AGENT: &str = concat!("probe-target-check/", env!("CARGO_PKG_VERSION"));

/// Probes once; what was seen, or what was wrong with it.
pub(crate) async fn run<N: Network>(check: Check, network: &N) -> Result<String, Failure> {
    let probe = async {
        match &check.kind {
            Kind::Tcp => tcp(network, check.address).await,
            Kind::Http(path) => http(network, check.address, path).await,
            Kind::Grpc(service) => grpc(network, check.address, service).await,
        }
    };
    match timeout(check.timeout, probe).await {
        Ok(seen) => seen.map_err(Failure::Failed),
        Err(_) => Err(Failure::Failed(format!(
            "no answer within {}",
            duration::format(check.timeout)
        ))),
    }
}

async fn tcp<N: Network>(network: &N, address: SocketAddr) -> Result<String, String> {
    match network.connect(address).await {
        Ok(_) => Ok(format!("connected to {address}\n")),
        Err(error) => Err(Trouble::Connect(error).to_string()),
    }
}

async fn grpc<N: Network>(
    network: &N,
    address: SocketAddr,
    service: &str,
) -> Result<String, String> {
    let connection = network.connect(address).await;
    let connection = connection.map_err(|error| Trouble::Connect(error).to_string())?;
    // `health.proto`: SERVING is 1.
    match grpc::status(connection, &address.to_string(), service).await? {
        1 => Ok(format!("`{service}` is SERVING\n")),
        2 => Err(format!("`{service}` is NOT_SERVING")),
        _ => Err(format!("`{service}` is UNKNOWN")),
    }
}

async fn http<N: Network>(network: &N, address: SocketAddr, path: &str) -> Result<String, String> {
    let request = Request {
        method: "GET",
        target: path,
        headers: &[
            ("host", &address.to_string()),
            ("user-agent", AGENT),
            ("connection", "close"),
        ],
        body: &[],
    };
    let answer = async {
        Client::connect(network, address)
            .await?
            .send(&request)
            .await
    };
    let status = answer.await.map_err(|trouble| trouble.to_string())?.status;
    // kubernetes.io/docs › Configure probes › HTTP: 200 up to 399 is success.
    if (200..400).contains(&status) {
        Ok(format!("{path} answers {status}\n"))
    } else {
        Err(format!("{path} answers {status}"))
    }
}
