//! One `httpGet` attempt: sends the request, follows redirects and judges the response.
//!
//! Texts are those of the Go client that a node uses, since events carry them and users search for
//! them. HTTP is written by hand: client libraries neither report which bytes were malformed nor
//! send headers in Go's order. This module makes a single try; [`rules::probe`] decides on retries.

mod http2;
mod quote;
mod request;
mod response;
mod tls;
mod unread_response;
mod url;

use std::net::IpAddr;
use std::time::Duration;

use rules::probe::{self, ProbeOutcome, Scheme};
use rules::url::Url;

use super::dial::dial;
use super::report::Report;
use crate::net::Host;
use quote::quote;
use request::Request;
use tls::TlsConnection;
use unread_response::{Connection, UnreadResponse};
use url::{address, is_https, why};

/// The action of an `httpGet` probe.
#[derive(Clone, Debug)]
pub(super) struct HttpGet {
    /// HTTP or HTTPS.
    pub(super) scheme: Scheme,
    /// The host; by default the Pod.
    pub(super) host: Option<IpAddr>,
    /// The port, or why it does not resolve.
    pub(super) port: Result<u16, String>,
    /// The path, with an optional query.
    pub(super) path: String,
    /// The headers of the specification, in order.
    pub(super) headers: Vec<(String, String)>,
}

/// Maximum number of requests in a chain of redirects.
///
/// Rule: `pkg/probe/http/http.go`, `RedirectChecker`.
const REQUESTS: usize = 10;

/// How far an attempt has come; read when it times out.
struct Progress {
    url: Url,
    stage: Stage,
}

/// What an attempt waits for.
enum Stage {
    Connection,
    Head,
    Body,
}

/// Makes one attempt from `node` against the Pod at `ip`; `timeout` covers all of it.
///
/// Rule: `pkg/probe/http/http.go`, `DoHTTPProbe`.
pub(super) async fn attempt(get: &HttpGet, node: &Host, ip: IpAddr, timeout: Duration) -> Report {
    let port = match &get.port {
        Ok(port) => *port,
        Err(why) => return Report::unknown(why),
    };
    let url = probe::HttpGet {
        scheme: get.scheme,
        host: &get.host.unwrap_or(ip).to_string(),
        port,
        path: &get.path,
    };
    let url = match url.url() {
        Ok(url) => url,
        Err(error) => return Report::unknown(&why(&error)),
    };
    let mut progress = Progress {
        url,
        stage: Stage::Connection,
    };
    let exchange = exchange(get, node, &mut progress);
    match tokio::time::timeout(timeout, exchange).await {
        Ok(report) => report,
        Err(_) => timed_out(&progress),
    }
}

fn timed_out(progress: &Progress) -> Report {
    const DEADLINE: &str = "context deadline exceeded";
    let during = match progress.stage {
        Stage::Body => {
            let during = "(Client.Timeout or context cancellation while reading body)";
            return Report::error(format!("{DEADLINE} {during}"));
        }
        // The most frequent of three texts; on a node a race at the end of the handshake decides.
        Stage::Connection if is_https(&progress.url) => DEADLINE.to_owned(),
        Stage::Connection | Stage::Head => {
            format!("{DEADLINE} (Client.Timeout exceeded while awaiting headers)")
        }
    };
    failed(&progress.url, &during)
}

/// Sends the request and follows redirects on the same host, up to the final response.
async fn exchange(get: &HttpGet, node: &Host, progress: &mut Progress) -> Report {
    let first = progress.url.clone();
    let mut request = Request::first(&get.headers);
    let mut from = None;
    for sent in 1.. {
        let response = match send(&request, node, progress, from.as_ref()).await {
            Ok(response) => response,
            Err(why) => return failed(&progress.url, &why),
        };
        let Some(location) = response.location.clone() else {
            return judge(response, progress).await;
        };
        let next = match Url::parse(&location) {
            Ok(location) => progress.url.resolve(&location),
            Err(error) => return failed(&progress.url, &bad_location(&location, &why(&error))),
        };
        // Compared with the address, not with a custom `Host` header: a location that names the
        // site's public name is not followed.
        if next.host() != first.host() {
            return judge(response, progress).await;
        }
        response.body.drain().await;
        if sent == REQUESTS {
            return get_failed(&location, "stopped after 10 redirects");
        }
        request.redirect(&location);
        from = Some(std::mem::replace(&mut progress.url, next));
    }
    unreachable!("the loop must end with the last request")
}

/// Sends one request over a new connection.
async fn send(
    request: &Request,
    node: &Host,
    progress: &mut Progress,
    from: Option<&Url>,
) -> Result<UnreadResponse, String> {
    let url = progress.url.clone();
    progress.stage = Stage::Connection;
    let head = request.head(&url, from)?;
    if !matches!(url.scheme(), "http" | "https") {
        let scheme = quote(url.scheme().as_bytes());
        return Err(format!("unsupported protocol scheme {scheme}"));
    }
    if url.authority().is_empty() {
        return Err("http: no Host in request URL".to_owned());
    }
    // A new connection for every request: the kubelet's client keeps none.
    let stream = dial(node, address(&url)).await?;
    let addresses = format!("{}->{}", stream.local(), stream.peer());
    let connection: Box<dyn Connection> = if is_https(&url) {
        let tls = TlsConnection::handshake(stream).await?;
        if tls.is_http2() {
            progress.stage = Stage::Head;
            let (head, body) = http2::send(tls, request.http2(&url, from)?).await?;
            return Ok(UnreadResponse::of_http2(&head, body));
        }
        Box::new(tls)
    } else {
        Box::new(stream)
    };
    progress.stage = Stage::Head;
    unread_response::send(connection, &head, addresses).await
}

/// Judges the final response. One whose body breaks off is an error, whatever its status.
async fn judge(response: UnreadResponse, progress: &mut Progress) -> Report {
    progress.stage = Stage::Body;
    let status = response.status;
    let body = match response.body.read().await {
        Ok(body) => body,
        Err(why) => return Report::error(why),
    };
    match status {
        200..300 => Report::new(ProbeOutcome::Success, String::new()),
        300..400 => {
            let body = String::from_utf8_lossy(&body);
            let detail = format!("Probe terminated redirects, Response body: {body}");
            Report::new(ProbeOutcome::Warning, detail)
        }
        _ => Report::failure(format!("HTTP probe failed with statuscode: {status}")),
    }
}

fn failed(url: &Url, why: &str) -> Report {
    get_failed(&url.without_password(), why)
}

fn get_failed(url: &str, why: &str) -> Report {
    Report::failure(format!("Get {}: {why}", quote(url.as_bytes())))
}

fn bad_location(location: &str, why: &str) -> String {
    let location = quote(location.as_bytes());
    format!("failed to parse Location header {location}: {why}")
}

#[cfg(test)]
mod tests;
