//! A client of `grpc.health.v1.Health/Check`, frame by frame, without an HTTP/2 library.
//! It does not decompress headers, so it reports a gRPC error as a response without a status.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::cli::check::Check;
use crate::net::Connection;
use crate::server::grpc_health;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// The largest frame that a peer may send by default (RFC 9113, 4.2).
const LARGEST_FRAME: usize = 16_384;

/// The serving status of `service`, or an error message.
pub(super) async fn status<C: Connection>(
    mut connection: C,
    check: &Check,
    service: &str,
) -> Result<u8, String> {
    let wrong = |error: std::io::Error| format!("no whole answer: {error}");
    let request = request(check, service);
    connection.write_all(&request).await.map_err(wrong)?;
    connection.flush().await.map_err(wrong)?;
    let mut answer = Vec::new();
    loop {
        let mut head = [0; 9];
        connection.read_exact(&mut head).await.map_err(wrong)?;
        let [a, b, c, kind, flags, ..] = head;
        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        if length > LARGEST_FRAME {
            return Err("the answer is not HTTP/2".to_owned());
        }
        let mut payload = vec![0; length];
        connection.read_exact(&mut payload).await.map_err(wrong)?;
        match kind {
            SETTINGS | PING if flags & ACK == 0 => {
                let kept = if kind == PING { &payload[..] } else { &[] };
                let ack = frame(kind, ACK, 0, kept);
                connection.write_all(&ack).await.map_err(wrong)?;
                connection.flush().await.map_err(wrong)?;
            }
            DATA => answer.extend(payload),
            RST_STREAM | GOAWAY => return Err("the call was cut off".to_owned()),
            _ => {}
        }
        if let Some(status) = grpc_health::decode_status(&answer) {
            return Ok(status);
        }
        if matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
            return Err("an answer without a status: the service may be unknown".to_owned());
        }
    }
}

fn request(check: &Check, service: &str) -> Vec<u8> {
    let authority = &check.address.to_string();
    let scheme = if check.secured { "https" } else { "http" };
    let headers = [
        (":method", "POST"),
        (":scheme", scheme),
        (":path", "/grpc.health.v1.Health/Check"),
        (":authority", authority),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("user-agent", super::AGENT),
    ];
    let headers: Vec<u8> = headers
        .iter()
        .flat_map(|(name, value)| literal(name, value))
        .collect();
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(SETTINGS, 0, 0, &[]),
        frame(HEADERS, END_HEADERS, 1, &headers),
        frame(DATA, END_STREAM, 1, &grpc_health::encode_request(service)),
    ]
    .concat()
}

/// Encodes a header literally, without indexing (RFC 7541, 6.2.2). All names and values here are
/// shorter than 127 bytes.
fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut literal = vec![0];
    for text in [name, value] {
        literal.push(u8::try_from(text.len()).unwrap_or(0));
        literal.extend_from_slice(text.as_bytes());
    }
    literal
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(0).to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}
