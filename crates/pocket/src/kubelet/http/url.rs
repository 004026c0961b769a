//! URLs as a prober needs them: made from a probe, followed from a `Location`, printed in a text.
//!
//! Hosts are addresses where a connection is made; a `Location` may name anything, and is then only compared.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::quote::quote;

/// An absolute URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    scheme: Scheme,
    /// As written, IPv6 in brackets, with the port if one was written.
    authority: String,
    path: String,
    query: Option<String>,
    fragment: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kubelet) enum Scheme {
    Http,
    Https,
    /// Any other; nothing can be asked of it.
    Other,
}

/// A URL in which parts may be missing.
struct Reference<'a> {
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl Url {
    /// The URL of a probe. A path that cannot be read as a URL is used as it stands, escaped.
    ///
    /// Rule: `pkg/probe/http/request.go`, `formatURL`.
    pub(super) fn of_probe(scheme: Scheme, ip: IpAddr, port: u16, path: &str) -> Self {
        let authority = SocketAddr::new(ip, port).to_string();
        let url = |path: String, query: Option<&str>, fragment: Option<&str>| Self {
            scheme,
            authority,
            path,
            query: query.map(str::to_owned),
            fragment: fragment.map(str::to_owned),
        };
        match Reference::parse(path) {
            Ok(reference) => {
                let path = escaped(reference.path, ALLOWED);
                url(path, reference.query, reference.fragment)
            }
            Err(_) => url(escaped(path, STRICT), None, None),
        }
    }

    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host without port and brackets.
    pub(super) fn host(&self) -> &str {
        split(&self.authority).0
    }

    /// Host and port as the `Host` header has them.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// Where to connect. Only URLs on the host of a probe are connected to, and that is an address.
    pub(super) fn address(&self) -> SocketAddr {
        let (host, port) = split(&self.authority);
        let ip = host.parse().expect("a probed host must be an address");
        let default = if self.scheme == Scheme::Https {
            443
        } else {
            80
        };
        SocketAddr::new(
            ip,
            port.and_then(|port| port.parse().ok()).unwrap_or(default),
        )
    }

    /// Path and query as a request line has them, with the leading slash that a path may lack.
    pub(super) fn target(&self) -> String {
        let slash = if self.path.starts_with('/') { "" } else { "/" };
        let (mark, query) = mark('?', self.query.as_deref());
        format!("{slash}{}{mark}{query}", self.path)
    }

    /// The URL that `location` means when seen from this one, or why it means none.
    ///
    /// Rule: RFC 3986 §5.2.
    pub(super) fn join(&self, location: &str) -> Result<Self, String> {
        let reference = Reference::parse(location)?;
        let own = reference.scheme.is_none() && reference.authority.is_none();
        let authority = reference.authority.unwrap_or(&self.authority).to_owned();
        let same_page = own && reference.path.is_empty();
        let path = match reference.path {
            "" if own => self.path.clone(),
            "" => String::new(),
            path if path.starts_with('/') || !own => without_dots(path),
            path => without_dots(&format!("{}{path}", self.folder())),
        };
        let query = match reference.query {
            None if same_page => self.query.clone(),
            query => query.map(str::to_owned),
        };
        Ok(Self {
            scheme: reference.scheme.map_or(self.scheme, Scheme::named),
            authority,
            path: escaped(&path, ALLOWED),
            query,
            fragment: reference.fragment.map(str::to_owned),
        })
    }

    fn folder(&self) -> &str {
        self.path
            .rfind('/')
            .map_or("/", |slash| &self.path[..=slash])
    }
}

/// Whether `location` names a host of its own, so that a custom `Host` header no longer fits.
pub(super) fn is_absolute(location: &str) -> bool {
    Reference::parse(location).is_ok_and(|reference| reference.scheme.is_some())
}

