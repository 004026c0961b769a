//! Parses the head of an HTTP/1.1 request: target, framing and relevant headers. Pure.

use std::mem::MaybeUninit;

use ::http::{Method, StatusCode, Uri};
use httparse::{Header, Status};

use crate::model::percent;
use crate::net::buffered::Framing;
use crate::target::pending_request::RequestInfo;

/// The largest head in bytes.
pub(crate) const LARGEST: usize = 16 * 1024;

/// The maximum number of headers in one head.
const MOST_HEADERS: usize = 100;

/// The head of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct RequestHead {
    pub(crate) method: Method,
    /// The path as sent, undecoded.
    pub(crate) path: String,
    /// The query as sent; empty if there is none.
    pub(crate) query: String,
    /// The `Host` header, or the authority of an absolute request target; absent only in HTTP/1.0.
    pub(crate) host: Option<String>,
    /// All `Origin` headers.
    pub(crate) origins: Vec<String>,
    /// The `Sec-Fetch-Site` header.
    pub(crate) fetch_site: Option<String>,
    /// Whether an `Accept` header lists `text/html`, as browsers do for a page.
    pub(crate) accepts_html: bool,
    pub(crate) agent: Option<String>,
    pub(crate) authorization: Option<Vec<u8>>,
    /// The `Probeflip-Instance` header.
    pub(crate) instance: Option<Vec<u8>>,
    pub(crate) body: Framing,
    /// Whether the connection may carry another request.
    pub(crate) keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub(crate) expects: bool,
}

/// The error response to an invalid head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct InvalidHead {
    pub(crate) status: StatusCode,
    pub(crate) reason: &'static str,
    /// Whether the request is a HEAD, whose answer has no content.
    pub(crate) is_head: bool,
}

impl RequestHead {
    /// Parses the head at the beginning of `text`, and returns its length; `None` if it is
    /// incomplete.
    pub(crate) fn parse(text: &[u8]) -> Result<Option<(Self, usize)>, InvalidHead> {
        Self::parse_any(text).map_err(|wrong| InvalidHead {
            is_head: text.starts_with(b"HEAD "),
            ..wrong
        })
    }

