//! Parsing, resolving and printing, compared with Go's results. URLs of probes are compared in
//! `probe::http_get`.

use super::*;

fn page() -> Url {
    Url::parse("http://u:p@10.0.0.7:8080/a/b?c").unwrap()
}

#[test]
fn a_location_is_seen_from_where_it_was_given() {
    let check = |location, url: &str| {
        let location = Url::parse(location).unwrap();
        assert_eq!(page().resolve(&location).to_string(), url);
    };
    check("/x", "http://u:p@10.0.0.7:8080/x");
    check("/", "http://u:p@10.0.0.7:8080/");
    check("x?y#z", "http://u:p@10.0.0.7:8080/a/x?y#z");
    check("../x/", "http://u:p@10.0.0.7:8080/x/");
    check("%2e%2e/x", "http://u:p@10.0.0.7:8080/a/%2e%2e/x");
    check("//10.0.0.7:8080/a//b/./../.", "http://10.0.0.7:8080/a//");
    check("..//x", "http://u:p@10.0.0.7:8080/x");
    check("/a//../x", "http://u:p@10.0.0.7:8080/a/x");
    check("/..", "http://u:p@10.0.0.7:8080/");
    check("", "http://u:p@10.0.0.7:8080/a/b?c");
    check("#f", "http://u:p@10.0.0.7:8080/a/b?c#f");
    check("?d", "http://u:p@10.0.0.7:8080/a/b?d");
    check("?", "http://u:p@10.0.0.7:8080/a/b?");
    check("/x y", "http://u:p@10.0.0.7:8080/x%20y");
    check("//10.0.0.7:9/x", "http://10.0.0.7:9/x");
    check("https://example.com", "https://example.com");
    check("HTTPS://example.com/a/../b", "https://example.com/b");
    check("mailto:b@c", "mailto:b@c");
    check("file:/x", "file:/x");
    check("file:///x", "file:///x");
}

#[test]
fn the_host_is_told_from_its_port() {
    let check = |text, host, port| {
        let url = Url::parse(text).unwrap();
        assert_eq!((url.host(), url.port()), (host, port), "{text}");
    };
    check("http://10.0.0.7:9000/", "10.0.0.7", Some("9000"));
    check("http://example.com:/", "example.com", None);
    check("http://[fd00::1]:9000/", "fd00::1", Some("9000"));
    check("http://[fd00::1]/", "fd00::1", None);
    check("http://user@example.com/", "example.com", None);
    check("/x", "", None);
}

#[test]
fn secrets_are_left_out_where_they_must_be() {
    assert_eq!(
        page().without_password(),
        "http://u:***@10.0.0.7:8080/a/b?c"
    );
    assert_eq!(page().without_user(), "http://10.0.0.7:8080/a/b?c");
    let named = Url::parse("http://a%20b@c").unwrap();
    assert_eq!(named.without_password(), "http://a%20b@c");
}

#[test]
fn malformed_urls_have_errors() {
    let check = |text, quoted: &str, problem| {
        let error = Url::parse(text).unwrap_err();
        assert_eq!((error.text.as_str(), error.problem), (quoted, problem));
    };
    let escape = |text: &str| Problem::Escape(text.into());
    check("/%zz#f", "/%zz", escape("%zz"));
    check("/x#%z", "/x#%z", escape("%z"));
    check("//h%41/", "//h%41/", escape("%41"));
    check("//%zz@h/", "//%zz@h/", escape("%zz"));
    check("\u{1}", "\u{1}", Problem::Control);
    check(":x", ":x", Problem::NoScheme);
    check("1:2", "1:2", Problem::Colon);
    check("http://[::1", "http://[::1", Problem::Bracket);
    check("//a[::1]", "//a[::1]", Problem::IpLiteral);
    check("//[1.2.3.4]", "//[1.2.3.4]", Problem::IpLiteral);
    check("//[::x]", "//[::x]", Problem::Address(b"::x".to_vec()));
    check("//a b/", "//a b/", Problem::HostCharacter(b' '));
    check("//a b@c/", "//a b@c/", Problem::User);
    let port = |text: &str| Problem::Port(text.to_owned());
    check("//a:b/", "//a:b/", port(":b"));
    check("http://a:b:80/", "http://a:b:80/", port(":b:80"));
    check("//[::1]b", "//[::1]b", port("b"));
}