impl fmt::Display for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::Other => "other",
        };
        let target = if self.path.is_empty() && self.query.is_none() {
            String::new()
        } else {
            self.target()
        };
        let (mark, fragment) = mark('#', self.fragment.as_deref());
        write!(
            formatter,
            "{scheme}://{}{target}{mark}{fragment}",
            self.authority
        )
    }
}

impl Scheme {
    fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "http" => Self::Http,
            "https" => Self::Https,
            _ => Self::Other,
        }
    }
}

impl<'a> Reference<'a> {
    fn parse(text: &'a str) -> Result<Self, String> {
        let refuse = |why: &str| Err(format!("parse {}: {why}", quote(text.as_bytes())));
        if text.bytes().any(|byte| byte.is_ascii_control()) {
            return refuse("net/url: invalid control character in URL");
        }
        if let Some(escape) = bad_escape(text) {
            return refuse(&format!("invalid URL escape {}", quote(escape.as_bytes())));
        }
        let (rest, fragment) = cut(text, '#');
        let (scheme, rest) = scheme(rest);
        let (rest, query) = cut(rest, '?');
        let (authority, path) = match rest.strip_prefix("//") {
            None => (None, rest),
            Some(rest) => {
                let end = rest.find('/').unwrap_or(rest.len());
                (Some(&rest[..end]), &rest[end..])
            }
        };
        if let Err(why) = authority.map_or(Ok(()), check_host) {
            return refuse(&why);
        }
        let first = path.split('/').next().unwrap_or_default();
        if scheme.is_none() && authority.is_none() && first.contains(':') {
            return refuse("first path segment in URL cannot contain colon");
        }
        Ok(Self {
            scheme,
            authority,
            path,
            query,
            fragment,
        })
    }
}

/// What a path may hold unescaped; `%` is there because escapes are left alone.
const ALLOWED: &str = "$&+,/:;=@-_.~!*'()%[]";
/// The same where nothing in it is an escape or starts a query.
const STRICT: &str = "$&+,/:;=@-_.~";

