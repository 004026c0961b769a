//! One `httpGet` attempt: requests, redirects, body limit, and what each kind of answer means.
//!
//! The texts are those of the Go client that a node uses, since events carry them and people search for them. HTTP is
//! spoken by hand: the client libraries at hand neither say which bytes were malformed nor send headers in Go's order.
//! Only the first try is made here; trying again is [`rules::probe`]'s.

mod quote;
mod request;
mod response;
mod url;

use std::io::ErrorKind;
use std::net::IpAddr;
use std::time::Duration;

use rules::probe::Outcome;
use tokio::io::{AsyncWriteExt, BufReader};

use super::attempt::Report;
use super::dial::dial;
use crate::net::{Host, Stream};
use quote::quote;
use request::Request;
use response::{Fault, Head};
use url::{Scheme, Url};

/// What to ask.
#[derive(Clone, Debug)]
pub(super) struct HttpGet {
    /// Whom, if not the Pod.
    pub(super) host: Option<IpAddr>,
    /// Where, or why the port cannot be told.
    pub(super) port: Result<u16, String>,
    /// A path, perhaps with a query.
    pub(super) path: String,
    /// Further headers, in order.
    pub(super) headers: Vec<(String, String)>,
}

/// Requests in a chain of redirects.
///
/// Rule: `pkg/probe/http/http.go`, `RedirectChecker`.
const REQUESTS: usize = 10;

/// How far an attempt has come; read when its time is up.
struct Progress {
    url: Url,
    reading_body: bool,
}

/// An answer, and the connection with its body still unread.
struct Answer {
    head: Head,
    reader: BufReader<Stream>,
    peers: String,
}

/// Makes one attempt from `node` against the Pod at `ip`; `timeout` covers all of it.
///
/// Rule: `pkg/probe/http/http.go`, `DoHTTPProbe`.
pub(super) async fn attempt(get: &HttpGet, node: &Host, ip: IpAddr, timeout: Duration) -> Report {
    let port = match &get.port {
        Ok(port) => *port,
        Err(why) => return Report::unknown(why),
    };
    let url = Url::of_probe(Scheme::Http, get.host.unwrap_or(ip), port, &get.path);
    let mut progress = Progress {
        url,
        reading_body: false,
    };
    let exchange = exchange(get, node, &mut progress);
    match tokio::time::timeout(timeout, exchange).await {
        Ok(report) => report,
        Err(_) => late(&progress),
    }
}

fn late(progress: &Progress) -> Report {
    const DEADLINE: &str = "context deadline exceeded";
    if progress.reading_body {
        let during = "(Client.Timeout or context cancellation while reading body)";
        return Report::error(format!("{DEADLINE} {during}"));
    }
    let during = "(Client.Timeout exceeded while awaiting headers)";
    failed(&progress.url, &format!("{DEADLINE} {during}"))
}

/// Asks and follows redirects to the same host until there is a final answer.
async fn exchange(get: &HttpGet, node: &Host, progress: &mut Progress) -> Report {
    let first = progress.url.clone();
    let mut request = Request::first(&get.headers);
    let mut from = None;
    for sent in 1.. {
        let mut answer = match send(&request, node, &progress.url, from.as_ref()).await {
            Ok(answer) => answer,
            Err(why) => return failed(&progress.url, &why),
        };
        let Some(location) = answer.head.location() else {
            return conclude(answer, progress).await;
        };
        let location = location.to_owned();
        let next = match progress.url.join(&location) {
            Ok(next) => next,
            Err(why) => return failed(&progress.url, &unparsed(&location, &why)),
        };
        if next.host() != first.host() {
            return conclude(answer, progress).await;
        }
        response::drain(&answer.head, &mut answer.reader).await;
        if sent == REQUESTS {
            return refused(&location, "stopped after 10 redirects");
        }
        request.redirect(&location);
        from = Some(std::mem::replace(&mut progress.url, next));
    }
    unreachable!("the loop must end with the last request")
}

async fn send(
    request: &Request,
    node: &Host,
    url: &Url,
    from: Option<&Url>,
) -> Result<Answer, String> {
    if url.scheme() != Scheme::Http {
        return Err("pocket speaks no TLS".to_owned());
    }
    let head = request.head(url, from)?;
    let mut stream = dial(node, url.address()).await?;
    // A server may answer before it has read all, or reset: reading tells which.
    drop(stream.write_all(&head).await);
    let peers = format!("{}->{}", stream.local(), stream.peer());
    let mut reader = BufReader::new(stream);
    match response::head(&mut reader).await {
        Ok(head) => Ok(Answer {
            head,
            reader,
            peers,
        }),
        Err(fault) => Err(unanswered(&fault, &peers)),
    }
}

/// What the final answer means. An answer that breaks off in its body is an error whatever its status.
async fn conclude(mut answer: Answer, progress: &mut Progress) -> Report {
    progress.reading_body = true;
    let status = answer.head.status;
    let body = match response::body(&answer.head, &mut answer.reader).await {
        Ok(body) => body,
        Err(fault) => return Report::error(broken(&fault, &answer.peers)),
    };
    match status {
        200..300 => Report::new(Outcome::Success, String::new()),
        300..400 => {
            let body = String::from_utf8_lossy(&body);
            let detail = format!("Probe terminated redirects, Response body: {body}");
            Report::new(Outcome::Warning, detail)
        }
        _ => Report::failure(format!("HTTP probe failed with statuscode: {status}")),
    }
}

fn failed(url: &Url, why: &str) -> Report {
    refused(&url.to_string(), why)
}

fn refused(url: &str, why: &str) -> Report {
    Report::failure(format!("Get {}: {why}", quote(url.as_bytes())))
}

fn unparsed(location: &str, why: &str) -> String {
    let location = quote(location.as_bytes());
    format!("failed to parse Location header {location}: {why}")
}

fn unanswered(fault: &Fault, peers: &str) -> String {
    const BROKEN: &str = "net/http: HTTP/1.x transport connection broken";
    match fault {
        Fault::Nothing => "EOF".to_owned(),
        Fault::Cut => format!("{BROKEN}: unexpected EOF"),
        Fault::Malformed(how) => format!("{BROKEN}: {how}"),
        Fault::Io(error) => unread(error, peers),
    }
}

fn broken(fault: &Fault, peers: &str) -> String {
    match fault {
        Fault::Nothing | Fault::Cut => "unexpected EOF".to_owned(),
        Fault::Malformed(how) => how.clone(),
        Fault::Io(error) => unread(error, peers),
    }
}

fn unread(error: &std::io::Error, peers: &str) -> String {
    let why = match error.kind() {
        ErrorKind::ConnectionReset => "connection reset by peer".to_owned(),
        _ => error.to_string(),
    };
    format!("read tcp {peers}: read: {why}")
}

#[cfg(test)]
mod tests;
