//! Reads an HTTP/1.1 response: status line, headers, and at most 10 KiB of body.
//!
//! It is as lenient and as strict as Go's client: bare line feeds and HTTP/1.0 pass, a status of
//! four digits does not. The meaning of a response is decided elsewhere.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt};

use crate::kubelet::quote::quote;

/// Maximum number of bytes read from a body; a longer body is not an error.
///
/// Rule: `pkg/probe/http/http.go`, `maxRespBodyLength`.
pub(super) const BODY_LIMIT: usize = 10 * 1024;
/// Maximum number of bytes read from the body of a redirect, so that closing does not reset the
/// connection.
const SLURP_LIMIT: u64 = 2 * 1024;
/// Maximum number of bytes of a head: Go's default.
const HEAD_LIMIT: u64 = 10 << 20;

/// Why a response could not be read completely.
#[derive(Debug)]
pub(super) enum ResponseError {
    /// The connection was closed before the first byte.
    Nothing,
    /// The connection was closed within the response.
    Cut,
    /// The bytes are not HTTP.
    Malformed(String),
    /// Reading failed.
    Io(io::Error),
}

/// The status and the headers that matter here.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    length: Length,
    location: Option<String>,
}

/// How the end of a body is determined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Bytes(u64),
    Chunked,
    UntilClose,
}

impl Head {
    /// The target of a redirect: a redirecting status with a `Location`.
    pub(super) fn location(&self) -> Option<&str> {
        let location = self.location.as_deref();
        location.filter(|location| redirects(self.status, location))
    }
}

/// Whether a response with this status redirects to `location`.
pub(super) fn redirects(status: u16, location: &str) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308) && !location.is_empty()
}

/// Reads up to the end of the final head; skips informational heads other than 101.
pub(super) async fn head(reader: &mut (impl AsyncBufRead + Unpin)) -> Result<Head, ResponseError> {
    if reader
        .fill_buf()
        .await
        .map_err(ResponseError::Io)?
        .is_empty()
    {
        return Err(ResponseError::Nothing);
    }
    let mut reader = reader.take(HEAD_LIMIT);
    loop {
        let line = line(&mut reader).await?;
        let status = status(&line).map_err(ResponseError::Malformed)?;
        let fields = fields(&mut reader).await?;
        if !(100..200).contains(&status) || status == 101 {
            return summary(status, &fields).map_err(ResponseError::Malformed);
        }
    }
}

/// Reads the body, or its first 10 KiB.
pub(super) async fn body(
    head: &Head,
    reader: &mut (impl AsyncBufRead + Unpin),
) -> Result<Vec<u8>, ResponseError> {
    let mut body = Vec::new();
    match head.length {
        Length::Chunked => chunks(reader, &mut body).await?,
        Length::UntilClose => {
            let read = reader.take(BODY_LIMIT as u64).read_to_end(&mut body).await;
            read.map_err(ResponseError::Io)?;
        }
        Length::Bytes(length) => exactly(reader, length.min(BODY_LIMIT as u64), &mut body).await?,
    }
    Ok(body)
}

/// Reads and discards a little of a body, so that closing does not reset the connection.
pub(super) async fn drain(head: &Head, reader: &mut (impl AsyncBufRead + Unpin)) {
    if let Length::Bytes(length) = head.length
        && length > SLURP_LIMIT
    {
        return;
    }
    let length = match head.length {
        Length::Bytes(length) => length,
        Length::Chunked | Length::UntilClose => SLURP_LIMIT,
    };
    let mut unwanted = Vec::new();
    // Errors do not matter: the redirect is followed in any case.
    drop(reader.take(length).read_to_end(&mut unwanted).await);
}

/// Reads a line of a head. A partial line before the end or an error counts as one; the next read
/// then fails.
///
/// Rule: Go's `bufio/bufio.go`, `ReadLine`.
async fn line(reader: &mut (impl AsyncBufRead + Unpin)) -> Result<Vec<u8>, ResponseError> {
    let mut line = Vec::new();
    let read = reader.read_until(b'\n', &mut line).await;
    match line.last() {
        None => Err(read.map_or_else(ResponseError::Io, |_| ResponseError::Cut)),
        Some(b'\n') => Ok(without_end(line)),
        Some(_) => Ok(line),
    }
}

/// Reads a line; one without a line end is an error.
async fn whole_line(reader: &mut (impl AsyncBufRead + Unpin)) -> Result<Vec<u8>, ResponseError> {
    let mut line = Vec::new();
    let read = reader.read_until(b'\n', &mut line).await;
    read.map_err(ResponseError::Io)?;
    match line.last() {
        Some(b'\n') => Ok(without_end(line)),
        _ => Err(ResponseError::Cut),
    }
}

