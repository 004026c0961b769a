//! `probe-target check`: one probe, as the kubelet would send it, with its verdict as exit code.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, header};
use tokio::time::timeout;

use crate::cli::check::{Check, Kind};
use crate::client::{Client, Trouble};
use crate::duration;
use crate::failure::Failure;
use crate::net::Network;

/// Probes once; what was seen, or what was wrong with it.
pub(crate) async fn run<N: Network>(check: Check, network: &N) -> Result<String, Failure> {
    let probe = async {
        match &check.kind {
            Kind::Tcp => tcp(network, check.address).await,
            Kind::Http(path) => http(network, check.address, path).await,
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

async fn http<N: Network>(network: &N, address: SocketAddr, path: &str) -> Result<String, String> {
    let request = Request::get(path)
        .header(header::HOST, address.to_string())
        .header(
            header::USER_AGENT,
            concat!("probe-target-check/", env!("CARGO_PKG_VERSION")),
        )
        .header(header::CONNECTION, "close")
        .body(Full::<Bytes>::default())
        .map_err(|error| error.to_string())?;
    let answer = async { Client::connect(network, address).await?.send(request).await };
    let (status, _) = answer.await.map_err(|trouble| trouble.to_string())?;
    // kubernetes.io/docs › Configure probes › HTTP: 200 up to 399 is success.
    if (200..400).contains(&status.as_u16()) {
        Ok(format!("{path} answers {}\n", status.as_u16()))
    } else {
        Err(format!("{path} answers {}", status.as_u16()))
    }
}
