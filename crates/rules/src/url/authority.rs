//! Parses the authority of a URL: user, password, host and port.
//!
//! Rule: Go's `net/url/url.go`, `parseAuthority` and `parseHost`.

use std::net::Ipv6Addr;

use super::escape::{Part, escape, unescape};
use super::problem::Problem;

/// The user information before the `@` of an authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name, decoded.
    pub name: Vec<u8>,
    /// The password, decoded; `None` without a colon.
    pub password: Option<Vec<u8>>,
}

impl User {
    /// Name and password, escaped as in a URL.
    pub(super) fn escaped(&self) -> String {
        let name = escape(&self.name, Part::User);
        match &self.password {
            Some(password) => format!("{name}:{}", escape(password, Part::User)),
            None => name,
        }
    }
}

/// Parses an authority into user and host. The host is escaped as it is printed.
pub(super) fn parse(scheme: &str, authority: &str) -> Result<(Option<User>, String), Problem> {
    let Some((user, host)) = authority.rsplit_once('@') else {
        return Ok((None, host(scheme, authority)?));
    };
    // Go parses the host first: of two errors it reports the host's.
    let host = self::host(scheme, host)?;
    Ok((Some(self::user(user)?), host))
}

fn user(text: &str) -> Result<User, Problem> {
    // RFC 3986 forbids `@` in a user; Go allows it for old URLs.
    let is_allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
    if !text.bytes().all(is_allowed) {
        return Err(Problem::User);
    }
    let decode = |text: &str| unescape(text.as_bytes(), Part::User);
    Ok(match text.split_once(':') {
        Some((name, password)) => User {
            name: decode(name)?,
            password: Some(decode(password)?),
        },
        None => User {
            name: decode(text)?,
            password: None,
        },
    })
}

fn host(scheme: &str, text: &str) -> Result<String, Problem> {
    let decoded = match text.rfind('[') {
        Some(0) => literal(text)?,
        // Text before the bracket is no host: only an IPv6 address has brackets.
        Some(_) => return Err(Problem::IpLiteral),
        None => {
            check_port(port(scheme, text))?;
            unescape(text.as_bytes(), Part::Host)?
        }
    };
    Ok(escape(&decoded, Part::Host))
}

/// The port with its colon. It starts at the first colon for http and https, otherwise at the last.
fn port<'a>(scheme: &str, text: &'a str) -> &'a str {
    // So `http://a:1:80` has no valid port. Go refuses it since 1.26 (`GODEBUG=urlstrictcolons`).
    let colon = match scheme {
        "http" | "https" => text.find(':'),
        _ => text.rfind(':'),
    };
    colon.map_or("", |colon| &text[colon..])
}

/// Parses and decodes a host such as `[fe80::1%25eth0]:80`.
fn literal(text: &str) -> Result<Vec<u8>, Problem> {
    let end = text.rfind(']').ok_or(Problem::Bracket)?;
    let (inside, port) = (&text[1..end], &text[end + 1..]);
    check_port(port)?;
    let (address, zone) = inside.split_at(inside.find("%25").unwrap_or(inside.len()));
    let mut decoded = unescape(address.as_bytes(), Part::Host)?;
    decoded.extend(unescape(zone.as_bytes(), Part::Zone)?);
    check_address(&decoded)?;
    Ok([b"[", &decoded[..], b"]", port.as_bytes()].concat())
}

/// Rule: Go's `net/netip`, `ParseAddr`: a zone must not be empty, and an IPv4 address has no
/// brackets.
fn check_address(decoded: &[u8]) -> Result<(), Problem> {
    let text = String::from_utf8_lossy(decoded);
    // Any zone that is not empty stands for an absent one, which is valid too.
    let (address, zone) = text.split_once('%').unwrap_or((&text, "eth0"));
    if text.parse::<std::net::Ipv4Addr>().is_ok() {
        return Err(Problem::IpLiteral);
    }
    if zone.is_empty() || address.parse::<Ipv6Addr>().is_err() {
        return Err(Problem::Address(decoded.to_vec()));
    }
    Ok(())
}

fn check_port(port: &str) -> Result<(), Problem> {
    let digits = port.strip_prefix(':');
    if port.is_empty() || digits.is_some_and(|digits| digits.bytes().all(|it| it.is_ascii_digit()))
    {
        Ok(())
    } else {
        Err(Problem::Port(port.to_owned()))
    }
}