fn without_end(mut line: Vec<u8>) -> Vec<u8> {
    line.pop();
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    line
}

/// Rule: Go's `net/http/response.go`, `ReadResponse`.
fn status(line: &[u8]) -> Result<u16, String> {
    let mut parts = line.splitn(2, |byte| *byte == b' ');
    let (version, rest) = (parts.next().unwrap_or_default(), parts.next());
    let Some(rest) = rest else {
        return Err(format!("malformed HTTP response {}", quote(line)));
    };
    let rest = rest.trim_ascii_start();
    let code = rest.split(|byte| *byte == b' ').next().unwrap_or_default();
    let digits = code.len() == 3 && code.iter().all(u8::is_ascii_digit);
    let number = str::from_utf8(code).ok().filter(|_| digits);
    let Some(number) = number.and_then(|code| code.parse().ok()) else {
        return Err(format!("malformed HTTP status code {}", quote(code)));
    };
    match version {
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Ok(number)
        }
        _ => Err(format!("malformed HTTP version {}", quote(version))),
    }
}

/// Reads the header lines; names become lower-case.
async fn fields(
    reader: &mut (impl AsyncBufRead + Unpin),
) -> Result<Vec<(String, String)>, ResponseError> {
    let mut fields = Vec::new();
    loop {
        let line = line(reader).await?;
        if line.is_empty() {
            return Ok(fields);
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            let line = quote(&line);
            return Err(ResponseError::Malformed(format!(
                "malformed MIME header: missing colon: {line}"
            )));
        };
        let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
        let value = String::from_utf8_lossy(line[colon + 1..].trim_ascii()).into_owned();
        fields.push((name, value));
    }
}

fn summary(status: u16, fields: &[(String, String)]) -> Result<Head, String> {
    let values = |name: &str| -> Vec<&str> {
        let named = fields.iter().filter(|field| field.0 == name);
        named.map(|field| field.1.as_str()).collect()
    };
    let chunked = values("transfer-encoding")
        .iter()
        .any(|it| it.eq_ignore_ascii_case("chunked"));
    let length = match status {
        // These have no body, whatever their headers say.
        101..200 | 204 | 304 => Length::Bytes(0),
        _ if chunked => Length::Chunked,
        _ => length(&values("content-length"))?,
    };
    Ok(Head {
        status,
        length,
        location: values("location")
            .first()
            .map(|location| (*location).to_owned()),
    })
}

/// Rule: Go's `net/http/transfer.go`, `fixLength`.
fn length(values: &[&str]) -> Result<Length, String> {
    let Some(first) = values.first() else {
        // As HTTP/1.0 servers do: closing is the end of the body, not an error.
        return Ok(Length::UntilClose);
    };
    // Go takes several equal values as one.
    if values.iter().any(|value| value != first) {
        let got: Vec<String> = values.iter().map(|value| quote(value.as_bytes())).collect();
        let got = got.join(" ");
        return Err(format!(
            "http: message cannot contain multiple Content-Length headers; got [{got}]"
        ));
    }
    let length = first.parse().ok().map(Length::Bytes);
    length.ok_or_else(|| format!("bad Content-Length {}", quote(first.as_bytes())))
}

async fn exactly(
    reader: &mut (impl AsyncRead + Unpin),
    length: u64,
    body: &mut Vec<u8>,
) -> Result<(), ResponseError> {
    let read = reader
        .take(length)
        .read_to_end(body)
        .await
        .map_err(ResponseError::Io)?;
    if u64::try_from(read) == Ok(length) {
        Ok(())
    } else {
        Err(ResponseError::Cut)
    }
}

async fn chunks(
    reader: &mut (impl AsyncBufRead + Unpin),
    body: &mut Vec<u8>,
) -> Result<(), ResponseError> {
    loop {
        let size = chunk_size(&whole_line(reader).await?)?;
        let left = BODY_LIMIT.saturating_sub(body.len()) as u64;
        exactly(reader, size.min(left), body).await?;
        if size >= left {
            return Ok(());
        }
        // An empty line ends a chunk. The last chunk may be followed by trailers, which are
        // discarded.
        if size == 0 {
            return fields(reader).await.map(drop);
        }
        if !whole_line(reader).await?.is_empty() {
            return Err(ResponseError::Malformed(
                "malformed chunked encoding".to_owned(),
            ));
        }
    }
}

fn chunk_size(line: &[u8]) -> Result<u64, ResponseError> {
    let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let size = str::from_utf8(size.trim_ascii()).unwrap_or_default();
    let bad = |_| ResponseError::Malformed("invalid byte in chunk length".to_owned());
    u64::from_str_radix(size, 16).map_err(bad)
}