fn escaped(path: &str, allowed: &str) -> String {
    path.bytes()
        .map(|byte| match char::from(byte) {
            letter if letter.is_ascii_alphanumeric() || allowed.contains(letter) => {
                letter.to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn scheme(text: &str) -> (Option<&str>, &str) {
    match text.split_once(':') {
        Some((name, rest))
            if name.starts_with(|letter: char| letter.is_ascii_alphabetic())
                && name
                    .chars()
                    .all(|it| it.is_ascii_alphanumeric() || "+-.".contains(it)) =>
        {
            (Some(name), rest)
        }
        _ => (None, text),
    }
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at)
        .map_or((text, None), |(before, after)| (before, Some(after)))
}

fn mark(mark: char, part: Option<&str>) -> (String, &str) {
    part.map_or((String::new(), ""), |part| (mark.to_string(), part))
}

/// Host and port of an authority, without what may stand before an `@`.
fn split(authority: &str) -> (&str, Option<&str>) {
    let authority = authority.rsplit('@').next().unwrap_or_default();
    if let Some((host, rest)) = authority
        .strip_prefix('[')
        .and_then(|it| it.split_once(']'))
    {
        return (host, rest.strip_prefix(':'));
    }
    authority
        .rsplit_once(':')
        .map_or((authority, None), |(host, port)| (host, Some(port)))
}

/// Rule: Go's `net/url/url.go`, `parseHost`.
fn check_host(authority: &str) -> Result<(), String> {
    let host = authority.rsplit('@').next().unwrap_or_default();
    let (bracket, end) = (host.rfind('['), host.rfind(']'));
    let port = match (bracket, end) {
        (Some(0), None) => return Err("missing ']' in host".to_owned()),
        (Some(0), Some(end)) => &host[end + 1..],
        (Some(_), _) => return Err("invalid IP-literal".to_owned()),
        (None, _) => host.rfind(':').map_or("", |colon| &host[colon..]),
    };
    let digits = port.strip_prefix(':').unwrap_or_default();
    let good =
        port.is_empty() || port.starts_with(':') && digits.bytes().all(|it| it.is_ascii_digit());
    if good {
        Ok(())
    } else {
        let port = quote(port.as_bytes());
        Err(format!("invalid port {port} after host"))
    }
}

fn bad_escape(text: &str) -> Option<&str> {
    text.match_indices('%').find_map(|(at, _)| {
        let bytes = text.as_bytes();
        let good = bytes[at + 1..]
            .iter()
            .take(2)
            .filter(|it| it.is_ascii_hexdigit())
            .count()
            == 2;
        let end = (at + 3..=text.len())
            .find(|end| text.is_char_boundary(*end))
            .unwrap_or(text.len());
        (!good).then(|| &text[at..end])
    })
}

/// An absolute path without `.` and `..`. Empty parts stay.
///
/// Rule: RFC 3986 §5.2.4; Go's `net/url/url.go`, `resolvePath`.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let rest = path.strip_prefix('/').unwrap_or(path);
    for part in rest.split('/') {
        match part {
            "." => {}
            ".." => drop(kept.pop()),
            part => kept.push(part),
        }
    }
    if matches!(rest.rsplit('/').next(), Some("." | "..")) {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(path: &str) -> Url {
        Url::of_probe(Scheme::Http, "10.0.0.7".parse().unwrap(), 8080, path)
    }

    #[test]
    fn a_probes_path_may_be_anything() {
        let check = |path, target, printed: &str| {
            let url = probe(path);
            assert_eq!(url.target(), target);
            assert_eq!(url.to_string(), format!("http://10.0.0.7:8080{printed}"));
        };
        check("/healthz", "/healthz", "/healthz");
        check("/healthz?x=1#f", "/healthz?x=1", "/healthz?x=1#f");
        check("healthz", "/healthz", "/healthz");
        check("/a b", "/a%20b", "/a%20b");
        check("/a%zz?b", "/a%25zz%3Fb", "/a%25zz%3Fb");
        check("http://elsewhere/x", "/x", "/x");
    }

    #[test]
    fn a_location_is_seen_from_where_it_was_given() {
        let check = |location, url| {
            assert_eq!(probe("/a/b?c").join(location).unwrap().to_string(), url);
        };
        check("/x", "http://10.0.0.7:8080/x");
        check("/", "http://10.0.0.7:8080/");
        check("x?y#z", "http://10.0.0.7:8080/a/x?y#z");
        check("../x/", "http://10.0.0.7:8080/x/");
        check("//10.0.0.7:8080/a//b/./../.", "http://10.0.0.7:8080/a//");
        check("/..", "http://10.0.0.7:8080/");
        check("?d", "http://10.0.0.7:8080/a/b?d");
        check("//10.0.0.7:9/x", "http://10.0.0.7:9/x");
        check("https://example.com", "https://example.com");
    }

    #[test]
    fn the_host_is_compared_without_its_port() {
        let check = |location, host| assert_eq!(probe("/").join(location).unwrap().host(), host);
        check("http://10.0.0.7:9000/", "10.0.0.7");
        check("http://example.com:9000/", "example.com");
        check("http://[fd00::1]:9000/", "fd00::1");
        check("http://user@example.com/", "example.com");
        check("/x", "10.0.0.7");
    }

    #[test]
    fn what_is_no_url_says_why() {
        let check =
            |location, why| assert_eq!(probe("/").join(location), Err(format!("parse {why}")));
        check("/%zz", r#""/%zz": invalid URL escape "%zz""#);
        check(
            "\u{1}",
            r#""\x01": net/url: invalid control character in URL"#,
        );
        check(
            "1:2",
            r#""1:2": first path segment in URL cannot contain colon"#,
        );
        check("http://[::1", r#""http://[::1": missing ']' in host"#);
        check("//a[::1]", r#""//a[::1]": invalid IP-literal"#);
        check("//a:b/", r#""//a:b/": invalid port ":b" after host"#);
        check("//[::1]b", r#""//[::1]b": invalid port "b" after host"#);
    }
}
