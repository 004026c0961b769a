//! A response over HTTP/1.1 or HTTP/2 with its body unread, and Go's texts for broken responses.

use std::borrow::Cow;
use std::io::ErrorKind;

use axum::http::header;
use axum::http::response::Parts;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};

use super::http2;
use super::response::{self, Head, ResponseError};

/// A response, and the connection with its body still unread.
pub(super) struct UnreadResponse {
    pub(super) status: u16,
    /// The target of a redirect, if the response is one.
    pub(super) location: Option<String>,
    pub(super) body: Body,
}

pub(super) enum Body {
    Text {
        head: Head,
        reader: BufReader<Box<dyn Connection>>,
        addresses: String,
    },
    Http2(http2::Body),
}

/// The connection that HTTP/1.1 runs over.
pub(super) trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<W: AsyncRead + AsyncWrite + Send + Unpin> Connection for W {}

/// Size of the buffer that a response is read through, in bytes. All Pods of a workload are often
/// probed at once, and most responses are small.
const BUFFER: usize = 1024;

/// Sends the head of a request and reads the head of the response.
pub(super) async fn send(
    mut connection: Box<dyn Connection>,
    head: &[u8],
    addresses: String,
) -> Result<UnreadResponse, String> {
    // A server may answer before it has read everything, or reset: reading shows which.
    drop(connection.write_all(head).await);
    drop(connection.flush().await);
    let mut reader = BufReader::with_capacity(BUFFER, connection);
    match response::head(&mut reader).await {
        Ok(head) => Ok(UnreadResponse {
            status: head.status,
            location: head.location().map(str::to_owned),
            body: Body::Text {
                head,
                reader,
                addresses,
            },
        }),
        Err(error) => Err(no_response(&error, &addresses)),
    }
}

impl UnreadResponse {
    pub(super) fn of_http2(head: &Parts, body: http2::Body) -> Self {
        let status = head.status.as_u16();
        let location = head.headers.get(header::LOCATION);
        let location = location.map(|location| String::from_utf8_lossy(location.as_bytes()));
        let location = location.map(Cow::into_owned);
        Self {
            status,
            location: location.filter(|location| response::redirects(status, location)),
            body: Body::Http2(body),
        }
    }
}

impl Body {
    /// Reads the body, at most 10 KiB of it. The error is Go's text.
    pub(super) async fn read(self) -> Result<Vec<u8>, String> {
        match self {
            Self::Text {
                head,
                mut reader,
                addresses,
            } => {
                let body = response::body(&head, &mut reader).await;
                body.map_err(|error| broken_body(&error, &addresses))
            }
            Self::Http2(body) => body.read().await,
        }
    }

    /// Reads and discards a little of an HTTP/1.1 body; an HTTP/2 stream is dropped unread.
    pub(super) async fn drain(self) {
        if let Self::Text {
            head, mut reader, ..
        } = self
        {
            response::drain(&head, &mut reader).await;
        }
    }
}

fn no_response(error: &ResponseError, addresses: &str) -> String {
    const BROKEN: &str = "net/http: HTTP/1.x transport connection broken";
    match error {
        ResponseError::Nothing => "EOF".to_owned(),
        ResponseError::Cut => format!("{BROKEN}: unexpected EOF"),
        ResponseError::Malformed(how) => format!("{BROKEN}: {how}"),
        ResponseError::Io(error) => read_error(error, addresses),
    }
}

fn broken_body(error: &ResponseError, addresses: &str) -> String {
    match error {
        ResponseError::Nothing | ResponseError::Cut => "unexpected EOF".to_owned(),
        ResponseError::Malformed(how) => how.clone(),
        ResponseError::Io(error) => read_error(error, addresses),
    }
}

fn read_error(error: &std::io::Error, addresses: &str) -> String {
    let why = match error.kind() {
        ErrorKind::ConnectionReset => "connection reset by peer".to_owned(),
        _ => error.to_string(),
    };
    format!("read tcp {addresses}: read: {why}")
}
