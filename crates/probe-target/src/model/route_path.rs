//! The path of a route, percent-encoded; it matches decoded request paths.
//! `/a%3Fb` matches the path `/a?b`.
//!
//! `/a/*` matches every path that begins with `/a/`: also `/a/` itself, but not `/a`. So `/*`
//! matches all paths. A `*` anywhere else is a literal, and so is `%2A`.

use std::fmt;
use std::str::FromStr;

use crate::model::percent;

/// The path of a route. For a gRPC port it is a slash and the name of a service.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct RoutePath {
    /// The decoded path; for a wildcard, the prefix with its trailing slash.
    decoded: Vec<u8>,
    wildcard: bool,
}

impl RoutePath {
    /// The route that matches only this decoded path.
    pub fn exact(decoded: impl Into<Vec<u8>>) -> Self {
        Self {
            decoded: decoded.into(),
            wildcard: false,
        }
    }

    /// The route that matches every path.
    pub fn all() -> Self {
        Self::below(b"/")
    }

    /// The wildcard that matches every decoded path with this prefix.
    pub(crate) fn below(prefix: &[u8]) -> Self {
        Self {
            decoded: prefix.to_vec(),
            wildcard: true,
        }
    }

    /// The route that matches only a request with this path, as sent. A `%` that does not begin a
    /// valid escape is a literal.
    pub fn requested(sent: &str) -> Self {
        Self::exact(percent::decode_lenient(sent))
    }

    /// Whether the route matches a request with this decoded path.
    pub fn matches(&self, decoded: &[u8]) -> bool {
        if self.wildcard {
            decoded.starts_with(&self.decoded)
        } else {
            decoded == self.decoded
        }
    }

    /// Whether it matches every path that the other matches.
    pub fn covers(&self, other: &Self) -> bool {
        self == other || (self.wildcard && other.decoded.starts_with(&self.decoded))
    }

    /// Whether it ends in `/*`.
    pub fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// The decoded path; for a wildcard, the prefix.
    pub(crate) fn decoded(&self) -> &[u8] {
        &self.decoded
    }
}

impl FromStr for RoutePath {
    /// The reason why the text is not a route, in one sentence.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err(format!("a path begins with a slash, unlike `{text}`"));
        }
        for (mark, part, escape) in [('?', "query", "%3F"), ('#', "fragment", "%23")] {
            if text.contains(mark) {
                return Err(format!(
                    "`{text}` has a {part}, and a route matches the path alone; write {escape} for a `{mark}` in a path"
                ));
            }
        }
        let (path, wildcard) = match text.strip_suffix('*') {
            Some(prefix) if prefix.ends_with('/') => (prefix, true),
            _ => (text, false),
        };
        let decoded = percent::decode(path).ok_or_else(|| {
            format!("`{text}` is not percent-encoded: write %25 for a `%` in a path")
        })?;
        Ok(Self { decoded, wildcard })
    }
}

/// The canonical percent-encoding: equal routes have equal texts.
impl fmt::Display for RoutePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.wildcard {
            write!(f, "{}*", percent::encode_path(&self.decoded))
        } else {
            f.write_str(&text(&self.decoded))
        }
    }
}