    fn parse_any(text: &[u8]) -> Result<Option<(Self, usize)>, InvalidHead> {
        let mut headers = [const { MaybeUninit::uninit() }; MOST_HEADERS];
        let mut request = httparse::Request::new(&mut []);
        let length = match request.parse_with_uninit_headers(text, &mut headers) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) if text.len() < LARGEST => return Ok(None),
            // The version comes after the path, so it is the path that does not end.
            Ok(Status::Partial) if request.version.is_none() => {
                return Err(InvalidHead::new(
                    StatusCode::URI_TOO_LONG,
                    "the path is too long",
                ));
            }
            Ok(Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
                let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
                return Err(InvalidHead::new(
                    status,
                    "the headers are too many or too large",
                ));
            }
            Err(_) => return Err(InvalidHead::bad("this is not HTTP/1.1")),
        };
        let method = request.method.unwrap_or_default();
        let method = Method::from_bytes(method.as_bytes());
        let method = method.map_err(|_invalid| InvalidHead::bad("this is no method"))?;
        if method == Method::CONNECT {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            return Err(InvalidHead::new(
                status,
                "the target is no proxy, so it opens no tunnel",
            ));
        }
        let Target {
            path,
            query,
            authority,
        } = Target::parse(request.path.unwrap_or_default(), &method)?;
        let mut head = Self {
            method,
            path,
            query,
            host: None,
            origins: Vec::new(),
            fetch_site: None,
            accepts_html: false,
            agent: None,
            authorization: None,
            instance: None,
            body: Framing::Length(0),
            keep_alive: request.version == Some(1),
            expects: false,
        };
        let mut lengths = BodyLength::default();
        for header in request.headers.iter() {
            head.read(header, &mut lengths)?;
        }
        let is_current = request.version == Some(1);
        head.body = lengths.framing(is_current)?;
        head.keep_alive &= lengths.is_unambiguous();
        if is_current && head.host.is_none() {
            return Err(InvalidHead::bad("the Host header is missing"));
        }
        // RFC 9112, 3.2.2: the request target's authority takes precedence over the header.
        head.host = authority.or(head.host);
        if !head.host.as_deref().is_none_or(is_host) {
            return Err(InvalidHead::bad("the Host header is no host"));
        }
        Ok(Some((head, length)))
    }

    fn read(&mut self, header: &Header<'_>, lengths: &mut BodyLength) -> Result<(), InvalidHead> {
        let Header { name, value } = header;
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let text = || Some(String::from_utf8_lossy(value).into_owned());
        // Comparing lengths first rules out most names.
        match name.len() {
            // RFC 9112, 3.2: a second one may be meant for another server on the way.
            4 if is("host") && self.host.is_some() => {
                return Err(InvalidHead::bad("the Host header is given twice"));
            }
            4 if is("host") => self.host = text(),
            6 if is("origin") => self.origins.extend(text()),
            6 if is("accept") => self.accepts_html |= lists(value, "text/html"),
            6 if is("expect") => self.expects = value.eq_ignore_ascii_case(b"100-continue"),
            10 if is("user-agent") => self.agent = text(),
            10 if is("connection") => self.keep_alive &= !lists(value, "close"),
            13 if is("authorization") => self.authorization = Some(value.to_vec()),
            14 if is("sec-fetch-site") => self.fetch_site = text(),
            14 if is("content-length") => lengths.add(value)?,
            17 if is("transfer-encoding") => {
                // Other codings are optional for a server (RFC 9112, 6.1).
                if !value.eq_ignore_ascii_case(b"chunked") || lengths.chunked {
                    return Err(InvalidHead::bad(
                        "the transfer-encoding must be chunked, once",
                    ));
                }
                lengths.chunked = true;
            }
            18 if is("probeflip-instance") => self.instance = Some(value.to_vec()),
            _ => {}
        }
        Ok(())
    }

    /// The request as far as the state and the journal need it.
    pub(crate) fn info(&self) -> RequestInfo<'_> {
        RequestInfo {
            method: self.method.as_str(),
            path: percent::decode_lenient(&self.path),
            agent: self.agent.as_deref(),
        }
    }
}

impl InvalidHead {
    const fn new(status: StatusCode, reason: &'static str) -> Self {
        Self {
            status,
            reason,
            is_head: false,
        }
    }

    const fn bad(reason: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }
}

/// The headers that determine the end of the body.
#[derive(Debug, Default)]
struct BodyLength {
    length: Option<usize>,
    chunked: bool,
}

impl BodyLength {
    /// Adds a `Content-Length`.
    fn add(&mut self, value: &[u8]) -> Result<(), InvalidHead> {
        // Rust's numbers may begin with a plus sign, lengths may not.
        let digits = value.iter().all(u8::is_ascii_digit);
        let length = std::str::from_utf8(value).ok().filter(|_| digits);
        let length = length.and_then(|length| length.parse().ok());
        let length = length.ok_or(InvalidHead::bad("the content-length must be a number"))?;
        if self.length.is_some_and(|other| other != length) {
            return Err(InvalidHead::bad("there are two lengths"));
        }
        self.length = Some(length);
        Ok(())
    }

    /// RFC 9112, 6.3: chunked takes precedence over a length. 6.1: HTTP/1.0 has no chunked
    /// encoding.
    fn framing(&self, is_current: bool) -> Result<Framing, InvalidHead> {
        match self.length {
            _ if self.chunked && !is_current => {
                Err(InvalidHead::bad("the transfer-encoding is one of HTTP/1.1"))
            }
            _ if self.chunked => Ok(Framing::Chunked),
            length => Ok(Framing::Length(length.unwrap_or_default())),
        }
    }

    /// RFC 9112, 6.1: a request with both may be smuggled past a proxy, so the connection ends
    /// after it.
    fn is_unambiguous(&self) -> bool {
        !self.chunked || self.length.is_none()
    }
}

/// The request target (RFC 9112, 3.2).
struct Target {
    path: String,
    query: String,
    /// The authority of an absolute target, which clients send to a proxy.
    authority: Option<String>,
}

