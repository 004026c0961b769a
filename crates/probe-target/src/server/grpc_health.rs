//! The gRPC service `grpc.health.v1.Health` by hand: Check, Watch and List, a status per service.
//! A service is a route: its status 200 is `SERVING`, 503 `NOT_SERVING`, 404 the gRPC error
//! `NOT_FOUND`, 501 `UNIMPLEMENTED`; any other status is sent as HTTP status without gRPC. A
//! service without a behaviour is `SERVING`, as a path without one answers 200.
//!
//! github.com/grpc/grpc › doc/health-checking.md; github.com/grpc/grpc-proto ›
//! `grpc/health/v1/health.proto`.

use ::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use ::http::{Request, Response, StatusCode};
use bytes::Bytes;
use h2::RecvStream;
use tokio::time::timeout;

use crate::model::behaviour::{Details, Effect};
use crate::server::http2::{BODY_WITHIN, Site, Stream};
use crate::server::script::ScriptStep;
use crate::target::exchange::{Asking, Exchange};

/// The largest message read, as a request contains only a service's name.
const LARGEST_MESSAGE: usize = 4096;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// A route's status in terms of gRPC.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Meaning {
    /// `ServingStatus` of `health.proto`.
    Status(u8),
    /// A gRPC status code.
    Error(u8),
    /// An HTTP status without gRPC.
    Http(u16),
}

const SERVING: Meaning = Meaning::Status(1);
const NOT_SERVING: Meaning = Meaning::Status(2);
const NOT_FOUND: Meaning = Meaning::Error(5);
const UNIMPLEMENTED: Meaning = Meaning::Error(12);

/// Answers one call; returns how the whole connection ends if a fault ends it.
pub(crate) async fn answer(
    site: &Site,
    request: Request<RecvStream>,
    stream: &mut Stream,
) -> Option<ScriptStep> {
    let (head, body) = request.into_parts();
    let request = Request::from_parts(head, ());
    let method = request.uri().path();
    let method = method.strip_prefix("/grpc.health.v1.Health/");
    let asking = |path: String| Asking {
        path: path.into_bytes().into(),
        ..Asking::of(&request)
    };
    let (asking, reply) = match method {
        Some("Check") => return check(site, &asking(service(body).await?), stream).await,
        Some("Watch") => (asking(service(body).await?), "watch"),
        Some("List") => (Asking::of(&request), "list"),
        _ => (Asking::of(&request), "501"),
    };
    let (ails, exchange) = site.note(&asking, reply);
    if let Some(fault) = ails {
        return stream
            .suffer(site, fault, Details::default(), exchange)
            .await;
    }
    match method {
        Some("Watch") => {
            watch(site, &asking, stream, exchange).await;
        }
        Some("List") => {
            let services = site
                .target
                .services(site.port, asking.agent.unwrap_or_default());
            let services = services.iter();
            let message = list(services.map(|(name, effect)| (name.as_str(), meaning(effect))));
            let sent = stream.message(site, &message);
            exchange.ended(sent);
        }
        _ => {
            let sent = stream.mean(site, UNIMPLEMENTED);
            exchange.ended(sent);
        }
    }
    None
}

/// Answers Check: sends the status once.
async fn check(site: &Site, asking: &Asking<'_>, stream: &mut Stream) -> Option<ScriptStep> {
    let (decision, exchange) = site.begin(asking);
    stream.pause(decision.delay).await?;
    match &decision.effect {
        Effect::Fault(fault, details) => stream.suffer(site, *fault, *details, exchange).await,
        effect @ Effect::Reply(_) => {
            let sent = stream.mean(site, meaning(effect));
            exchange.ended(sent);
            None
        }
    }
}

/// Answers Watch: sends the status now and at each change, until the client disconnects.
async fn watch(
    site: &Site,
    asking: &Asking<'_>,
    stream: &mut Stream,
    mut exchange: Exchange,
) -> Option<()> {
    let (mut changes, mut last) = (site.target.changes(), None);
    let agent = asking.agent.unwrap_or_default();
    let mut sending = stream.begin(site)?;
    loop {
        let (effect, until) = site.target.peek(site.port, &asking.path, agent);
        let now = match meaning(&effect) {
            Meaning::Status(status) => status,
            // `health.proto`: SERVICE_UNKNOWN, for a service that may exist later.
            _ => 3,
        };
        if last != Some(now) {
            let message = framed(&status(now));
            let length = message.len();
            sending.send_data(message, false).ok()?;
            exchange.sent(length);
            // The response counts as complete until the next status.
            exchange.complete();
            last = Some(now);
        }
        let clock = site.target.clock;
        let later = async {
            match until {
                Some(moment) => clock.until(moment).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = changes.changed() => {}
            () = later => {}
            _ = std::future::poll_fn(|context| sending.poll_reset(context)) => return None,
        }
    }
}

impl Stream {
    /// Sends a status; returns the body bytes sent, or `None` if the client has disconnected.
    fn mean(&mut self, site: &Site, meaning: Meaning) -> Option<usize> {
        match meaning {
            Meaning::Status(number) => self.message(site, &status(number)),
            Meaning::Error(code) => {
                let mut response = head(site);
                response
                    .headers_mut()
                    .insert(GRPC_STATUS, u16::from(code).into());
                self.0.send_response(response, true).ok().map(|_| 0)
            }
            Meaning::Http(number) => {
                let mut response = site.head();
                *response.status_mut() = StatusCode::from_u16(number).unwrap_or_default();
                self.0.send_response(response, true).ok().map(|_| 0)
            }
        }
    }

    fn begin(&mut self, site: &Site) -> Option<h2::SendStream<Bytes>> {
        self.0.send_response(head(site), false).ok()
    }

    fn message(&mut self, site: &Site, message: &[u8]) -> Option<usize> {
        let mut sending = self.begin(site)?;
        let mut trailers = HeaderMap::new();
        trailers.insert(GRPC_STATUS, HeaderValue::from_static("0"));
        let message = framed(message);
        let length = message.len();
        sending.send_data(message, false).ok()?;
        sending.send_trailers(trailers).ok()?;
        Some(length)
    }
}

/// A response head with the identity headers and gRPC's content type.
pub(crate) fn head(site: &Site) -> Response<()> {
    let mut response = site.head();
    let kind = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn meaning(effect: &Effect) -> Meaning {
    match effect {
        Effect::Reply(reply) => match reply.status {
            200 => SERVING,
            503 => NOT_SERVING,
            404 => NOT_FOUND,
            501 => UNIMPLEMENTED,
            status => Meaning::Http(status),
        },
        Effect::Fault(..) => NOT_SERVING,
    }
}

/// The route of the requested service; `None` if the client disconnects, is too slow, or sends an
/// invalid message.
async fn service(body: RecvStream) -> Option<String> {
    let message = timeout(BODY_WITHIN, message(body)).await.ok()??;
    requested(&message).map(|service| format!("/{service}"))
}

/// Reads the request's body.
async fn message(mut body: RecvStream) -> Option<Vec<u8>> {
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
fn list<'a>(services: impl Iterator<Item = (&'a str, Meaning)>) -> Vec<u8> {
    let mut message = Vec::new();
    for (name, meaning) in services {
        let number = match meaning {
            Meaning::Status(number) => number,
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
pub(crate) fn asking(service: &str) -> Bytes {
    match service {
        "" => framed(&[]),
        service => framed(&field(1, service.as_bytes())),
    }
}

/// Parses the status in a framed `HealthCheckResponse`, once it is complete. The message omits 0,
/// UNKNOWN.
pub(crate) fn answered(bytes: &[u8]) -> Option<u8> {
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
