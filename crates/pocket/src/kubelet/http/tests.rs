//! Every row of the outcome table, against a server that sends given bytes.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::net::Network;

const POD: &str = "10.244.0.5";

fn host(ip: &str) -> (Host, Network) {
    let network = Network::default();
    (Host::new(network.clone(), ip.parse().unwrap()), network)
}

/// The server's next step after its bytes.
#[derive(Clone, Copy)]
enum Then {
    Close,
    Reset,
    Stall,
}

/// Probes `/p` of a server that answers the n-th connection with the n-th text, and all further
/// ones with the last.
async fn probe(texts: Vec<Vec<u8>>, then: Then) -> (Report, Vec<String>) {
    let limit = Duration::from_secs(1);
    probe_by(Scheme::Http, limit, texts, then).await
}

async fn probe_by(
    scheme: Scheme,
    limit: Duration,
    texts: Vec<Vec<u8>>,
    then: Then,
) -> (Report, Vec<String>) {
    let (node, network) = host("10.244.0.1");
    let pod = Host::new(network, POD.parse().unwrap());
    let mut listener = pod.listen("[::]:8080".parse().unwrap()).unwrap();
    let requests = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = requests.clone();
    let server = tokio::spawn(async move {
        let mut held = Vec::new();
        for turn in 0.. {
            let mut stream = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            seen.lock().unwrap().push(request);
            let text = &texts[turn.min(texts.len() - 1)];
            drop(stream.write_all(text).await);
            match then {
                Then::Close => drop(stream),
                Then::Reset => stream.reset(),
                Then::Stall => held.push(stream),
            }
        }
    });
    let get = HttpGet {
        scheme,
        host: None,
        port: Ok(8080),
        path: "/p".to_owned(),
        headers: vec![("Host".to_owned(), "ex.com".to_owned())],
    };
    let ip = POD.parse().unwrap();
    let report = attempt(&get, &node, ip, limit).await;
    server.abort();
    let requests = requests.lock().unwrap().clone();
    (report, requests)
}

async fn check(text: &str, then: Then, outcome: ProbeOutcome, detail: &str) {
    check_bytes(text.as_bytes().to_vec(), then, outcome, detail).await;
}

async fn check_bytes(text: Vec<u8>, then: Then, outcome: ProbeOutcome, detail: &str) {
    let shown = String::from_utf8_lossy(&text[..text.len().min(60)]).into_owned();
    let (report, _) = probe(vec![text], then).await;
    assert_eq!(
        (report.outcome, &*report.detail),
        (outcome, detail),
        "{shown:?}"
    );
}

/// `detail` as it follows the URL.
fn get(detail: &str) -> String {
    format!("Get \"http://{POD}:8080/p\": {detail}")
}

fn broken(detail: &str) -> String {
    get(&format!(
        "net/http: HTTP/1.x transport connection broken: {detail}"
    ))
}

