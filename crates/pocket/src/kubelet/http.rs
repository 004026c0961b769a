//! One `httpGet` of a probe or a hook: sends the request, follows redirects, judges the response.
//!
//! Texts are those of the Go client that a node uses, since events carry them and users search for
//! them. HTTP is written by hand: client libraries neither report which bytes were malformed nor
//! send headers in Go's order. This module makes a single try; [`rules::probe`] decides on retries.

mod client;
mod http2;
mod request;
mod request_error;
mod response;
mod tls;
mod unread_response;
mod url;

use std::net::IpAddr;
use std::time::Duration;

use rules::probe::{self, ProbeOutcome, Scheme};
use rules::url::Url;

use super::dial::dial;
use super::quote::quote;
use super::report::Report;
use crate::net::Host;
use client::Client;
use request::Request;
use request_error::RequestError;
use tls::TlsConnection;
use unread_response::{Connection, UnreadResponse};
use url::{address, is_https, why};

/// The action of an `httpGet` probe or hook.
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
    let url = match url_of(get, get.scheme, ip) {
        Ok(url) => url,
        Err(why) => return Report::unknown(&why),
    };
    let mut progress = Progress::new(url);
    let exchange = async {
        let request = Request::first(&get.headers, Client::Probe);
        match exchange(request, Client::Probe, node, &mut progress).await {
            Ok(response) => judge(response, &mut progress).await,
            Err(error) => Report::failure(error.text),
        }
    };
    match tokio::time::timeout(timeout, exchange).await {
        Ok(report) => report,
        Err(_) => timed_out(&progress),
    }
}

/// Sends the request of a lifecycle hook from `node` to the Pod at `ip`. Any response is a success,
/// and nothing limits the time. The error is Go's text.
///
/// Rule: `pkg/kubelet/lifecycle/handlers.go`, `runHTTPHandler`. Its event `LifecycleHTTPFallback`
/// is not recorded: `FilterEventRecorder` drops events about Pods. Seen on a node 1.36.3.
pub(super) async fn run_hook(get: &HttpGet, node: &Host, ip: IpAddr) -> Result<(), String> {
    let send = async |scheme, headers: &[(String, String)]| {
        let mut progress = Progress::new(url_of(get, scheme, ip)?);
        let request = Request::first(headers, Client::Lifecycle);
        exchange(request, Client::Lifecycle, node, &mut progress).await
    };
    let mut response = send(get.scheme, &get.headers).await;
    if let Err(error) = &response
        && error.is_plain_http
    {
        let mut headers = get.headers.clone();
        headers.retain(|(name, _)| !name.eq_ignore_ascii_case("Authorization"));
        let error = error.clone();
        response = send(Scheme::Http, &headers).await.map_err(|_again| error);
    }
    let response = response.map_err(|error| error.text)?;
    // A body that breaks off is no error.
    drop(response.body.read().await);
    Ok(())
}

fn url_of(get: &HttpGet, scheme: Scheme, ip: IpAddr) -> Result<Url, String> {
    let url = probe::HttpGet {
        scheme,
        host: &get.host.unwrap_or(ip).to_string(),
        port: get.port.clone()?,
        path: &get.path,
    };
    url.url().map_err(|error| why(&error))
}

impl Progress {
    fn new(url: Url) -> Self {
        Self {
            url,
            stage: Stage::Connection,
        }
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
    Report::failure(failed(&progress.url, &during))
}

/// Sends the request and follows redirects on the same host, up to the final response.
async fn exchange(
    mut request: Request,
    client: Client,
    node: &Host,
    progress: &mut Progress,
) -> Result<UnreadResponse, RequestError> {
    let first = progress.url.clone();
    let mut from = None;
    for sent in 1.. {
        let response = send(&request, client, node, progress, from.as_ref()).await;
        let response = response.map_err(|error| error.map(|why| failed(&progress.url, &why)))?;
        let Some(location) = response.location.clone() else {
            return Ok(response);
        };
        let next = match Url::parse(&location) {
            Ok(location) => progress.url.resolve(&location),
            Err(error) => {
                let why = bad_location(&location, &why(&error));
                return Err(failed(&progress.url, &why).into());
            }
        };
        // Compared with the address, not with a custom `Host` header: a location that names the
        // site's public name is not followed.
        if next.host() != first.host() {
            return Ok(response);
        }
        response.body.drain().await;
        if sent == REQUESTS {
            return Err(get_failed(&location, "stopped after 10 redirects").into());
        }
        request.redirect(&location);
        from = Some(std::mem::replace(&mut progress.url, next));
    }
    unreachable!("the loop must end with the last request")
}

/// Sends one request over a new connection.
async fn send(
    request: &Request,
    client: Client,
    node: &Host,
    progress: &mut Progress,
    from: Option<&Url>,
) -> Result<UnreadResponse, RequestError> {
    let url = progress.url.clone();
    progress.stage = Stage::Connection;
    let head = request.head(&url, from)?;
    if !matches!(url.scheme(), "http" | "https") {
        let scheme = quote(url.scheme().as_bytes());
        return Err(format!("unsupported protocol scheme {scheme}").into());
    }
    if url.authority().is_empty() {
        return Err("http: no Host in request URL".to_owned().into());
    }
    // A new connection for every request: the client of probes keeps none.
    let stream = dial(node, address(&url)).await?;
    let addresses = format!("{}->{}", stream.local(), stream.peer());
    let connection: Box<dyn Connection> = if is_https(&url) {
        let tls = TlsConnection::handshake(stream, client).await?;
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
    Ok(unread_response::send(connection, &head, addresses).await?)
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

fn failed(url: &Url, why: &str) -> String {
    get_failed(&url.without_password(), why)
}

fn get_failed(url: &str, why: &str) -> String {
    format!("Get {}: {why}", quote(url.as_bytes()))
}

fn bad_location(location: &str, why: &str) -> String {
    let location = quote(location.as_bytes());
    format!("failed to parse Location header {location}: {why}")
}

#[cfg(test)]
mod tests;
