//! URLs of probes, as recorded from Go by `tests/it/peers/probe_urls.rs`.

use serde_json::Value;

use super::*;

const RECORDED: &str = include_str!("../../../../../tests/recordings/probe-urls.jsonl");

fn url(host: &str, path: &str) -> Result<Url, ParseError> {
    let get = HttpGet {
        scheme: Scheme::Http,
        host,
        port: 8080,
        path,
    };
    get.url()
}

#[test]
fn a_probe_asks_what_go_asks() {
    for line in RECORDED.lines() {
        let expected: Value = serde_json::from_str(line).unwrap();
        let url = url("10.0.0.7", expected["path"].as_str().unwrap()).unwrap();
        assert_eq!(url.without_password(), expected["url"], "{line}");
        let target = (!url.authority().is_empty()).then(|| url.target());
        assert_eq!(target.as_deref(), expected["target"].as_str(), "{line}");
    }
    assert!(RECORDED.lines().count() >= 80);
}

/// Go's results for these have changed since 1.21; these are of 1.26.
#[test]
fn an_authority_that_is_none_makes_a_path_of_the_whole_text() {
    let check = |path, target| assert_eq!(url("10.0.0.7", path).unwrap().target(), target);
    check("//[1.2.3.4]/x", "//%5B1.2.3.4%5D/x");
    check("//[::1%25]/x", "//%5B::1%2525%5D/x");
    check("http://a:b:80/x", "/http://a:b:80/x");
    check("//a:b:80/x", "/x");
}

#[test]
fn the_host_is_the_probes_whatever_the_path_names() {
    let check = |host, expected: &str| {
        let url = url(host, "http://user@elsewhere:9/x").unwrap();
        assert_eq!((url.authority(), url.target().as_str()), (expected, "/x"));
    };
    check("10.0.0.7", "10.0.0.7:8080");
    check("fd00::7", "[fd00::7]:8080");
    check("example.com", "example.com:8080");
    let invalid = url("no host", "/").unwrap_err();
    assert_eq!(
        invalid.problem,
        crate::url::Problem::Escape(b"%20".to_vec())
    );
}