/// The text of the route that matches only this decoded path.
pub(crate) fn text(decoded: &[u8]) -> String {
    let mut text = percent::encode_path(decoded);
    if text.ends_with("/*") {
        text.pop();
        text.push_str("%2A");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn canonical(text: &str, expected: &str) {
        let route: RoutePath = text.parse().unwrap();
        assert_eq!(route.to_string(), expected);
        assert_eq!(expected.parse(), Ok(route), "{expected} must be the same");
    }

    #[track_caller]
    fn matches(route: &str, sent: &str, expected: bool) {
        let decoded = percent::decode_lenient(sent);
        let matches = route.parse::<RoutePath>().unwrap().matches(&decoded);
        assert_eq!(matches, expected, "{route} and a request for {sent}");
    }

    #[test]
    fn equal_routes_have_one_text() {
        canonical("/", "/");
        canonical("/v1:ping/~a@b", "/v1:ping/~a@b");
        canonical("/!$&'()*+,;=", "/!$&'()*+,;=");
        canonical("/%7euser/%41", "/~user/A");
        canonical("/a%3fb%23c", "/a%3Fb%23c");
        canonical("/a b/ü\"", "/a%20b/%C3%BC%22");
        canonical("/%ff%2F%00", "/%FF/%00");
        canonical("/100%25", "/100%25");
    }

    #[test]
    fn a_star_is_a_wildcard_only_as_the_last_segment() {
        canonical("/*", "/*");
        canonical("/a%20/*", "/a%20/*");
        canonical("/a/%2a", "/a/%2A");
        canonical("/a*", "/a*");
        canonical("/*/b", "/*/b");
        canonical("/a%2F*", "/a/%2A");
        assert!("/*".parse::<RoutePath>().unwrap() == RoutePath::all());
    }

    #[test]
    fn a_route_matches_the_decoded_path() {
        matches("/a%3Fb", "/a%3fb", true);
        matches("/a%3Fb", "/a", false);
        matches("/ready z", "/ready%20z", true);
        matches("/a/b", "/a%2Fb", true);
        matches("/%FF", "/%ff", true);
        matches("/%FF", "/%C3%BF", false);
        matches("/%25zz", "/%zz", true);
        matches("/ü", "/%C3%BC", true);
        matches("/A", "/a", false);
    }

    #[test]
    fn a_wildcard_matches_every_path_below() {
        for (sent, expected) in [
            ("/a/b", true),
            ("/a/b/c", true),
            ("/a/", true),
            ("/a/*", true),
            ("/a%2fb", true),
            ("/a", false),
            ("/ab", false),
            ("/b/a/", false),
        ] {
            matches("/a/*", sent, expected);
        }
        matches("/*", "/", true);
        matches("/a/%2A", "/a/*", true);
        matches("/a/%2A", "/a/b", false);
    }

    #[test]
    fn a_wildcard_covers_what_begins_like_it() {
        let covers = |one: &str, other: &str| {
            let [one, other] = [one, other].map(|text| text.parse::<RoutePath>().unwrap());
            one.covers(&other)
        };
        for covered in ["/a/b", "/a/", "/a/*", "/a/b/*"] {
            assert!(covers("/a/*", covered), "{covered}");
        }
        assert!(covers("/a", "/a") && covers("/*", "/a"));
        for (one, other) in [
            ("/a/*", "/a"),
            ("/a/*", "/*"),
            ("/a/", "/a/*"),
            ("/a", "/a/b"),
        ] {
            assert!(!covers(one, other), "{one} {other}");
        }
    }

    #[test]
    fn the_route_of_a_request_matches_that_request_alone() {
        for sent in ["/", "/a/*", "/%zz", "/a%20b", "/%FF", "/*"] {
            let route = RoutePath::requested(sent);
            assert!(!route.is_wildcard(), "{sent}");
            assert_eq!(route.to_string().parse(), Ok(route), "{sent}");
        }
        assert_eq!(RoutePath::requested("/a/*").to_string(), "/a/%2A");
        assert_eq!(RoutePath::exact("/a%20b").to_string(), "/a%2520b");
    }

    #[test]
    fn what_no_request_can_ask_is_refused_with_the_reason() {
        let refused = |text: &str, expected: &str| {
            let reason = text.parse::<RoutePath>().unwrap_err();
            assert_eq!(reason, expected);
        };
        refused(
            "/a?b",
            "`/a?b` has a query, and a route matches the path alone; write %3F for a `?` in a path",
        );
        refused(
            "/a#b",
            "`/a#b` has a fragment, and a route matches the path alone; write %23 for a `#` in a path",
        );
        for broken in ["/%", "/%2", "/%zz", "/%+1", "/a%/*"] {
            let reason =
                format!("`{broken}` is not percent-encoded: write %25 for a `%` in a path");
            refused(broken, &reason);
        }
        refused("a", "a path begins with a slash, unlike `a`");
        refused("", "a path begins with a slash, unlike ``");
    }
}
