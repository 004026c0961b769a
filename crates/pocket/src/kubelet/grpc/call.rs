//! One call of `grpc.health.v1.Health/Check`: the encoded request and the decoded response.
//!
//! The two messages have one field each, so they are encoded by hand.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::{Request, header};
use bytes::{BufMut, Bytes, BytesMut};
use h2::RecvStream;

use super::session::Session;
use super::status::{Code, Status};
use crate::kubelet::recorded_stream::ReadRecord;

const USER_AGENT: &str = "kube-probe/1.36 grpc-go/1.79.3";
/// Length of the prefix of a message: a compression flag and the message's length in four bytes.
const PREFIX: usize = 5;

/// Checks a service. Returns its serving status as a number.
pub(super) async fn check(
    session: Session,
    address: SocketAddr,
    service: &str,
    limit: Duration,
) -> Result<u64, Status> {
    let Session {
        mut sender,
        mut connection,
        seen,
        addresses,
    } = session;
    let call = async {
        let (answer, mut stream) = sender.send_request(request(address, limit), false)?;
        stream.send_data(message(service), true)?;
        let (head, body) = answer.await?.into_parts();
        let refused = Status::of_head(head.status, &head.headers).err();
        match refused.or_else(|| Status::of_end(&head.headers)?.err()) {
            Some(status) => Ok(Err(status)),
            None => read(body).await,
        }
    };
    tokio::pin!(call);
    let result = tokio::select! {
        biased;
        result = &mut call => result,
        // The call also sees the end of the connection.
        _ = &mut connection => call.await,
    };
    result.unwrap_or_else(|error| Err(connection_error(&error, &seen, &addresses)))
}

fn request(address: SocketAddr, limit: Duration) -> Request<()> {
    Request::post(format!("http://{address}/grpc.health.v1.Health/Check"))
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::TE, "trailers")
        .header("grpc-timeout", format!("{}m", limit.as_millis()))
        .body(())
        .expect("a request of constants and an address must be one")
}

/// A `HealthCheckRequest`, whose only field is the service.
fn message(service: &str) -> Bytes {
    let mut message = BytesMut::new();
    if !service.is_empty() {
        message.put_u8(0x0a);
        put_varint(&mut message, service.len());
        message.put_slice(service.as_bytes());
    }
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap_or_default());
    framed.put(message);
    framed.freeze()
}

fn put_varint(message: &mut BytesMut, mut value: usize) {
    while value > 0x7f {
        message.put_u8(u8::try_from(value & 0x7f | 0x80).unwrap_or_default());
        value >>= 7;
    }
    message.put_u8(u8::try_from(value).unwrap_or_default());
}

/// Reads the response message, and the call's status from the trailers.
async fn read(mut body: RecvStream) -> Result<Result<u64, Status>, h2::Error> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        // Fails only if the stream has ended, which needs no more window.
        drop(body.flow_control().release_capacity(chunk.len()));
        bytes.put(chunk);
    }
    let trailers = body.trailers().await?;
    Ok(match trailers.as_ref().and_then(Status::of_end) {
        Some(Ok(())) => parse(&bytes),
        Some(Err(status)) => Err(status),
        None => Err(Status::new(
            Code::INTERNAL,
            "server closed the stream without sending trailers",
        )),
    })
}

/// Decodes a `HealthCheckResponse`, whose only field is the status; an absent status is zero.
fn parse(bytes: &[u8]) -> Result<u64, Status> {
    let unreadable = |why: &str| Status::new(Code::INTERNAL, why);
    match bytes.split_at_checked(PREFIX) {
        Some(([0, ..], [0x08, value @ ..])) => varint(value).ok_or_else(|| unreadable(MALFORMED)),
        Some(([0, ..], [])) => Ok(0),
        Some(([0, ..], _)) => Err(unreadable(MALFORMED)),
        Some(_) => Err(unreadable(
            "grpc: compressed flag set with identity or empty encoding",
        )),
        None => Err(unreadable(
            "cardinality violation: received no response message from non-server-streaming RPC",
        )),
    }
}

const MALFORMED: &str =
    "grpc: failed to unmarshal the received message: proto: cannot parse invalid wire-format data";

fn varint(bytes: &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for (place, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn connection_error(error: &h2::Error, seen: &ReadRecord, addresses: &str) -> Status {
    match error.reason().filter(|_| error.is_reset()) {
        Some(reason) => Status::of_reset(reason),
        None if seen.reset() => {
            let why = format!("read tcp {addresses}: read: connection reset by peer");
            Status::new(
                Code::UNAVAILABLE,
                format!("error reading from server: {why}"),
            )
        }
        None => Status::new(Code::UNAVAILABLE, "error reading from server: EOF"),
    }
}
