//! An HTTP/1.1 client: connects, sends one request after another, and reads the responses.
//! By hand, as a library would add 90 KB to the binary.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;

use tokio::io::{AsyncRead, ReadBuf};

use crate::net::buffered::{Buffered, Framing};
use crate::net::tls::{self, Layer};
use crate::net::{Connection, Network};

/// The largest response head in bytes.
const LARGEST_HEAD: usize = 64 * 1024;

/// A connection that sends one request after another.
#[derive(Debug)]
pub(crate) struct Client<C> {
    stream: Buffered<Layer<C>>,
    keep_alive: bool,
}

/// A request. The caller has validated its parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    /// All headers except `Content-Length`.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
}

/// Called with the status and each piece of the body; the first piece is empty.
pub(crate) type Receive<'a> = dyn FnMut(u16, &[u8]) -> io::Result<()> + Send + 'a;

/// Why there is no complete response.
#[derive(Debug)]
pub(crate) enum RequestError {
    /// The connection could not be established.
    Connect(io::Error),
    /// The kept-alive connection had ended, so the request was not sent.
    Unsent,
    /// The response is incomplete or invalid.
    Response(io::Error),
}

impl<C: Connection> Client<C> {
    /// Connects without TLS.
    pub(crate) async fn connect<N>(network: &N, address: SocketAddr) -> Result<Self, RequestError>
    where
        N: Network<Connection = C>,
    {
        let connection = network
            .connect(address)
            .await
            .map_err(RequestError::Connect)?;
        Ok(Self::over(tls::bare(connection)))
    }

    /// A client over an established connection.
    pub(crate) fn over(connection: Layer<C>) -> Self {
        Self {
            stream: Buffered::new(connection),
            keep_alive: true,
        }
    }

    /// Sends a request, reads and discards the response's body, and returns the status.
    pub(crate) async fn status(&mut self, request: &Request<'_>) -> Result<u16, RequestError> {
        self.send(request, &mut |_, _| Ok(())).await
    }

    /// Sends a request, passes each piece of the response's body with the status to `receive`, and
    /// returns the status.
    pub(crate) async fn send(
        &mut self,
        request: &Request<'_>,
        receive: &mut Receive<'_>,
    ) -> Result<u16, RequestError> {
        if !self.is_idle().await {
            self.keep_alive = false;
            return Err(RequestError::Unsent);
        }
        let answer = self.exchange(request, receive).await;
        self.keep_alive &= answer.is_ok();
        answer.map_err(RequestError::Response)
    }

    /// Whether the connection cannot carry another request.
    pub(crate) fn is_closed(&self) -> bool {
        !self.keep_alive
    }

    /// Whether the connection is open, and has delivered nothing since the last response. A server
    /// may close an idle connection at any time (RFC 9112, 9.3.1): a request that was not sent can
    /// safely go over another connection.
    async fn is_idle(&mut self) -> bool {
        let mut byte = [0];
        let mut byte = ReadBuf::new(&mut byte);
        let connection = &mut self.stream.connection;
        let read = poll_fn(|context| {
            Poll::Ready(AsyncRead::poll_read(
                Pin::new(&mut *connection),
                context,
                &mut byte,
            ))
        });
        read.await.is_pending() && self.stream.read.is_empty()
    }

    async fn exchange(
        &mut self,
        request: &Request<'_>,
        receive: &mut Receive<'_>,
    ) -> io::Result<u16> {
        self.stream.send(&request.text()).await?;
        let mut head = self.head().await?;
        // Skips interim responses.
        while head.status < 200 {
            head = self.head().await?;
        }
        self.keep_alive = head.keep_alive && head.framing != Framing::ToTheEnd;
        let status = head.status;
        // Called before the body, which may never come.
        receive(status, &[])?;
        let whole = self
            .stream
            .body(head.framing, |piece| receive(status, piece));
        whole.await?;
        Ok(status)
    }

    async fn head(&mut self) -> io::Result<ResponseHead> {
        loop {
            if let Some((head, length)) = ResponseHead::parse(&self.stream.read)? {
                self.stream.read.drain(..length);
                return Ok(head);
            }
            if self.stream.read.len() > LARGEST_HEAD {
                return Err(ErrorKind::InvalidData.into());
            }
            self.stream.fill().await?;
        }
    }
}

