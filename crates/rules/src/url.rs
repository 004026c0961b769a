//! URLs and URL references, parsed, resolved and printed as Go's `net/url` does.
//!
//! A kubelet is a Go program, so it parses URLs in this way.
//!
//! Rule: Go's `net/url/url.go` of Go 1.26.

mod authority;
mod escape;
mod problem;
mod resolve;

use std::fmt;

pub use authority::User;
use escape::{Part, escape, normalize};
pub use problem::Problem;

/// A URL, or a relative reference in which parts are missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Url {
    /// In lower case; empty in a reference without one.
    scheme: String,
    /// The text after the scheme if it does not begin with a slash: `b@c` in `mailto:b@c`.
    opaque: String,
    user: Option<User>,
    /// Host and port, escaped, an IPv6 address in brackets; empty if the URL has no host.
    host: String,
    /// There is a scheme and then a path, without an authority in between: `file:/a`.
    omits_host: bool,
    /// Escaped as it is sent.
    path: String,
    /// As written; `Some("")` of `/a?`.
    query: Option<String>,
    /// Escaped; empty if there is none.
    fragment: String,
}

/// Why a text is not a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The text that Go quotes: without the fragment, unless the problem is there.
    pub text: String,
    /// The problem.
    pub problem: Problem,
}

impl Url {
    /// Parses a URL or reference.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let error = |text: &str, problem| ParseError {
            text: text.to_owned(),
            problem,
        };
        let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
        let mut url = Self::without_fragment(rest).map_err(|problem| error(rest, problem))?;
        let fragment = normalize(fragment, Part::Fragment);
        url.fragment = fragment.map_err(|problem| error(text, problem))?;
        Ok(url)
    }

    fn without_fragment(text: &str) -> Result<Self, Problem> {
        if text.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(Problem::Control);
        }
        // The request target of `OPTIONS *`, which is no path.
        if text == "*" {
            return Ok(Self {
                path: "*".to_owned(),
                ..Self::default()
            });
        }
        let (scheme, rest) = scheme(text)?;
        let scheme = scheme.to_ascii_lowercase();
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query.to_owned())),
            None => (rest, None),
        };
        // RFC 3986's rootless path, which Go calls opaque.
        if !rest.starts_with('/') && !scheme.is_empty() {
            return Ok(Self {
                scheme,
                opaque: rest.to_owned(),
                query,
                ..Self::default()
            });
        }
        let first = rest.split('/').next().unwrap_or_default();
        if first.contains(':') {
            return Err(Problem::Colon);
        }
        // Without a scheme, `///a` is a path; with one, its authority is empty.
        let has_authority = !scheme.is_empty() || !rest.starts_with("///");
        let authority = rest.strip_prefix("//").filter(|_| has_authority);
        let (authority, path) = match authority {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        let (user, host) = authority::parse(&scheme, authority)?;
        Ok(Self {
            user,
            host,
            omits_host: !scheme.is_empty() && !rest.starts_with("//"),
            scheme,
            path: normalize(path, Part::Path)?,
            query,
            ..Self::default()
        })
    }

    /// A reference with exactly this path: no escape and no query in it is interpreted.
    pub(crate) fn of_path(path: &str) -> Self {
        Self {
            path: escape(path.as_bytes(), Part::Path),
            ..Self::default()
        }
    }

    /// The same path, query, fragment and user with this scheme, host and port.
    pub(crate) fn at(mut self, scheme: &str, host: &str, port: u16) -> Self {
        // As Go's `net.JoinHostPort`: an IPv6 address gets brackets.
        let host = if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        };
        scheme.clone_into(&mut self.scheme);
        self.host = escape(host.as_bytes(), Part::Host);
        self
    }

    /// The scheme in lower case; empty in a reference without one.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// User and password, if the URL contains them.
    pub fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    /// Host and port as in a `Host` header; empty if there is no host.
    pub fn authority(&self) -> &str {
        &self.host
    }

    /// The host without port and brackets.
    pub fn host(&self) -> &str {
        let host = self.host_and_port().0;
        let inside = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        inside.unwrap_or(host)
    }

    /// The port, if the URL contains one.
    pub fn port(&self) -> Option<&str> {
        self.host_and_port().1.filter(|port| !port.is_empty())
    }

    fn host_and_port(&self) -> (&str, Option<&str>) {
        match self.host.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => (host, Some(port)),
            _ => (&self.host, None),
        }
    }

    /// The request target: the text between method and version in a request line.
    ///
    /// Rule: `RequestURI`.
    pub fn target(&self) -> String {
        let path = match self.path.as_str() {
            "" => "/",
            path => path,
        };
        format!("{path}{}", self.marked_query())
    }

    /// The URL with its password masked, for error texts.
    ///
    /// Rule: Go's `net/http/client.go`, `stripPassword`.
    pub fn without_password(&self) -> String {
        // Go replaces the text of user and password in the printed URL, and does not escape the
        // name again.
        let user = self.user.as_ref().map(|user| {
            let name = String::from_utf8_lossy(&user.name);
            match user.password {
                Some(_) => format!("{name}:***"),
                None => user.escaped(),
            }
        });
        self.print(user.as_deref())
    }

    /// The URL in the form of a `Referer` header.
    ///
    /// Rule: Go's `net/http/client.go`, `refererForURL`.
    pub fn without_user(&self) -> String {
        self.print(None)
    }

    fn marked_query(&self) -> String {
        let query = self.query.as_ref();
        query.map_or_else(String::new, |query| format!("?{query}"))
    }

    /// Rule: `String`.
    fn print(&self, user: Option<&str>) -> String {
        let place = if self.opaque.is_empty() {
            let path = self.path.as_str();
            // Without a slash the path would continue the host.
            let slash = !self.host.is_empty() && !path.is_empty() && !path.starts_with('/');
            let slash = if slash { "/" } else { "" };
            format!("{}{slash}{path}", self.marked_authority(user))
        } else {
            self.opaque.clone()
        };
        let fragment = match self.fragment.as_str() {
            "" => String::new(),
            fragment => format!("#{fragment}"),
        };
        let scheme = match self.scheme.as_str() {
            "" => String::new(),
            scheme => format!("{scheme}:"),
        };
        [scheme, place, self.marked_query(), fragment].concat()
    }

    fn marked_authority(&self, user: Option<&str>) -> String {
        let empty = !self.scheme.is_empty() && !self.path.is_empty() && !self.omits_host;
        match user {
            Some(user) => format!("//{user}@{}", self.host),
            None if !self.host.is_empty() || empty => format!("//{}", self.host),
            None => String::new(),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user.as_ref().map(User::escaped);
        formatter.write_str(&self.print(user.as_deref()))
    }
}

/// The scheme, empty if there is none, and the text after it.
///
/// Rule: `getScheme`.
fn scheme(text: &str) -> Result<(&str, &str), Problem> {
    let belongs = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    match text.split_once(':') {
        Some(("", _)) => Err(Problem::NoScheme),
        Some((name, rest))
            if name.starts_with(|it: char| it.is_ascii_alphabetic())
                && name.bytes().all(belongs) =>
        {
            Ok((name, rest))
        }
        _ => Ok(("", text)),
    }
}

#[cfg(test)]
mod tests;
