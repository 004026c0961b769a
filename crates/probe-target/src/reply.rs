//! A healthy reply as hyper sends it: status, identity and given headers, body. Replies that break HTTP are in `script.rs`.

use bytes::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use crate::behaviour::Reply;
use crate::body::Body;
use crate::exchange::Exchange;

/// The response that `reply` describes. With `head` its body stays here, and only its length is said.
pub(crate) fn respond(
    reply: Reply,
    identity: HeaderMap,
    head: bool,
    exchange: Exchange,
) -> Response<Body> {
    let (response, body) = parts(reply, identity, head);
    response.map(|()| Body::of(body, exchange))
}

/// The same in two parts.
pub(crate) fn parts(reply: Reply, identity: HeaderMap, head: bool) -> (Response<()>, Bytes) {
    let status = StatusCode::from_u16(reply.status).expect("a status must be 200–999");
    let body = Bytes::from(reply.body.unwrap_or_else(|| plain(status)));
    let mut headers = identity;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, text);
    for (name, value) in &reply.headers {
        let name = HeaderName::try_from(name).expect("a header's name must have been checked");
        let value = HeaderValue::try_from(value).expect("a header's value must have been checked");
        headers.insert(name, value);
    }
    let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if head && !bodiless {
        headers.insert(header::CONTENT_LENGTH, body.len().into());
    }
    let body = if head || bodiless { Bytes::new() } else { body };
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    (response, body)
}

/// `503 Service Unavailable`, or only the number where there is no such text.
fn plain(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}\n", status.as_u16()),
        None => format!("{}\n", status.as_u16()),
    }
}
