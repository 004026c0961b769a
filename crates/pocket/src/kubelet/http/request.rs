//! The head of a probe's request, byte for byte as a node sends it.
//!
//! Rule: `pkg/probe/http/request.go` for which headers; Go's `net/http` for their order.

use std::fmt::Write;

use axum::http::{self, Uri};

use super::quote::quote;
use super::url::{Url, is_absolute};

const USER_AGENT: &str = "kube-probe/1.36";

/// A GET with the headers of a probe.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// By canonical name; repeated names in their order.
    headers: Vec<(String, String)>,
    host: Option<String>,
}

/// Headers that are not sent from the list: they are written elsewhere or not at all.
const APART: [&str; 5] = [
    "Host",
    "User-Agent",
    "Content-Length",
    "Transfer-Encoding",
    "Trailer",
];
/// Headers that HTTP/2 has no place for (RFC 9113, 8.2.2).
const OF_CONNECTIONS: [&str; 5] = [
    "Connection",
    "Keep-Alive",
    "Proxy-Connection",
    "Transfer-Encoding",
    "Upgrade",
];
/// Given by us on redirects, unless the probe gives it.
const REFERER: &str = "Referer";

impl Request {
    /// The first request of an attempt.
    pub(super) fn first(headers: &[(String, String)]) -> Self {
        let mut headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (canonical(name), value.clone()))
            .collect();
        let host = first(&headers, "Host").map(str::to_owned);
        for (name, value) in [("User-Agent", USER_AGENT), ("Accept", "*/*")] {
            if first(&headers, name).is_none() {
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
        if first(&headers, "Accept") == Some("") {
            headers.retain(|(name, _)| name != "Accept");
        }
        headers.sort_by(|one, other| one.0.cmp(&other.0));
        Self {
            headers,
            host: host.filter(|host| !host.is_empty()),
        }
    }

    /// Follows a redirect to `location`. A custom host survives only a relative one.
    pub(super) fn redirect(&mut self, location: &str) {
        if is_absolute(location) {
            self.host = None;
        }
    }

    /// The bytes up to the empty line, or why they cannot be sent. `from` is the page that redirected here.
    pub(super) fn head(&self, url: &Url, from: Option<&Url>) -> Result<Vec<u8>, String> {
        self.check()?;
        let mut lines = vec![("Host".to_owned(), self.host(url).to_owned())];
        lines.extend(self.fields(from));
        lines.push(("Connection".to_owned(), "close".to_owned()));
        let mut head = format!("GET {} HTTP/1.1\r\n", url.target());
        for (name, value) in lines {
            write!(head, "{name}: {value}\r\n").expect("a string must take what is written to it");
        }
        head.push_str("\r\n");
        Ok(head.into_bytes())
    }

    /// The same for HTTP/2, which has the host in its own place and no headers about the connection.
    pub(super) fn http2(&self, url: &Url, from: Option<&Url>) -> Result<http::Request<()>, String> {
        self.check()?;
        let uri = Uri::builder()
            .scheme("https")
            .authority(self.host(url))
            .path_and_query(url.target())
            .build()
            .map_err(|error| error.to_string())?;
        let mut request = http::Request::get(uri);
        for (name, value) in self.fields(from) {
            if !OF_CONNECTIONS.contains(&name.as_str()) {
                request = request.header(name, value);
            }
        }
        request.body(()).map_err(|error| error.to_string())
    }

    fn check(&self) -> Result<(), String> {
        let Some((name, _)) = self.headers.iter().find(|(_, value)| is_bad(value)) else {
            return Ok(());
        };
        let name = quote(name.as_bytes());
        Err(format!("net/http: invalid header field value for {name}"))
    }

    fn host<'a>(&'a self, url: &'a Url) -> &'a str {
        self.host.as_deref().unwrap_or(url.authority())
    }

    /// All headers but those about the connection.
    fn fields(&self, from: Option<&Url>) -> Vec<(String, String)> {
        let agent = first(&self.headers, "User-Agent").filter(|agent| !agent.is_empty());
        let agent = agent.map(|agent| ("User-Agent".to_owned(), agent.to_owned()));
        agent.into_iter().chain(self.rest(from)).collect()
    }

    fn rest(&self, from: Option<&Url>) -> Vec<(String, String)> {
        let apart = |name: &String| APART.contains(&name.as_str());
        let mut rest = self.headers.clone();
        rest.retain(|(name, _)| !apart(name));
        let referer = from.filter(|_| first(&self.headers, REFERER).is_none());
        rest.extend(referer.map(|from| (REFERER.to_owned(), from.to_string())));
        rest.sort_by(|one, other| one.0.cmp(&other.0));
        rest
    }
}

fn is_bad(value: &str) -> bool {
    value
        .bytes()
        .any(|byte| byte.is_ascii_control() && byte != b'\t')
}

fn first<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|header| header.0 == name);
    found.map(|header| header.1.as_str())
}

/// `x-my-header` as `X-My-Header`.
fn canonical(name: &str) -> String {
    let parts = name.split('-').map(|part| {
        let (head, tail) = part.split_at(part.len().min(1));
        head.to_ascii_uppercase() + &tail.to_ascii_lowercase()
    });
    parts.collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubelet::http::url::Scheme;

    fn check(path: &str, headers: &[(&str, &str)], expected: &[&str]) {
        let url = Url::of_probe(Scheme::Http, "10.0.0.7".parse().unwrap(), 8080, path);
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let head = Request::first(&headers).head(&url, None).unwrap();
        let text = String::from_utf8(head).unwrap();
        assert_eq!(text, expected.join("\r\n") + "\r\n\r\n");
    }

    #[test]
    fn a_plain_probe_sends_five_lines() {
        let lines = [
            "GET /healthz?x=1 HTTP/1.1",
            "Host: 10.0.0.7:8080",
            "User-Agent: kube-probe/1.36",
            "Accept: */*",
            "Connection: close",
        ];
        check("/healthz?x=1#f", &[], &lines);
    }

    #[test]
    fn headers_replace_and_empty_ones_remove() {
        let headers = [("user-agent", ""), ("accept", "")];
        let lines = ["GET / HTTP/1.1", "Host: 10.0.0.7:8080", "Connection: close"];
        check("/", &headers, &lines);
        let headers = [("x-b", "2"), ("host", "ex.com"), ("X-A", "1"), ("x-b", "1")];
        let lines = [
            "GET / HTTP/1.1",
            "Host: ex.com",
            "User-Agent: kube-probe/1.36",
            "Accept: */*",
            "X-A: 1",
            "X-B: 2",
            "X-B: 1",
            "Connection: close",
        ];
        check("/", &headers, &lines);
    }

    #[test]
    fn over_http2_the_host_has_its_own_place_and_the_connection_none() {
        let url = Url::of_probe(Scheme::Https, "10.0.0.7".parse().unwrap(), 8443, "/p?q");
        let headers = [("Host", "ex.com"), ("keep-alive", "1"), ("X-A", "1")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let request = Request::first(&headers).http2(&url, None).unwrap();
        assert_eq!(request.uri(), "https://ex.com/p?q");
        let sent: Vec<_> = request.headers().iter().collect();
        let sent: Vec<_> = sent
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        assert_eq!(
            sent,
            ["user-agent: kube-probe/1.36", "accept: */*", "x-a: 1"]
        );
    }
}