#[tokio::test(start_paused = true)]
async fn the_status_decides_once_the_body_is_read() {
    use ProbeOutcome::{Failure, Success, Warning};
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    check(ok, Then::Stall, Success, "").await;
    check("HTTP/1.1 204 \r\n\r\n", Then::Stall, Success, "").await;
    let text = "HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno";
    check(
        text,
        Then::Stall,
        Failure,
        "HTTP probe failed with statuscode: 503",
    )
    .await;
    let text = "HTTP/1.1 099 x\r\nContent-Length: 0\r\n\r\n";
    check(
        text,
        Then::Stall,
        Failure,
        "HTTP probe failed with statuscode: 99",
    )
    .await;
    let text = "HTTP/1.1 304 x\r\n\r\n";
    let detail = "Probe terminated redirects, Response body: ";
    check(text, Then::Stall, Warning, detail).await;
    let text = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
    check(
        text,
        Then::Stall,
        Failure,
        "HTTP probe failed with statuscode: 101",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn old_and_sloppy_answers_pass() {
    check(
        "HTTP/1.0 200 OK\n\nbody",
        Then::Close,
        ProbeOutcome::Success,
        "",
    )
    .await;
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n";
    check(chunked, Then::Stall, ProbeOutcome::Success, "").await;
    let interim = "HTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    check(interim, Then::Stall, ProbeOutcome::Success, "").await;
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_a_failure() {
    let late = get("context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
    check("", Then::Stall, ProbeOutcome::Failure, &late).await;
    check(
        "HTTP/1.1 100 Continue\r\n\r\n",
        Then::Stall,
        ProbeOutcome::Failure,
        &late,
    )
    .await;
    check("", Then::Close, ProbeOutcome::Failure, &get("EOF")).await;
    let (report, _) = probe(vec![Vec::new()], Then::Reset).await;
    assert!(
        report
            .detail
            .ends_with("->10.244.0.5:8080: read: connection reset by peer"),
        "{report:?}"
    );
    assert_eq!(report.outcome, ProbeOutcome::Failure);
}

#[tokio::test(start_paused = true)]
async fn malformed_http_is_a_failure() {
    let check = async |text: &str, detail: &str| {
        check(text, Then::Close, ProbeOutcome::Failure, &broken(detail)).await;
    };
    check("garbage\r\n", "malformed HTTP response \"garbage\"").await;
    check("HTTP/1.1 2000 x\r\n", "malformed HTTP status code \"2000\"").await;
    check("HTTP/x 200 x\r\n", "malformed HTTP version \"HTTP/x\"").await;
    check("HTTP/1.1 200 OK\r\nA: b", "unexpected EOF").await;
    check(
        "HTTP/1.1 200 OK\r\nA b\r\n\r\n",
        "malformed MIME header: missing colon: \"A b\"",
    )
    .await;
    let twice = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n";
    let detail = "http: message cannot contain multiple Content-Length headers; got [\"1\" \"2\"]";
    check(twice, detail).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_is_an_error_whatever_its_status() {
    let stalled =
        "context deadline exceeded (Client.Timeout or context cancellation while reading body)";
    let short = "HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nno";
    check(short, Then::Stall, ProbeOutcome::Error, stalled).await;
    check(short, Then::Close, ProbeOutcome::Error, "unexpected EOF").await;
    let chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nab";
    check(chunk, Then::Close, ProbeOutcome::Error, "unexpected EOF").await;
    let (report, _) = probe(vec![short.into()], Then::Reset).await;
    assert_eq!(report.outcome, ProbeOutcome::Error);
}

#[tokio::test(start_paused = true)]
async fn ten_kibibytes_of_body_are_enough() {
    let check = async |bytes: usize, outcome, detail| {
        let mut text = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        text.extend(vec![b'x'; bytes]);
        check_bytes(text, Then::Stall, outcome, detail).await;
    };
    check(10_240, ProbeOutcome::Success, "").await;
    let stalled =
        "context deadline exceeded (Client.Timeout or context cancellation while reading body)";
    check(10_239, ProbeOutcome::Error, stalled).await;
}

fn redirect(location: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 2\r\n\r\nto")
        .into_bytes()
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn redirects_stay_on_the_host() {
    let (report, requests) = probe(vec![redirect("/q?r"), OK.to_vec()], Then::Stall).await;
    assert_eq!(report.outcome, ProbeOutcome::Success);
    assert_eq!(
        requests[1],
        "GET /q?r HTTP/1.1\r\nHost: ex.com\r\nUser-Agent: kube-probe/1.36\r\nAccept: */*\r\n\
         Referer: http://10.244.0.5:8080/p\r\nConnection: close\r\n\r\n"
    );
    let local = redirect(&format!("http://{POD}:8080/q"));
    let (report, requests) = probe(vec![local, OK.to_vec()], Then::Stall).await;
    assert_eq!(report.outcome, ProbeOutcome::Success);
    assert!(
        requests[1].contains("Host: 10.244.0.5:8080\r\n"),
        "no custom host: {requests:?}"
    );

    let (report, requests) = probe(vec![redirect("http://ex.com/")], Then::Stall).await;
    assert_eq!(report.outcome, ProbeOutcome::Warning);
    assert_eq!(
        report.detail,
        "Probe terminated redirects, Response body: to"
    );
    assert_eq!(requests.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_tenth_redirect_is_not_followed() {
    let chain = |redirects| {
        let mut texts = vec![redirect("/q"); redirects];
        texts.push(OK.to_vec());
        texts
    };
    let (report, requests) = probe(chain(9), Then::Stall).await;
    assert_eq!(
        (report.outcome, requests.len()),
        (ProbeOutcome::Success, 10)
    );
    let (report, requests) = probe(chain(10), Then::Stall).await;
    assert_eq!(
        (report.outcome, requests.len()),
        (ProbeOutcome::Failure, 10)
    );
    assert_eq!(report.detail, "Get \"/q\": stopped after 10 redirects");
}

#[tokio::test(start_paused = true)]
async fn a_location_that_is_no_url_is_a_failure() {
    let (report, _) = probe(vec![redirect("/%zz")], Then::Stall).await;
    let why = r#"failed to parse Location header "/%zz": parse "/%zz": invalid URL escape "%zz""#;
    assert_eq!(
        (report.outcome, report.detail),
        (ProbeOutcome::Failure, get(why))
    );
}

#[tokio::test(start_paused = true)]
async fn no_listener_or_host_is_a_failure_and_no_port_is_an_error() {
    let (node, _) = host("10.244.0.1");
    let mut get = HttpGet {
        scheme: Scheme::Http,
        host: None,
        port: Ok(8080),
        path: "/p".to_owned(),
        headers: Vec::new(),
    };
    let ip = POD.parse().unwrap();
    let report = attempt(&get, &node, ip, Duration::from_secs(1)).await;
    let refused = "dial tcp 10.244.0.5:8080: connect: connection refused";
    assert_eq!(
        (report.outcome, report.detail),
        (ProbeOutcome::Failure, self::get(refused))
    );
    get.path = "mailto:x".to_owned();
    let report = attempt(&get, &node, ip, Duration::from_secs(1)).await;
    let hostless = "Get \"http:x\": http: no Host in request URL";
    assert_eq!(
        (report.outcome, &*report.detail),
        (ProbeOutcome::Failure, hostless)
    );
    get.port = Err("no such port".to_owned());
    let report = attempt(&get, &node, ip, Duration::from_secs(1)).await;
    assert_eq!(report, Report::unknown("no such port"));
}

/// HTTPS probes of a server without TLS, as seen on a node.
#[tokio::test(start_paused = true)]
async fn a_server_without_tls_is_a_failure() {
    let check = async |text: &[u8], then, limit, detail: &str| {
        let limit = Duration::from_secs(limit);
        let (report, _) = probe_by(Scheme::Https, limit, vec![text.to_vec()], then).await;
        let expected = get(detail).replace("http://", "https://");
        assert_eq!(
            (report.outcome, report.detail),
            (ProbeOutcome::Failure, expected)
        );
    };
    let plain = "http: server gave HTTP response to HTTPS client";
    let bad_request = b"HTTP/1.1 400 Bad Request\r\n\r\n";
    check(bad_request, Then::Close, 1, plain).await;
    let other = "tls: first record does not look like a TLS handshake";
    let settings = b"\0\0\0\x04\0\0\0\0\0";
    check(settings, Then::Stall, 1, other).await;
    check(b"", Then::Close, 1, "EOF").await;
    check(b"", Then::Stall, 1, "context deadline exceeded").await;
    let slow = "net/http: TLS handshake timeout";
    check(b"", Then::Stall, 12, slow).await;
    let alert = b"\x15\x03\x03\0\x02\x02\x78";
    let refused = "remote error: tls: no application protocol";
    check(alert, Then::Close, 1, refused).await;
    let limit = Duration::from_secs(1);
    let (report, _) = probe_by(Scheme::Https, limit, vec![Vec::new()], Then::Reset).await;
    let reset = "->10.244.0.5:8080: read: connection reset by peer";
    assert!(report.detail.ends_with(reset), "{report:?}");
}
