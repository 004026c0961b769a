//! The socket address to connect to for a URL, and Go's texts for URLs that do not parse.
//!
//! The grammar of URLs is in [`rules::url`].

use std::net::SocketAddr;

use rules::url::{ParseError, Problem, Url};

use crate::kubelet::quote::quote;

/// The address to connect to. Only URLs on the probed host are requested, and that host is an IP
/// address.
pub(super) fn address(url: &Url) -> SocketAddr {
    let ip = url.host().parse();
    let default = if is_https(url) { 443 } else { 80 };
    let port = url.port().and_then(|port| port.parse().ok());
    SocketAddr::new(
        ip.expect("a probed host must be an address"),
        port.unwrap_or(default),
    )
}

/// Whether the URL is requested over TLS.
pub(super) fn is_https(url: &Url) -> bool {
    url.scheme() == "https"
}

/// The error text of a URL that does not parse.
///
/// Rule: Go's `net/url/url.go`, `Error`, `EscapeError` and `InvalidHostError`.
pub(super) fn why(error: &ParseError) -> String {
    let quoted = |bytes: &[u8], before: &str, after: &str| {
        let quoted = quote(bytes);
        format!("{before}{quoted}{after}")
    };
    let why = match &error.problem {
        Problem::Control => "net/url: invalid control character in URL".to_owned(),
        Problem::NoScheme => "missing protocol scheme".to_owned(),
        Problem::Colon => "first path segment in URL cannot contain colon".to_owned(),
        Problem::Escape(escape) => quoted(escape, "invalid URL escape ", ""),
        Problem::User => "net/url: invalid userinfo".to_owned(),
        Problem::IpLiteral => "invalid IP-literal".to_owned(),
        Problem::Bracket => "missing ']' in host".to_owned(),
        Problem::HostCharacter(byte) => quoted(&[*byte], "invalid character ", " in host name"),
        Problem::Port(port) => quoted(port.as_bytes(), "invalid port ", " after host"),
        // For most addresses Go's text has more details.
        Problem::Address(address) => {
            quoted(address, "invalid host: ParseAddr(", "): unable to parse IP")
        }
    };
    format!("parse {}: {why}", quote(error.text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_a_scheme_need_not_be_written() {
        let check = |text, expected: &str| {
            let url = Url::parse(text).unwrap();
            assert_eq!(address(&url).to_string(), expected);
        };
        check("http://10.0.0.7:9000/", "10.0.0.7:9000");
        check("http://10.0.0.7/", "10.0.0.7:80");
        check("https://[fd00::7]", "[fd00::7]:443");
    }

    /// The texts are Go's, as printed by 1.26.
    #[test]
    fn malformed_urls_have_go_s_error_texts() {
        let check = |text, expected| {
            let error = Url::parse(text).unwrap_err();
            assert_eq!(why(&error), format!("parse {expected}"));
        };
        check("/%zz", r#""/%zz": invalid URL escape "%zz""#);
        check("/%é", r#""/%é": invalid URL escape "%é""#);
        check("/%€", r#""/%€": invalid URL escape "%\xe2\x82""#);
        check(
            "\u{1}",
            r#""\x01": net/url: invalid control character in URL"#,
        );
        check(
            "1:2",
            r#""1:2": first path segment in URL cannot contain colon"#,
        );
        check(":x", r#"":x": missing protocol scheme"#);
        check("http://[::1", r#""http://[::1": missing ']' in host"#);
        check("//a[::1]", r#""//a[::1]": invalid IP-literal"#);
        check("//a:b/", r#""//a:b/": invalid port ":b" after host"#);
        check("//[::1]b", r#""//[::1]b": invalid port "b" after host"#);
        check("//a b", r#""//a b": invalid character " " in host name"#);
        check("//a b@c", r#""//a b@c": net/url: invalid userinfo"#);
        check(
            "//[x]",
            r#""//[x]": invalid host: ParseAddr("x"): unable to parse IP"#,
        );
    }
}
