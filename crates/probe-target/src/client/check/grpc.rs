//! A client of `grpc.health.v1.Health/Check`. It reads messages alone, so it reports every gRPC
//! error as a response without a status.

use ::http::Request;
use bytes::Bytes;

use crate::cli::check::Check;
use crate::net::Connection;
use crate::server::grpc_health;

/// The serving status of `service`, or an error message.
pub(super) async fn status<C: Connection>(
    connection: C,
    check: &Check,
    service: &str,
) -> Result<u8, String> {
    let handshake = h2::client::handshake(connection).await;
    let (client, connection) = handshake.map_err(|error| error_text(&error))?;
    // Reads and writes for the call, which gets its errors.
    let connection = async {
        _ = connection.await;
        std::future::pending().await
    };
    let status = tokio::select! {
        biased;
        status = call(client, check, service) => status.map_err(|error| error_text(&error))?,
        never = connection => never,
    };
    status.ok_or_else(|| "an answer without a status: the service may be unknown".to_owned())
}

/// Calls Check; `None` if the response has no message.
async fn call(
    mut client: h2::client::SendRequest<Bytes>,
    check: &Check,
    service: &str,
) -> Result<Option<u8>, h2::Error> {
    let scheme = if check.secured { "https" } else { "http" };
    let uri = format!("{scheme}://{}/grpc.health.v1.Health/Check", check.address);
    let request = Request::post(uri)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("user-agent", super::AGENT);
    let request = request.body(()).expect("the parts must be valid");
    let (response, mut sending) = client.send_request(request, false)?;
    sending.send_data(grpc_health::encode_request(service), true)?;
    let mut body = response.await?.into_body();
    let mut message = Vec::new();
    while let Some(data) = body.data().await {
        message.extend_from_slice(&data?);
        if let Some(status) = grpc_health::decode_status(&message) {
            return Ok(Some(status));
        }
    }
    Ok(None)
}

fn error_text(error: &h2::Error) -> String {
    if error.is_io() {
        format!("no whole answer: {error}")
    } else if error.is_reset() || error.is_go_away() && error.is_remote() {
        "the call was cut off".to_owned()
    } else {
        "the answer is not HTTP/2".to_owned()
    }
}
