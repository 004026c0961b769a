//! The gRPC service `grpc.health.v1.Health` by hand: Check, Watch and List, a status per service.
//! A service is a route: its status 200 is `SERVING`, 503 `NOT_SERVING`, 404 the gRPC error
//! `NOT_FOUND`, 501 `UNIMPLEMENTED`; any other status is sent as HTTP status without gRPC. A
//! service without a behaviour is `SERVING`, as a path without one answers 200.
//!
//! github.com/grpc/grpc › doc/health-checking.md; github.com/grpc/grpc-proto ›
//! `grpc/health/v1/health.proto`. The encoding is protobuf.dev › Encoding, the framing
//! github.com/grpc/grpc › doc/PROTOCOL-HTTP2.md.

use ::http::header::{HeaderMap, HeaderName, HeaderValue};
use ::http::{Request, StatusCode};
use bytes::Bytes;
use h2::{RecvStream, SendStream};
use tokio::time::timeout;

use crate::model::behaviour::{Details, Effect};
use crate::server::connection_context::ConnectionContext;
use crate::server::http2_stream::{BODY_TIMEOUT, Stream, grpc_head};
use crate::server::script::ConnectionEnd;
use crate::target::pending_request::{PendingRequest, RequestInfo};

/// The largest message read, as a request contains only a service's name.
const LARGEST_MESSAGE: usize = 4096;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// A route's status in terms of gRPC.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Health {
    /// `ServingStatus` of `health.proto`.
    Status(u8),
    /// A gRPC status code.
    Error(u8),
    /// An HTTP status without gRPC.
    Http(u16),
}

const SERVING: Health = Health::Status(1);
const NOT_SERVING: Health = Health::Status(2);
const NOT_FOUND: Health = Health::Error(5);
const UNIMPLEMENTED: Health = Health::Error(12);

/// `SERVICE_UNKNOWN` of `health.proto`, which only Watch sends.
const SERVICE_UNKNOWN: u8 = 3;

/// Answers one call; returns how the whole connection ends if a fault ends it.
pub(crate) async fn answer(
    context: &ConnectionContext,
    request: Request<RecvStream>,
    stream: &mut Stream,
) -> Option<ConnectionEnd> {
    let (head, body) = request.into_parts();
    let request = Request::from_parts(head, ());
    let method = request.uri().path();
    let method = method.strip_prefix("/grpc.health.v1.Health/");
    let of_service = |path: String| RequestInfo {
        path: path.into_bytes().into(),
        ..RequestInfo::of(&request)
    };
    let (info, reply) = match method {
        Some("Check") => return check(context, &of_service(service(body).await?), stream).await,
        Some("Watch") => (of_service(service(body).await?), "watch"),
        Some("List") => (RequestInfo::of(&request), "list"),
        _ => (RequestInfo::of(&request), "501"),
    };
    let (fault, pending) = context.begin_unmatched(&info, reply);
    if let Some(fault) = fault {
        let details = Details::default();
        return stream.execute_fault(context, fault, details, pending).await;
    }
    match method {
        Some("Watch") => {
            watch(context, &info, stream, pending).await;
        }
        Some("List") => {
            let agent = info.agent.unwrap_or_default();
            let services = context.target.services(context.port, agent);
            let services = services.iter();
            let message = list(services.map(|(name, effect)| (name.as_str(), health(effect))));
            pending.end(stream.send_message(context, &message));
        }
        _ => pending.end(stream.send_health(context, UNIMPLEMENTED)),
    }
    None
}

/// Answers Check: sends the status once.
async fn check(
    context: &ConnectionContext,
    info: &RequestInfo<'_>,
    stream: &mut Stream,
) -> Option<ConnectionEnd> {
    let (decision, pending) = context.begin(info);
    stream.pause(decision.delay).await?;
    if let Effect::Fault(fault, details) = decision.effect {
        return stream.execute_fault(context, fault, details, pending).await;
    }
    pending.end(stream.send_health(context, health(&decision.effect)));
    None
}

/// Answers Watch: sends the status now and at each change, until the client disconnects.
async fn watch(
    context: &ConnectionContext,
    info: &RequestInfo<'_>,
    stream: &mut Stream,
    mut pending: PendingRequest,
) -> Option<()> {
    let (mut changes, mut last) = (context.target.changes(), None);
    let agent = info.agent.unwrap_or_default();
    let mut sending = stream.begin_messages(context)?;
    loop {
        let (effect, until) = context.target.peek(context.port, &info.path, agent);
        let now = match health(&effect) {
            Health::Status(status) => status,
            // The service may exist later, so the call does not end with an error.
            _ => SERVICE_UNKNOWN,
        };
        if last != Some(now) {
            let message = framed(&status(now));
            let length = message.len();
            sending.send_data(message, false).ok()?;
            pending.sent(length);
            // The response counts as complete until the next status.
            pending.complete();
            last = Some(now);
        }
        tokio::select! {
            biased;
            _ = changes.changed() => {}
            () = context.target.clock.until_some(until) => {}
            _ = std::future::poll_fn(|task| sending.poll_reset(task)) => return None,
        }
    }
}

impl Stream {
    /// Sends a status; returns the body bytes sent, or `None` if the client has disconnected.
    fn send_health(&mut self, context: &ConnectionContext, health: Health) -> Option<usize> {
        let response = match health {
            Health::Status(number) => return self.send_message(context, &status(number)),
            Health::Error(code) => {
                // "Trailers-Only": an error without message is a head that ends the stream.
                let mut response = grpc_head(context);
                let headers = response.headers_mut();
                headers.insert(GRPC_STATUS, u16::from(code).into());
                response
            }
            Health::Http(number) => {
                let mut response = context.head();
                *response.status_mut() = StatusCode::from_u16(number).unwrap_or_default();
                response
            }
        };
        self.0.send_response(response, true).ok().map(|_| 0)
    }

