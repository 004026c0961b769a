//! Tests of whole replies with curl: statuses, headers, bodies, delays, and requests of every size.

use std::io::Write as _;

use expect_test::expect;
use tempfile::NamedTempFile;

use super::{curl, python, target::Target};

/// Both versions of HTTP on one port.
const VERSIONS: [&str; 2] = ["--http1.1", "--http2-prior-knowledge"];

#[test]
fn a_status_is_any_from_200_to_999() {
    if python("a_status_is_any_from_200_to_999").is_none() {
        return;
    }
    let target = Target::start(&["http"]);
    let statuses = [200, 204, 205, 299, 304, 404, 451, 503, 599, 600, 999];
    for status in statuses {
        target.lay(&format!("/{status}"), &format!(r#"{{"status":{status}}}"#));
    }
    let seen = VERSIONS.map(|version| {
        let seen = statuses.map(|status| {
            let answer = curl::ask(&[version, &target.url(&format!("/{status}"))]);
            format!("{answer}: {}\n", answer.text().trim_end())
        });
        seen.concat()
    });
    assert_eq!(seen[0], seen[1], "both versions are answered alike");
    expect![[r#"
            whole, 200, 7 bytes: 200 OK
            whole, 204, 0 bytes: 
            whole, 205, 0 bytes: 
            whole, 299, 4 bytes: 299
            whole, 304, 0 bytes: 
            whole, 404, 14 bytes: 404 Not Found
            whole, 451, 34 bytes: 451 Unavailable For Legal Reasons
            whole, 503, 24 bytes: 503 Service Unavailable
            whole, 599, 4 bytes: 599
            whole, 600, 4 bytes: 600
            whole, 999, 4 bytes: 999
        "#]]
    .assert_eq(&seen[0]);
}

#[test]
fn a_reply_has_the_headers_and_the_body_given() {
    if python("a_reply_has_the_headers_and_the_body_given").is_none() {
        return;
    }
    let target = Target::start(&["http"]);
    let reply = r#"{"status":418,"headers":{"retry-after":"7","content-type":"text/plain"},"body":"no ☕\n"}"#;
    target.lay("/x", reply);
    for version in VERSIONS {
        let answer = curl::ask(&[version, "-i", &target.url("/x")]);
        let text = answer.text().to_lowercase();
        for line in [
            "retry-after: 7\r\n",
            "content-type: text/plain\r\n",
            "\r\n\r\nno ☕\n",
        ] {
            assert!(text.contains(line), "{version} {line:?} in {text}");
        }
    }
}

#[test]
fn head_has_no_body_and_says_how_long_it_would_be() {
    if python("head_has_no_body_and_says_how_long_it_would_be").is_none() {
        return;
    }
    let target = Target::start(&["http"]);
    let answer = curl::ask(&["--http1.1", "-I", &target.url("/")]);
    assert_eq!(answer.to_string(), "whole, 200, 0 bytes");
    assert!(
        answer.text().contains("content-length: 7\r\n"),
        "{answer:?}"
    );
}

#[test]
fn a_delay_is_longer_than_a_client_waits_or_it_is_not() {
    if python("a_delay_is_longer_than_a_client_waits_or_it_is_not").is_none() {
        return;
    }
    let target = Target::start(&["http"]);
    let ask = |delay: &str, limit: &str| {
        target.lay("/x", &format!(r#"{{"status":503,"delay":"{delay}"}}"#));
        curl::ask(&["--max-time", limit, &target.url("/x")]).to_string()
    };
    assert_eq!(ask("50ms", "60"), "whole, 503, 24 bytes");
    assert_eq!(ask("10m", "1"), "28 timeout, 000, 0 bytes");
}

#[test]
fn what_a_client_sends_is_read_before_it_is_answered() {
    if python("what_a_client_sends_is_read_before_it_is_answered").is_none() {
        return;
    }
    let target = Target::start(&["http"]);
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(&vec![b'x'; 3_000_000]).unwrap();
    let data = format!("@{}", file.path().display());
    target.lay("/close", r#"{"fault":"close"}"#);
    target.lay("/short", r#"{"fault":"short-body"}"#);
    for expect in ["Expect:", "Expect: 100-continue"] {
        let send = |version: &str, path: &str| {
            let url = target.url(path);
            let send = [version, "-H", expect, "--data-binary", &data, &url];
            curl::ask(&send).to_string()
        };
        for version in VERSIONS {
            assert_eq!(
                send(version, "/"),
                "whole, 200, 7 bytes",
                "{version} {expect}"
            );
        }
        assert_eq!(
            send("--http1.1", "/close"),
            "52 empty, 000, 0 bytes",
            "{expect}"
        );
        assert_eq!(
            send("--http1.1", "/short"),
            "18 cut short, 200, 1 bytes",
            "{expect}"
        );
    }
}
