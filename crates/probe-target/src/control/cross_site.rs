//! Rejects control requests that a page of another site makes (cross-site requests, DNS
//! rebinding). Pure.
//!
//! A browser sends cross-site requests for any page, and an attacker's host name may resolve to
//! this address. Both attacks need only a developer who views the page.
//!
//! The page of this address itself (`page.rs`) is same-origin. Clients that are no browsers send
//! neither `Origin` nor `Sec-Fetch-Site`, and address the target by IP address or as `localhost`.

use std::net::{Ipv4Addr, Ipv6Addr};

use ::http::StatusCode;

use crate::server::request_head::RequestHead;
use crate::target::backend::CallError;

/// Rejects a request that a page of another site may have made. Reads are rejected too: a page
/// whose host name resolves to this address could read the response.
pub(crate) fn refuse(head: &RequestHead) -> Result<(), CallError> {
    let refused = |header: &str, message: String| {
        let message = format!("{message}: the control address is closed to pages of other sites");
        Err(CallError::new(StatusCode::FORBIDDEN, header, message))
    };
    let host = head.host.as_deref();
    if let Some(host) = host.filter(|host| !is_numeric_or_local(host)) {
        let message = format!("`{host}` is neither an IP address nor localhost");
        return refused("Host", message);
    }
    let foreign = |origin: &&String| !is_own(origin, host.unwrap_or_default());
    if let Some(origin) = head.origins.iter().find(foreign) {
        return refused(
            "Origin",
            format!("`{origin}` is not the origin of this address"),
        );
    }
    // Fetch Metadata: `none` is a direct user action. `same-site` may be another port of this host,
    // which may serve foreign pages.
    match head.fetch_site.as_deref() {
        None | Some("same-origin" | "none") => Ok(()),
        Some(site) => refused("Sec-Fetch-Site", format!("this is a `{site}` request")),
    }
}

/// Whether the host needs no name resolution: an IP address, or `localhost`, which browsers resolve
/// themselves (Fetch, and RFC 6761, 6.3).
fn is_numeric_or_local(host: &str) -> bool {
    let host = without_port(host);
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match inner {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
        None => host.parse::<Ipv4Addr>().is_ok() || host.eq_ignore_ascii_case("localhost"),
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Whether `origin` is the origin of the requested host. The control address does not support TLS.
fn is_own(origin: &str, host: &str) -> bool {
    let named = origin.strip_prefix("http://");
    named.is_some_and(|named| !host.is_empty() && named.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(headers: &str) -> Result<(), String> {
        let text = format!("POST /v1/heal HTTP/1.1\n{headers}\n").replace('\n', "\r\n");
        let (head, _) = RequestHead::parse(text.as_bytes()).unwrap().unwrap();
        refuse(&head).map_err(|refused| {
            assert_eq!(refused.status, StatusCode::FORBIDDEN);
            refused.invalid.to_string()
        })
    }

    #[track_caller]
    fn takes(headers: &str) {
        assert_eq!(admitted(headers), Ok(()), "{headers}");
    }

    #[track_caller]
    fn refuses(headers: &str, expected: &str) {
        let reason = format!("{expected}: the control address is closed to pages of other sites");
        assert_eq!(admitted(headers), Err(reason), "{headers}");
    }

    #[test]
    fn who_names_the_address_by_number_or_as_localhost_is_taken() {
        for host in [
            "localhost",
            "LocalHost:18080",
            "127.0.0.1",
            "10.202.0.7:18080",
            "[::1]",
            "[fd00::1]:18080",
        ] {
            takes(&format!("host: {host}\n"));
        }
        let old = b"GET /v1/state HTTP/1.0\r\n\r\n";
        let (head, _) = RequestHead::parse(old).unwrap().unwrap();
        assert_eq!(refuse(&head), Ok(()));
    }

    #[test]
    fn a_name_that_could_be_anybody_s_is_refused() {
        for host in [
            "rebind.example:18080",
            "localhost.example",
            "localhost.",
            "a.localhost",
            "127.0.0.1.example",
            "127.1",
            "0x7f000001",
            "::1",
            "[::1",
            "[localhost]",
            ":18080",
            "",
        ] {
            let reason = format!("`Host`: `{host}` is neither an IP address nor localhost");
            refuses(&format!("host: {host}\n"), &reason);
        }
    }

    #[test]
    fn only_a_page_of_this_address_is_taken() {
        takes("host: localhost:18080\norigin: http://localhost:18080\n");
        takes("host: [::1]:18080\norigin: http://[::1]:18080\n");
        for origin in [
            "http://evil.example",
            "http://localhost:3000",
            "http://localhost",
            "https://localhost:18080",
            "http://localhost:18080.evil.example",
            "http://127.0.0.1:18080",
            "null",
            "",
        ] {
            let reason = format!("`Origin`: `{origin}` is not the origin of this address");
            refuses(
                &format!("host: localhost:18080\norigin: {origin}\n"),
                &reason,
            );
        }
        let both = "origin: http://localhost:18080\norigin: http://a\n";
        let reason = "`Origin`: `http://a` is not the origin of this address";
        refuses(&format!("host: localhost:18080\n{both}"), reason);
    }

    #[test]
    fn what_a_browser_calls_the_request_of_another_is_refused() {
        for site in ["same-origin", "none"] {
            takes(&format!("host: localhost:1\nsec-fetch-site: {site}\n"));
        }
        for site in ["cross-site", "same-site", "x"] {
            let reason = format!("`Sec-Fetch-Site`: this is a `{site}` request");
            refuses(
                &format!("host: localhost:1\nsec-fetch-site: {site}\n"),
                &reason,
            );
        }
    }
}