impl Request<'_> {
    fn text(&self) -> Vec<u8> {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| format!("{name}: {value}\r\n"));
        let length = match self.body.len() {
            0 => String::new(),
            length => format!("content-length: {length}\r\n"),
        };
        let headers: String = headers.collect();
        let line = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let head = format!("{line}{headers}{length}\r\n");
        [head.as_bytes(), self.body].concat()
    }
}

/// The head of a response.
#[derive(Debug, Eq, PartialEq)]
struct ResponseHead {
    status: u16,
    framing: Framing,
    keep_alive: bool,
}

impl ResponseHead {
    /// Parses a head, and returns its length; `None` if it is incomplete.
    fn parse(text: &[u8]) -> io::Result<Option<(Self, usize)>> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Response::new(&mut headers);
        let length = match parsed.parse(text) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(ErrorKind::InvalidData.into()),
        };
        let status = parsed.code.unwrap_or_default();
        let find = |name: &str| {
            let mut headers = parsed.headers.iter();
            headers.find(|header| header.name.eq_ignore_ascii_case(name))
        };
        let is = |name, value: &[u8]| {
            find(name).is_some_and(|header| header.value.eq_ignore_ascii_case(value))
        };
        let framing = match find("content-length") {
            _ if status < 200 || status == 204 || status == 304 => Framing::Length(0),
            _ if is("transfer-encoding", b"chunked") => Framing::Chunked,
            Some(header) => Framing::Length(number(header.value).ok_or(ErrorKind::InvalidData)?),
            None => Framing::ToTheEnd,
        };
        let keep_alive = parsed.version == Some(1) && !is("connection", b"close");
        let head = Self {
            status,
            framing,
            keep_alive,
        };
        Ok(Some((head, length)))
    }
}

fn number(text: &[u8]) -> Option<usize> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

impl RequestError {
    /// The kind of the underlying I/O error, if there is one.
    pub(crate) fn kind(&self) -> Option<ErrorKind> {
        match self {
            Self::Connect(error) | Self::Response(error) => Some(error.kind()),
            Self::Unsent => None,
        }
    }
}

impl std::fmt::Display for RequestError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.kind(), self) {
            (Some(ErrorKind::ConnectionRefused), _) => f.write_str("connection refused"),
            (Some(ErrorKind::ConnectionReset), _) => f.write_str("connection reset"),
            (Some(ErrorKind::UnexpectedEof), _) => f.write_str("closed before a whole answer"),
            (Some(ErrorKind::InvalidData), _) => f.write_str("the answer is not HTTP"),
            (_, Self::Connect(error)) => write!(f, "no connection: {error}"),
            (_, Self::Response(error)) => write!(f, "no whole answer: {error}"),
            (_, Self::Unsent) => f.write_str("the connection had ended"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, status: u16, framing: Framing, keep_alive: bool) {
        let (head, length) = ResponseHead::parse(text.as_bytes()).unwrap().unwrap();
        let expected = ResponseHead {
            status,
            framing,
            keep_alive,
        };
        assert_eq!((head, length), (expected, text.len()));
    }

    #[test]
    fn a_head_says_where_the_body_ends_and_whether_the_connection_stays() {
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n";
        check(chunked, 200, Framing::Chunked, true);
        let closing = "HTTP/1.1 503 \r\ncontent-length: 7\r\nconnection: close\r\n\r\n";
        check(closing, 503, Framing::Length(7), false);
        check("HTTP/1.0 200 OK\r\n\r\n", 200, Framing::ToTheEnd, false);
        check("HTTP/1.1 204 \r\n\r\n", 204, Framing::Length(0), true);
        check("HTTP/1.1 103 Hm\r\n\r\n", 103, Framing::Length(0), true);
    }

    #[test]
    fn what_is_not_http_is_told_from_what_is_not_yet_complete() {
        for partial in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nx: y\r\n"] {
            assert_eq!(
                ResponseHead::parse(partial.as_bytes()).unwrap(),
                None,
                "{partial}"
            );
        }
        for wrong in [
            "SSH-2.0-x\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        ] {
            let error = ResponseHead::parse(wrong.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{wrong}");
        }
    }
}
