//! A small HTTP/1.1 server.

use std::{collections::BTreeMap, io, net::SocketAddr, sync::Arc};

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::connections::serve_each;
use crate::system::{Connection, Listener, System};

/// A request without its body.
pub(super) struct Request {
    pub(super) path: String,
    /// The query's values by name, decoded.
    pub(super) query: BTreeMap<String, String>,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) peer: SocketAddr,
}

/// An answer.
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Response {
    pub(super) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }
}

/// Answers requests.
pub(super) type Handler = Arc<dyn Fn(Request) -> BoxFuture<'static, Response> + Send + Sync>;

/// The largest head of a request.
const LARGEST_HEAD: usize = 64 * 1024;

/// Listens on a port and serves it for ever. Returns the exit code if it cannot listen.
pub(super) async fn serve(system: &Arc<dyn System>, port: u16, handler: Handler) -> i32 {
    let Some(listener) = listen(&**system, port).await else {
        return 1;
    };
    let serve = |connection: Box<dyn Connection>| {
        let (peer, handler) = (connection.peer(), Arc::clone(&handler));
        async move { drop(serve_connection(connection, peer, handler).await) }
    };
    match serve_each(listener, serve).await {}
}

/// Listens on a port. Logs why it cannot.
pub(super) async fn listen(system: &dyn System, port: u16) -> Option<Box<dyn Listener>> {
    let refused = |error| log(system, &format!("listen tcp :{port}: {error}"));
    system.listen(port).await.map_err(refused).ok()
}

/// Answers the requests of one connection.
pub(super) async fn serve_connection(
    mut connection: impl AsyncRead + AsyncWrite + Unpin,
    peer: SocketAddr,
    handler: Handler,
) -> io::Result<()> {
    let mut received = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = received.windows(4).position(|it| it == b"\r\n\r\n") {
                break end + 4;
            }
            if received.len() > LARGEST_HEAD || connection.read_buf(&mut received).await? == 0 {
                return Ok(());
            }
        };
        let head = String::from_utf8_lossy(&received[..end]).into_owned();
        received.drain(..end);
        let Some((method, request)) = parse(&head, peer) else {
            let refusal = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
            return connection.write_all(refusal).await;
        };
        let header = |name: &str| request.headers.get(name).map_or("", String::as_str);
        let length: usize = header("content-length").parse().unwrap_or(0);
        let closes = header("connection").eq_ignore_ascii_case("close");
        while received.len() < length {
            if connection.read_buf(&mut received).await? == 0 {
                return Ok(());
            }
        }
        received.drain(..length);
        let response = handler(request).await;
        let answer = written(&response, closes, method == "HEAD");
        connection.write_all(&answer).await?;
        connection.flush().await?;
        if closes {
            return connection.shutdown().await;
        }
    }
}

fn parse(head: &str, peer: SocketAddr) -> Option<(String, Request)> {
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    words.next()?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let query = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    });
    let request = Request {
        path: decoded(path),
        query: query.collect(),
        headers: headers.collect(),
        peer,
    };
    Some((method, request))
}

fn written(response: &Response, closes: bool, without_body: bool) -> Vec<u8> {
    let reason = match response.status {
        200 => "OK",
        302 => "Found",
        400 => "Bad Request",
        404 => "Not Found",
        412 => "Precondition Failed",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Status",
    };
    let mut lines = vec![format!("HTTP/1.1 {} {reason}", response.status)];
    let headers = response.headers.iter();
    lines.extend(headers.map(|(name, value)| format!("{name}: {value}")));
    lines.push(format!("Content-Length: {}", response.body.len()));
    if closes {
        lines.push("Connection: close".to_owned());
    }
    let mut bytes = (lines.join("\r\n") + "\r\n\r\n").into_bytes();
    if !without_body {
        bytes.extend_from_slice(&response.body);
    }
    bytes
}

/// A path or a part of a query without percent escapes.
pub(super) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut result, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let digits = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten();
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let plain = if bytes[at] == b'+' { b' ' } else { bytes[at] };
        result.push(escaped.unwrap_or(plain));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&result).into_owned()
}

/// Writes a line of the log, as Go's `log` does, without the time.
pub(super) fn log(system: &dyn System, line: &str) {
    system.print(crate::system::Stream::Error, format!("{line}\n").as_bytes());
}
