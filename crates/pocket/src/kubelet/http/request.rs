//! Builds the head of a probe's or hook's request, byte for byte as a node sends it.
//!
//! Rule: `pkg/probe/http/request.go` for which headers; Go's `net/http` for their order.

use std::fmt::Write;

use axum::http::{self, Uri};
use k8s_openapi::ByteString;
use rules::url::{Url, User};
use serde_json::Value;

use super::client::Client;
use super::url::is_https;
use crate::kubelet::quote::quote;

/// A GET with the headers of a probe or hook.
#[derive(Clone, Debug)]
pub(super) struct Request {
    client: Client,
    /// Sorted by canonical name; equal names keep their order.
    headers: Vec<(String, String)>,
    host: Option<String>,
}

/// Headers excluded from the list: they are written separately or not at all.
const WRITTEN_APART: [&str; 5] = [
    "Host",
    "User-Agent",
    "Content-Length",
    "Transfer-Encoding",
    "Trailer",
];
/// Headers that HTTP/2 forbids (RFC 9113, 8.2.2).
const CONNECTION_HEADERS: [&str; 5] = [
    "Connection",
    "Keep-Alive",
    "Proxy-Connection",
    "Transfer-Encoding",
    "Upgrade",
];
impl Request {
    /// The first request of an attempt.
    pub(super) fn first(headers: &[(String, String)], client: Client) -> Self {
        let mut headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (canonical(name), value.clone()))
            .collect();
        let host = first(&headers, "Host").map(str::to_owned);
        for (name, value) in [("User-Agent", client.user_agent()), ("Accept", "*/*")] {
            if first(&headers, name).is_none() {
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
        if first(&headers, "Accept") == Some("") {
            headers.retain(|(name, _)| name != "Accept");
        }
        headers.sort_by(|one, other| one.0.cmp(&other.0));
        Self {
            client,
            headers,
            host: host.filter(|host| !host.is_empty()),
        }
    }

    /// Follows a redirect to `location`. A custom `Host` survives only a relative location.
    pub(super) fn redirect(&mut self, location: &str) {
        if Url::parse(location).is_ok_and(|location| !location.scheme().is_empty()) {
            self.host = None;
        }
    }

    /// The head's bytes up to the empty line, or why it cannot be sent. `from` is the URL that
    /// redirected here.
    pub(super) fn head(&self, url: &Url, from: Option<&Url>) -> Result<Vec<u8>, String> {
        self.check()?;
        let mut lines = vec![("Host".to_owned(), self.host(url).to_owned())];
        lines.extend(self.fields(url, from));
        lines.extend(
            self.last_line()
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let mut head = format!("GET {} HTTP/1.1\r\n", url.target());
        for (name, value) in lines {
            write!(head, "{name}: {value}\r\n").expect("a string must take what is written to it");
        }
        head.push_str("\r\n");
        Ok(head.into_bytes())
    }

    /// The same request for HTTP/2, with the host as `:authority` and without connection headers.
    pub(super) fn http2(&self, url: &Url, from: Option<&Url>) -> Result<http::Request<()>, String> {
        self.check()?;
        let uri = Uri::builder()
            .scheme("https")
            .authority(self.host(url))
            .path_and_query(url.target())
            .build()
            .map_err(|error| error.to_string())?;
        let mut request = http::Request::get(uri);
        for (name, value) in self.fields(url, from) {
            if !CONNECTION_HEADERS.contains(&name.as_str()) {
                request = request.header(name, value);
            }
        }
        request.body(()).map_err(|error| error.to_string())
    }

    /// The header that the client itself adds.
    ///
    /// Rule: Go's `net/http/transport.go`, `roundTrip`.
    fn last_line(&self) -> Option<(&str, &str)> {
        let is_set = |name| first(&self.headers, name).is_some_and(|value| !value.is_empty());
        match self.client {
            Client::Probe => Some(("Connection", "close")),
            Client::Lifecycle if is_set("Accept-Encoding") || is_set("Range") => None,
            Client::Lifecycle => Some(("Accept-Encoding", "gzip")),
        }
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

    /// All headers but those about the connection. Where the probe does not set them, a redirect
    /// adds `Referer` and a user in the URL adds `Authorization`.
    fn fields(&self, url: &Url, from: Option<&Url>) -> Vec<(String, String)> {
        let agent = first(&self.headers, "User-Agent").filter(|agent| !agent.is_empty());
        let agent = agent.map(|agent| ("User-Agent".to_owned(), agent.to_owned()));
        agent.into_iter().chain(self.rest(url, from)).collect()
    }

    fn rest(&self, url: &Url, from: Option<&Url>) -> Vec<(String, String)> {
        let is_apart = |name: &String| WRITTEN_APART.contains(&name.as_str());
        let mut rest = self.headers.clone();
        rest.retain(|(name, _)| !is_apart(name));
        let mut set = |name: &str, value| {
            if first(&rest, name).is_none_or(str::is_empty) {
                rest.retain(|header| header.0 != name);
                rest.push((name.to_owned(), value));
            }
        };
        if let Some(from) = from.filter(|from| !is_https(from) || is_https(url)) {
            set("Referer", from.without_user());
        }
        if let Some(user) = url.user() {
            set("Authorization", basic(user));
        }
        rest.sort_by(|one, other| one.0.cmp(&other.0));
        rest
    }
}

/// Rule: Go's `net/http/client.go`, `send` and `basicAuth`.
fn basic(user: &User) -> String {
    let password = user.password.as_deref().unwrap_or_default();
    let credentials = [&user.name, &b":"[..], password].concat();
    let Ok(Value::String(encoded)) = serde_json::to_value(ByteString(credentials)) else {
        unreachable!("bytes must be written as a string")
    };
    format!("Basic {encoded}")
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

/// The canonical form of a header name: `X-My-Header` for `x-my-header`.
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
    use rules::probe::{HttpGet, Scheme};

    fn url(scheme: Scheme, port: u16, path: &str) -> Url {
        let host = "10.0.0.7";
        let get = HttpGet {
            scheme,
            host,
            port,
            path,
        };
        get.url().unwrap()
    }

    fn check(path: &str, headers: &[(&str, &str)], expected: &[&str]) {
        let url = url(Scheme::Http, 8080, path);
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let head = Request::first(&headers, Client::Probe)
            .head(&url, None)
            .unwrap();
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
    fn a_hook_names_another_agent_and_asks_for_compression() {
        let check = |headers: &[(String, String)], last: &[&str]| {
            let url = url(Scheme::Http, 8080, "/");
            let head = Request::first(headers, Client::Lifecycle).head(&url, None);
            let text = String::from_utf8(head.unwrap()).unwrap();
            let lines = [
                "GET / HTTP/1.1",
                "Host: 10.0.0.7:8080",
                "User-Agent: kube-lifecycle/1.36",
                "Accept: */*",
            ];
            let lines: Vec<_> = lines.iter().chain(last).copied().collect();
            assert_eq!(text, lines.join("\r\n") + "\r\n\r\n");
        };
        check(&[], &["Accept-Encoding: gzip"]);
        let range = [("range".to_owned(), "bytes=0-1".to_owned())];
        check(&range, &["Range: bytes=0-1"]);
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
    fn a_user_in_the_path_authorizes_unless_a_header_does() {
        let sent = |headers: &[(&str, &str)], value: &str| {
            let line = format!("Authorization: {value}");
            let lines = [
                "GET /x HTTP/1.1",
                "Host: 10.0.0.7:8080",
                "User-Agent: kube-probe/1.36",
                "Accept: */*",
                line.as_str(),
                "Connection: close",
            ];
            check("//us%65r:p%40w@h/x", headers, &lines);
        };
        sent(&[], "Basic dXNlcjpwQHc=");
        sent(&[("authorization", "Bearer x")], "Bearer x");
    }

    #[test]
    fn a_redirect_names_the_page_it_comes_from_unless_that_was_secured() {
        let referer = |from, to| {
            let (from, to) = (Url::parse(from).unwrap(), Url::parse(to).unwrap());
            let head = Request::first(&[], Client::Probe)
                .head(&to, Some(&from))
                .unwrap();
            let head = String::from_utf8(head).unwrap();
            let mut lines = head.lines();
            let found = lines.find_map(|line| line.strip_prefix("Referer: "));
            found.map(str::to_owned)
        };
        let plain = referer("http://u:p@10.0.0.7/a?b", "https://10.0.0.7/");
        assert_eq!(plain.as_deref(), Some("http://10.0.0.7/a?b"));
        assert_eq!(referer("https://10.0.0.7/a", "http://10.0.0.7/"), None);
    }

    #[test]
    fn over_http2_the_host_has_its_own_place_and_the_connection_none() {
        let url = url(Scheme::Https, 8443, "/p?q");
        let headers = [("Host", "ex.com"), ("keep-alive", "1"), ("X-A", "1")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let request = Request::first(&headers, Client::Probe)
            .http2(&url, None)
            .unwrap();
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