impl Target {
    fn parse(target: &str, method: &Method) -> Result<Self, InvalidHead> {
        // Clients do not send fragments.
        if target.contains('#') {
            return Err(InvalidHead::bad(
                "the target has a fragment; write %23 for a `#` in a path",
            ));
        }
        if target.starts_with('/') || (target == "*" && method == Method::OPTIONS) {
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            return Ok(Self {
                path: path.to_owned(),
                query: query.to_owned(),
                authority: None,
            });
        }
        let no_path = || InvalidHead::bad("this is no path");
        let target: Uri = target.parse().map_err(|_invalid| no_path())?;
        if target.scheme().is_none() {
            return Err(no_path());
        }
        Ok(Self {
            path: target.path().to_owned(),
            query: target.query().unwrap_or_default().to_owned(),
            authority: target.authority().map(|it| it.as_str().to_owned()),
        })
    }
}

/// Whether `text` contains only characters of hosts and ports, as in golang.org/x/net ›
/// `httpguts.ValidHostHeader`.
fn is_host(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"!$%&'()*+,-.:;=[]_~".contains(&byte);
    text.bytes().all(known)
}

/// Whether a list such as `keep-alive, close` contains an item, whatever its parameters.
fn lists(value: &[u8], item: &str) -> bool {
    let mut items = value.split(|byte| *byte == b',');
    items.any(|other| {
        let name = other.split(|byte| *byte == b';').next();
        let name = name.unwrap_or_default().trim_ascii();
        name.eq_ignore_ascii_case(item.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> RequestHead {
        let text = text.replace('\n', "\r\n");
        let (head, length) = RequestHead::parse(text.as_bytes()).unwrap().unwrap();
        assert_eq!(length, text.len());
        head
    }

    #[track_caller]
    fn refused(text: &str, status: u16) {
        let text = text.replace('\n', "\r\n");
        let wrong = RequestHead::parse(text.as_bytes()).unwrap_err();
        assert_eq!(wrong.status, status, "{}", wrong.reason);
    }

    #[test]
    fn a_head_says_what_is_asked_and_by_whom() {
        let head = parsed("GET /a%20b?c=d HTTP/1.1\nHOST: web\nUser-Agent: kube-probe/1.36\n\n");
        assert_eq!((head.path.as_str(), head.query.as_str()), ("/a%20b", "c=d"));
        assert_eq!(head.host.as_deref(), Some("web"));
        let info = head.info();
        assert_eq!(&*info.path, b"/a b");
        assert_eq!(info.agent, Some("kube-probe/1.36"));
        let proxied = parsed("GET http://web:80/x?y HTTP/1.1\nhost: other\n\n");
        assert_eq!((proxied.path.as_str(), proxied.query.as_str()), ("/x", "y"));
        assert_eq!(proxied.host.as_deref(), Some("web:80"));
        let proxied = parsed("GET http://web HTTP/1.1\nhost: web\n\n");
        assert_eq!((proxied.path.as_str(), proxied.query.as_str()), ("/", ""));
        assert_eq!(parsed("OPTIONS * HTTP/1.1\nhost: w\n\n").path, "*");
    }

    #[test]
    fn a_head_has_one_host_unless_it_is_of_http_1_0() {
        assert_eq!(parsed("GET / HTTP/1.0\n\n").host, None);
        for host in ["web:80", "[::1]:80", "10.0.0.1", "a_b.c-d", ""] {
            let head = parsed(&format!("GET / HTTP/1.1\nhost: {host}\n\n"));
            assert_eq!(head.host.as_deref(), Some(host));
        }
        refused("GET / HTTP/1.1\n\n", 400);
        refused("GET http://web/ HTTP/1.1\n\n", 400);
        for version in ["1.0", "1.1"] {
            refused(&format!("GET / HTTP/{version}\nhost: a\nHost: a\n\n"), 400);
            for host in ["a b", "a/b", "user@a", "a\"b", "ü"] {
                refused(&format!("GET / HTTP/{version}\nhost: {host}\n\n"), 400);
            }
        }
        refused("GET http://user@web/ HTTP/1.1\nhost: web\n\n", 400);
    }

    #[test]
    fn a_tunnel_is_not_opened_and_a_host_is_no_path() {
        refused("CONNECT web:80 HTTP/1.1\nhost: web:80\n\n", 405);
        refused("CONNECT / HTTP/1.1\nhost: web\n\n", 405);
        refused("GET web:80 HTTP/1.1\nhost: web\n\n", 400);
        refused("GET * HTTP/1.1\nhost: web\n\n", 400);
        refused("GET web HTTP/1.1\nhost: web\n\n", 400);
    }

    #[test]
    fn a_head_says_whether_the_connection_stays() {
        assert!(parsed("GET / HTTP/1.1\nhost: w\n\n").keep_alive);
        assert!(!parsed("GET / HTTP/1.0\n\n").keep_alive);
        assert!(!parsed("GET / HTTP/1.1\nhost: w\nconnection: te, Close\n\n").keep_alive);
    }

    #[test]
    fn a_head_says_whether_html_is_accepted() {
        let accepts = |header: &str| parsed(&format!("GET / HTTP/1.1\nhost: w\n{header}\n"));
        for header in [
            "accept: text/html,application/xhtml+xml,*/*;q=0.8\n",
            "accept: */*\naccept: text/plain, Text/HTML;q=0.9\n",
        ] {
            assert!(accepts(header).accepts_html, "{header}");
        }
        for header in ["", "accept: */*\n", "accept: text/html2, a/text/html\n"] {
            assert!(!accepts(header).accepts_html, "{header}");
        }
    }

    #[test]
    fn a_head_says_where_the_body_ends() {
        let head = |headers: &str| parsed(&format!("PUT / HTTP/1.1\nhost: w\n{headers}\n"));
        let body = |headers: &str| head(headers).body;
        assert_eq!(body(""), Framing::Length(0));
        assert_eq!(body("content-length: 7\n"), Framing::Length(7));
        let both = "Content-Length: 7\nTransfer-Encoding: chunked\n";
        assert_eq!(body(both), Framing::Chunked);
        assert!(!head(both).keep_alive);
        let both = "Transfer-Encoding: chunked\nContent-Length: 7\n";
        assert_eq!(body(both), Framing::Chunked);
        assert!(!head(both).keep_alive);
        assert!(head("Transfer-Encoding: chunked\n").keep_alive);
        let twice = head("content-length: 7\ncontent-length: 7\n");
        assert_eq!((twice.body, twice.keep_alive), (Framing::Length(7), true));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        refused("\u{1}\u{2}\u{3}\n\n", 400);
        refused("GET / HTTP/3.0\n\n", 400);
        refused("GET <> HTTP/1.1\nhost: w\n\n", 400);
        refused("GET /x HTTP/1.1\nno colon\n\n", 400);
        refused("GET /a#b HTTP/1.1\nhost: w\n\n", 400);
        let refused_with = |headers: &str| {
            refused(&format!("PUT / HTTP/1.1\nhost: w\n{headers}\n"), 400);
        };
        for length in ["-1", "+1", "0x1", "", "1, 1", "18446744073709551616"] {
            refused_with(&format!("content-length: {length}\n"));
        }
        for (one, other) in [(1, 2), (0, 5), (5, 0)] {
            refused_with(&format!("content-length: {one}\ncontent-length: {other}\n"));
        }
        refused_with("transfer-encoding: gzip\n");
        refused_with("transfer-encoding: gzip, chunked\n");
        refused_with("transfer-encoding: chunked\ntransfer-encoding: chunked\n");
        refused("PUT / HTTP/1.0\ntransfer-encoding: chunked\n\n", 400);
        refused(
            "PUT / HTTP/1.0\ntransfer-encoding: chunked\ncontent-length: 1\n\n",
            400,
        );
        refused(&format!("GET /{}", "x".repeat(LARGEST)), 414);
        refused(&format!("GET / HTTP/1.1\nx: {}", "x".repeat(LARGEST)), 431);
        let many = "x: y\n".repeat(MOST_HEADERS + 1);
        refused(&format!("GET / HTTP/1.1\n{many}\n"), 431);
    }

    #[test]
    fn what_may_become_a_request_is_awaited() {
        for partial in [
            "",
            "GET",
            "GET / HTTP/1.1\r\n",
            "GET / HTTP/1.1\r\nx: y\r\n",
        ] {
            assert_eq!(
                RequestHead::parse(partial.as_bytes()),
                Ok(None),
                "{partial}"
            );
        }
    }
}
