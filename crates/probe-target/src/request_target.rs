//! The request target of HTTP: the part of the request line between method and version.

use percent_encoding::percent_encode_byte;

use crate::model::route_path::RoutePath;
use crate::server::request_head::RequestHead;

/// The request target that `check http` sends for a path, which begins with a slash and may have a
/// query.
///
/// Escapes are sent as they are. Characters that a request line cannot contain are escaped, so that
/// every path reaches its server. A fragment is not sent.
pub fn of_path(path: &str) -> String {
    let path = path.split('#').next().unwrap_or_default();
    let mut target = String::with_capacity(path.len());
    for (at, byte) in path.bytes().enumerate() {
        let stands = match byte {
            b'%' => is_escape(&path.as_bytes()[at..]),
            // RFC 3986, 3.3 and 3.4: `pchar`, slashes and question marks.
            byte => byte.is_ascii_alphanumeric() || b"/?-._~!$&'()*+,;=:@".contains(&byte),
        };
        if stands {
            target.push(char::from(byte));
        } else {
            target.push_str(percent_encode_byte(byte));
        }
    }
    target
}

fn is_escape(text: &[u8]) -> bool {
    matches!(text, [_, high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

/// The route that a request with this target matches; `None` if the request is rejected.
pub fn route(target: &str) -> Option<RoutePath> {
    let head = format!("GET {target} HTTP/1.1\r\nhost: target\r\n\r\n");
    let (head, _) = RequestHead::parse(head.as_bytes()).ok()??;
    Some(RoutePath::requested(&head.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_sent_as_written_where_it_can_be() {
        let check = |path, target| assert_eq!(of_path(path), target);
        check("/", "/");
        check("//a/./b/..;c=d", "//a/./b/..;c=d");
        check("/a%20b%2f%FF?c=d&e=%zz", "/a%20b%2f%FF?c=d&e=%25zz");
        check("/a b", "/a%20b");
        check("/ü", "/%C3%BC");
        check("/%", "/%25");
        check("/%4", "/%254");
        check("/[a]|<b>\"\\^`{}", "/%5Ba%5D%7C%3Cb%3E%22%5C%5E%60%7B%7D");
        check("/a\r\nb\u{7f}", "/a%0D%0Ab%7F");
        check("/a?b c#d", "/a?b%20c");
    }

    #[test]
    fn a_route_is_asked_for_by_every_target_that_is_read() {
        let check =
            |target, route: &str| assert_eq!(self::route(target).unwrap().to_string(), route);
        check("/", "/");
        check("//a?b", "//a");
        check("/a%2fb%20c", "/a/b%20c");
        check("/*", "/%2A");
        check("/a?q=<b>", "/a");
        for refused in ["/a b", "/a?b c", "/a\r\nb", ""] {
            assert_eq!(route(refused), None, "{refused}");
        }
    }
}