    fn begin_messages(&mut self, context: &ConnectionContext) -> Option<SendStream<Bytes>> {
        self.0.send_response(grpc_head(context), false).ok()
    }

    fn send_message(&mut self, context: &ConnectionContext, message: &[u8]) -> Option<usize> {
        let mut sending = self.begin_messages(context)?;
        let mut trailers = HeaderMap::new();
        trailers.insert(GRPC_STATUS, HeaderValue::from_static("0"));
        let message = framed(message);
        let length = message.len();
        sending.send_data(message, false).ok()?;
        sending.send_trailers(trailers).ok()?;
        Some(length)
    }
}

fn health(effect: &Effect) -> Health {
    match effect {
        Effect::Reply(reply) => match reply.status {
            200 => SERVING,
            503 => NOT_SERVING,
            404 => NOT_FOUND,
            501 => UNIMPLEMENTED,
            status => Health::Http(status),
        },
        Effect::Fault(..) => NOT_SERVING,
    }
}

/// The route of the requested service; `None` if the client disconnects, is too slow, or sends an
/// invalid message.
async fn service(body: RecvStream) -> Option<String> {
    let message = timeout(BODY_TIMEOUT, read(body)).await.ok()??;
    requested(&message).map(|service| format!("/{service}"))
}

/// Reads the request's body.
async fn read(mut body: RecvStream) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.ok()?;
        body.flow_control().release_capacity(data.len()).ok()?;
        message.extend_from_slice(&data);
        if message.len() > LARGEST_MESSAGE {
            return None;
        }
    }
    Some(message)
}

/// Parses a framed `HealthCheckRequest`: field 1, a string. The message omits an empty name.
fn requested(framed: &[u8]) -> Option<String> {
    let (prefix, message) = framed.split_at_checked(5)?;
    let length = u32::from_be_bytes(prefix[1..].try_into().ok()?);
    if prefix[0] != 0 || length as usize != message.len() {
        return None;
    }
    match message {
        [] => Some(String::new()),
        // The tag of field 1 with a length: 1 << 3 | 2.
        [0x0a, rest @ ..] => {
            let (length, name) = varint(rest)?;
            let name = name.get(..length)?;
            String::from_utf8(name.to_vec()).ok()
        }
        _ => None,
    }
}

/// Parses a varint of up to two bytes, which is enough for the largest message.
fn varint(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [low, rest @ ..] if *low < 0x80 => Some((usize::from(*low), rest)),
        [low, high, rest @ ..] if *high < 0x80 => {
            Some((usize::from(*low & 0x7f) | usize::from(*high) << 7, rest))
        }
        _ => None,
    }
}

/// Encodes a `HealthCheckResponse`: field 1, an enum.
fn status(number: u8) -> Vec<u8> {
    vec![0x08, number]
}

/// Encodes a `HealthListResponse`: field 1, a map of name to `HealthCheckResponse`.
fn list<'a>(services: impl Iterator<Item = (&'a str, Health)>) -> Vec<u8> {
    let mut message = Vec::new();
    for (name, health) in services {
        let number = match health {
            Health::Status(number) => number,
            _ => 0,
        };
        let mut entry = field(1, name.as_bytes());
        entry.extend(field(2, &status(number)));
        message.extend(field(1, &entry));
    }
    message
}

/// Encodes a field of bytes with its number and length.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        field.push(0x80 | u8::try_from(length & 0x7f).unwrap_or_default());
        length >>= 7;
    }
    field.push(u8::try_from(length).unwrap_or_default());
    field.extend_from_slice(bytes);
    field
}

/// Encodes a framed `HealthCheckRequest`.
pub(crate) fn encode_request(service: &str) -> Bytes {
    match service {
        "" => framed(&[]),
        service => framed(&field(1, service.as_bytes())),
    }
}

/// Parses the status in a framed `HealthCheckResponse`, once it is complete. The message omits 0,
/// UNKNOWN.
pub(crate) fn decode_status(bytes: &[u8]) -> Option<u8> {
    match bytes {
        [0, 0, 0, 0, 0, ..] => Some(0),
        [0, 0, 0, 0, 2, 0x08, status, ..] => Some(*status),
        _ => None,
    }
}

/// Adds gRPC's prefix to a message: a byte for "not compressed", and the length.
fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).expect("a message must be small");
    [&[0], &length.to_be_bytes()[..], message].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_a_service() {
        let check = |message: &[u8], expected: Option<&str>| {
            assert_eq!(requested(&framed(message)).as_deref(), expected);
        };
        check(b"", Some(""));
        check(b"\x0a\x02ab", Some("ab"));
        check(
            &field(1, "x".repeat(300).as_bytes()),
            Some(&"x".repeat(300)),
        );
        check(b"\x0a\x03ab", None);
        check(b"\x12\x02ab", None);
        assert_eq!(requested(b"\0\0\0\0"), None, "cut within the prefix");
        assert_eq!(requested(b"\x01\0\0\0\0"), None, "compressed");
    }

    #[test]
    fn a_list_has_each_service_with_its_status() {
        let services = [("", SERVING), ("a", NOT_SERVING)];
        let expected = b"\x0a\x06\x0a\0\x12\x02\x08\x01\x0a\x07\x0a\x01a\x12\x02\x08\x02";
        assert_eq!(list(services.into_iter()), expected);
    }
}
