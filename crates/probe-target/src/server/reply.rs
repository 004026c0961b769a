//! Serialises a valid reply: status, identity headers, headers and body, for HTTP/1.1 and HTTP/2.
//! `server/script.rs` has the replies that violate HTTP.

use std::borrow::Cow;

use ::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ::http::{Response, StatusCode};
use bytes::Bytes;

use crate::model::behaviour::Reply;
use crate::model::identity::{self, Identity};

/// The `Allow` header of every path: all methods but CONNECT, as far as HTTP defines them.
pub(crate) const ALLOWED_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE";

/// The default content type.
const PLAIN: &str = "text/plain; charset=utf-8";

impl Reply {
    /// Adds the `Allow` header, which every 405 needs.
    pub(crate) fn allowing(mut self, methods: &str) -> Self {
        self.headers.insert("allow".to_owned(), methods.to_owned());
        self
    }
}

/// How a reply is sent over HTTP/1.1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReplyOptions {
    /// Whether it answers a HEAD request: only the body's length is sent.
    pub(crate) head_only: bool,
    /// Whether the connection may carry another request.
    pub(crate) keep_alive: bool,
}

/// The complete response text, and the number of body bytes in it.
pub(crate) fn text(
    reply: &Reply,
    identity: &Identity,
    port: u16,
    options: ReplyOptions,
) -> (Vec<u8>, usize) {
    let status = reply.code();
    let body = reply
        .body
        .as_deref()
        .map_or_else(|| plain(status).into(), Cow::Borrowed);
    let given = |name: &str| {
        let mut names = reply.headers.keys();
        names.any(|given| given.eq_ignore_ascii_case(name))
    };
    // One allocation for a usual reply, and one write of head and body.
    let mut text = Vec::with_capacity(256 + body.len());
    line(status, &mut text);
    identity.write(port, given, &mut text);
    if !given(header::CONTENT_TYPE.as_str()) {
        identity::header(header::CONTENT_TYPE.as_str(), PLAIN.as_bytes(), &mut text);
    }
    for (name, value) in &reply.headers {
        identity::header(&name.to_ascii_lowercase(), value.as_bytes(), &mut text);
    }
    if !options.keep_alive {
        text.extend_from_slice(b"connection: close\r\n");
    }
    if is_bodiless(status) {
        text.extend_from_slice(b"\r\n");
        return (text, 0);
    }
    text.extend_from_slice(b"content-length: ");
    identity::number(body.len(), &mut text);
    text.extend_from_slice(b"\r\n\r\n");
    if options.head_only {
        return (text, 0);
    }
    text.extend_from_slice(body.as_bytes());
    (text, body.len())
}

/// Appends the status line.
pub(crate) fn line(status: StatusCode, text: &mut Vec<u8>) {
    let reason = status.canonical_reason().unwrap_or_default();
    for part in ["HTTP/1.1 ", status.as_str(), " ", reason, "\r\n"] {
        text.extend_from_slice(part.as_bytes());
    }
}

/// The head and the body of a response; the body is empty for a HEAD request.
pub(crate) fn parts(reply: Reply, identity: HeaderMap, head: bool) -> (Response<()>, Bytes) {
    let status = reply.code();
    let body = Bytes::from(reply.body.unwrap_or_else(|| plain(status)));
    let mut headers = identity;
    let text = HeaderValue::from_static(PLAIN);
    headers.insert(header::CONTENT_TYPE, text);
    let given = reply.headers.iter();
    for (name, value) in given.filter(|(name, _)| !is_of_connection(name)) {
        let name = HeaderName::try_from(name).expect("a header's name must have been checked");
        let value = HeaderValue::try_from(value).expect("a header's value must have been checked");
        headers.insert(name, value);
    }
    let bodiless = is_bodiless(status);
    if head && !bodiless {
        headers.insert(header::CONTENT_LENGTH, body.len().into());
    }
    let body = if head || bodiless { Bytes::new() } else { body };
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    (response, body)
}

/// Whether a header is connection-specific and makes an HTTP/2 message malformed (RFC 9113, 8.2.2).
fn is_of_connection(name: &str) -> bool {
    const NAMES: [&str; 4] = ["keep-alive", "proxy-connection", "te", "upgrade"];
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether a response with this status has no body (RFC 9112, 6.3).
fn is_bodiless(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// `503 Service Unavailable`, or only the number if the status has no reason phrase.
fn plain(status: StatusCode) -> String {
    match status.canonical_reason() {
        // RFC 9110, 15.3.6: it has no content.
        _ if status == StatusCode::RESET_CONTENT => String::new(),
        Some(reason) => format!("{} {reason}\n", status.as_u16()),
        None => format!("{}\n", status.as_u16()),
    }
}
