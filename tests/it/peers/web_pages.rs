//! Tests that web pages in a local browser cannot use the control API, and that other clients can.
//!
//! The browsers' requests are written by hand; those of curl are sent by curl. Only the latter
//! needs a peer.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use super::{curl, python, target::Target};
use crate::program::{Ended, probe_target};

/// Sends a request with these lines to the control API, and returns the status and the rest as
/// text.
fn sent(target: &Target, lines: &[&str], body: &str) -> (u16, String) {
    let address = target.control_address();
    let mut connection = TcpStream::connect(&address).unwrap();
    let lines = lines.join("\r\n").replace("ADDRESS", &address);
    let length = body.len();
    let request = format!("{lines}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let status = answer["HTTP/1.1 ".len()..][..3].parse().unwrap();
    (status, answer)
}

/// Checks that a request is refused with a reason in JSON that the page may not read, and that
/// nothing has changed.
#[track_caller]
fn refused(target: &Target, lines: &[&str], body: &str, reason: &str) {
    let (status, answer) = sent(target, lines, body);
    assert_eq!(status, 403, "{lines:?}: {answer}");
    assert!(
        answer.contains("content-type: application/json"),
        "{answer}"
    );
    assert!(answer.contains(reason), "{answer}");
    assert!(
        !answer.to_lowercase().contains("access-control-allow"),
        "{answer}"
    );
    let (status, state) = sent(target, &["GET /v1/state HTTP/1.1", "host: ADDRESS"], "");
    assert_eq!(status, 200, "{state}");
    assert!(state.contains(r#""revision":0"#), "{state}");
}

#[test]
fn a_page_of_another_origin_changes_nothing() {
    let target = Target::start(&["http"]);
    // fetch(…, {method: "POST", mode: "no-cors"}), which sends text/plain without a preflight
    // request.
    refused(
        &target,
        &[
            "POST /v1/process/exit HTTP/1.1",
            "host: ADDRESS",
            "origin: http://evil.example",
            "content-type: text/plain;charset=UTF-8",
            "sec-fetch-site: cross-site",
            "sec-fetch-mode: no-cors",
        ],
        r#"{"code":3}"#,
        "`http://evil.example` is not the origin of this address",
    );
    // An older browser, and a page of another program on this machine.
    refused(
        &target,
        &[
            "POST /v1/process/exit HTTP/1.1",
            "host: ADDRESS",
            "origin: http://127.0.0.1:3000",
            "content-type: text/plain",
        ],
        "{}",
        "`http://127.0.0.1:3000` is not the origin of this address",
    );
    // A browser's preflight request before a PUT of JSON.
    refused(
        &target,
        &[
            "OPTIONS /v1/ports/8080 HTTP/1.1",
            "host: ADDRESS",
            "origin: http://evil.example",
            "access-control-request-method: PUT",
            "access-control-request-headers: content-type",
        ],
        "",
        "Origin",
    );
}

#[test]
fn a_form_posts_nothing() {
    let target = Target::start(&["http"]);
    for (kind, body) in [
        ("application/x-www-form-urlencoded", "code=3"),
        ("multipart/form-data; boundary=x", "--x--"),
        ("text/plain", r#"{"code":3,"message":"="}"#),
    ] {
        // `null` is the origin of a local file or a sandboxed frame.
        for origin in ["http://evil.example", "null"] {
            let (kind, origin) = (format!("content-type: {kind}"), format!("origin: {origin}"));
            let lines = [
                "POST /v1/process/exit HTTP/1.1",
                "host: ADDRESS",
                &origin,
                &kind,
                "upgrade-insecure-requests: 1",
            ];
            refused(&target, &lines, body, "Origin");
        }
    }
}

#[test]
fn a_name_that_was_made_to_resolve_to_the_target_reads_nothing() {
    let target = Target::start(&["http"]);
    let (name, origin) = (
        "host: rebind.example:18080",
        "origin: http://rebind.example:18080",
    );
    let reason = "`rebind.example:18080` is neither an IP address nor localhost";
    for call in [
        "/v1/state",
        "/v1/journal",
        "/v1/plan",
        "/metrics",
        "/v1/journal/stream",
    ] {
        let line = format!("GET {call} HTTP/1.1");
        refused(
            &target,
            &[&line, name, "sec-fetch-site: same-origin"],
            "",
            reason,
        );
    }
    refused(
        &target,
        &["POST /v1/heal HTTP/1.1", name, origin],
        "",
        reason,
    );
    let line = "GET http://rebind.example:18080/v1/state HTTP/1.1";
    refused(&target, &[line, "host: ADDRESS"], "", reason);
}

#[test]
fn an_image_or_script_of_another_page_is_not_served() {
    let target = Target::start(&["http"]);
    for site in ["cross-site", "same-site"] {
        let site = format!("sec-fetch-site: {site}");
        let lines = [
            "GET /v1/journal/wait HTTP/1.1",
            "host: ADDRESS",
            "sec-fetch-mode: no-cors",
            &site,
        ];
        refused(&target, &lines, "", "Sec-Fetch-Site");
    }
}

#[test]
fn the_page_of_the_address_itself_and_old_clients_are_served() {
    let target = Target::start(&["http"]);
    let own = [
        "POST /v1/heal HTTP/1.1",
        "host: ADDRESS",
        "origin: http://ADDRESS",
        "sec-fetch-site: same-origin",
    ];
    assert_eq!(sent(&target, &own, "").0, 200);
    let typed = [
        "GET /v1/state HTTP/1.1",
        "host: ADDRESS",
        "sec-fetch-site: none",
    ];
    assert_eq!(sent(&target, &typed, "").0, 200);
    assert_eq!(sent(&target, &["GET /v1/state HTTP/1.0"], "").0, 200);
    // Requests through a port-forward have the local port in `host`.
    let forwarded = ["POST /v1/heal HTTP/1.1", "host: localhost:9999"];
    assert_eq!(sent(&target, &forwarded, "").0, 200);
}

#[test]
fn our_own_client_goes_on_working() {
    let target = Target::start(&["http"]);
    let port = target.port(0).to_string();
    let control = target.control_address();
    for arguments in [
        vec!["flip", "/x", "503", "--control", &control],
        vec!["journal", "--control", &control],
        vec!["heal", &port, "--control", &control],
    ] {
        let ended: Ended = probe_target().args(&arguments).output().unwrap().into();
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn curl_goes_on_working() {
    if python("curl_goes_on_working").is_none() {
        return;
    }
    let target = Target::start(&["http"]);
    let local = target
        .control_url("/v1/heal")
        .replace("127.0.0.1", "localhost");
    let state = target.control_url("/v1/state");
    let route = target.control_url(&format!("/v1/ports/{}/routes/x", target.port(0)));
    for arguments in [
        vec![state.as_str()],
        vec!["-0", &state],
        // With -d curl sends `application/x-www-form-urlencoded` and no Origin.
        vec!["-X", "PUT", "-d", r#"{"status":503}"#, &route],
        vec!["-X", "PUT", "--json", r#"{"status":503}"#, &route],
        vec!["-X", "POST", &local],
        vec!["-4", "-X", "POST", &local],
    ] {
        let answer = curl::ask(&arguments);
        assert_eq!(answer.statuses(), "200", "{arguments:?}: {answer:?}");
    }
    let rebound = ["-H", "host: rebind.example", &state];
    assert_eq!(curl::ask(&rebound).statuses(), "403");
}
