//! Refuses requests that a page of another site makes (cross-site requests, DNS rebinding). Pure.
//!
//! The API knows no users, and a browser sends requests to this machine for any page. A program
//! that is no browser sends neither `Origin` nor `Sec-Fetch-Site`, and addresses the API by an IP
//! address or as `localhost`.

use std::net::{Ipv4Addr, Ipv6Addr};

use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};

use crate::api_status::ApiError;

/// Refuses a request that a page of another site may have made. Reads are refused too: a page whose
/// host name resolves to this address could read the response.
pub(super) fn refuse(headers: &HeaderMap) -> Result<(), ApiError> {
    let host = text(headers.get(HOST));
    if !is_own_name(host) {
        let why = format!("the host `{host}` is neither an IP address nor localhost");
        return Err(refused(&why));
    }
    let mut origins = headers.get_all(ORIGIN).iter();
    if let Some(origin) = origins.find(|origin| !is_own(text(Some(origin)), host)) {
        let origin = text(Some(origin));
        return Err(refused(&format!("the origin `{origin}` is another site")));
    }
    // Fetch Metadata: `none` is a direct action of the user. `same-site` may be another port of
    // this host, which may serve pages of others.
    match text(headers.get(HeaderName::from_static("sec-fetch-site"))) {
        "" | "same-origin" | "none" => Ok(()),
        site => Err(refused(&format!("this is a `{site}` request"))),
    }
}

fn refused(why: &str) -> ApiError {
    let message = format!("{why}: pocket's API is closed to pages of other sites");
    ApiError::new(403, "Forbidden", message)
}

fn text(value: Option<&HeaderValue>) -> &str {
    // What is no text is no name either.
    value.map_or("", |value| value.to_str().unwrap_or("?"))
}

/// Whether the host needs no name resolution: an IP address, or `localhost`, which browsers resolve
/// themselves. A client of HTTP/1.0 may name none.
fn is_own_name(host: &str) -> bool {
    let host = without_port(host);
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match inner {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
        None => {
            host.is_empty()
                || host.parse::<Ipv4Addr>().is_ok()
                || host.eq_ignore_ascii_case("localhost")
        }
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Whether `origin` is the origin of the requested host.
fn is_own(origin: &str, host: &str) -> bool {
    let named = origin.strip_prefix("http://");
    named.is_some_and(|named| !host.is_empty() && named.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&'static str, &str)], expected: Option<&str>) {
        let pairs = headers.iter().map(|(name, value)| {
            let value = HeaderValue::from_str(value).unwrap();
            (HeaderName::from_static(name), value)
        });
        let refused = refuse(&pairs.collect()).err();
        let found = refused.map(|error| error.message);
        let whole = |why| format!("{why}: pocket's API is closed to pages of other sites");
        assert_eq!(found, expected.map(whole), "{headers:?}");
    }

    #[test]
    fn programs_of_this_machine_are_served() {
        check(&[], None);
        for host in ["127.0.0.1:8001", "localhost", "LocalHost:1", "[::1]:80"] {
            check(&[("host", host)], None);
        }
        let own = ("origin", "http://127.0.0.1:8001");
        check(&[("host", "127.0.0.1:8001"), own], None);
        check(&[("host", "[::1]"), ("sec-fetch-site", "none")], None);
    }

    #[test]
    fn pages_of_other_sites_are_not() {
        let host = ("host", "127.0.0.1:8001");
        for name in ["evil.example", "evil.example:80", "127.0.0.1.evil.example"] {
            let name = name.to_owned();
            let why = format!("the host `{name}` is neither an IP address nor localhost");
            check(&[("host", &name)], Some(&why));
        }
        let why = "the origin `http://evil.example` is another site";
        check(&[host, ("origin", "http://evil.example")], Some(why));
        check(
            &[host, ("sec-fetch-site", "cross-site")],
            Some("this is a `cross-site` request"),
        );
        check(
            &[host, ("sec-fetch-site", "same-site")],
            Some("this is a `same-site` request"),
        );
    }
}
