//! Connections that cost much or last long, on a paused clock and the cluster's own network.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::Pocket;
use crate::net::{Host, Stream};

const PODS: &str = "/api/v1/namespaces/default/pods";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// A cluster whose API is reached at its Service.
fn start() -> Pocket {
    Pocket::builder().system_objects().start()
}

async fn connect(pocket: &Pocket) -> Stream {
    let client = Host::new(pocket.network(), "10.244.0.99".parse().unwrap());
    let node = "10.244.0.1:6443".parse().unwrap();
    client.connect(node).await.unwrap()
}

/// Sends a request, and returns the connection.
async fn send(pocket: &Pocket, head: &str, body: &str) -> Stream {
    let mut stream = connect(pocket).await;
    let head = head.replace('\n', "\r\n");
    let request = format!("{head}\r\nHost: 10.244.0.1\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads to the end of the connection: the status line's code, the body, and when it came.
async fn answer(mut stream: Stream) -> (u16, String) {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let code = text.get(9..12).map_or(0, |code| code.parse().unwrap());
    let (_, body) = text.split_once("\r\n\r\n").unwrap_or_default();
    (code, body.to_owned())
}

async fn ask(pocket: &Pocket, method: &str, path: &str) -> (u16, String) {
    let head = format!("{method} {path} HTTP/1.1\nConnection: close");
    answer(send(pocket, &head, "").await).await
}

async fn create(pocket: &Pocket, path: &str, object: &Value) {
    let body = object.to_string();
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\nConnection: close\nContent-Length: {length}");
    let (code, body) = answer(send(pocket, &head, &body).await).await;
    assert_eq!(code, 201, "{body}");
}

/// Reads until `text` comes, and returns what was read.
async fn until(stream: &mut Stream, text: &str) -> String {
    let mut read = String::new();
    while !read.contains(text) {
        let mut bytes = [0; 4096];
        let length = stream.read(&mut bytes).await.unwrap();
        assert!(length > 0, "no `{text}` in {read}");
        read += std::str::from_utf8(&bytes[..length]).unwrap();
    }
    read
}

#[tokio::test(start_paused = true)]
async fn a_head_has_the_headers_of_a_get_alone() {
    let pocket = start();
    for path in [PODS, "/api", "/version", "/readyz?verbose"] {
        assert_eq!(
            ask(&pocket, "HEAD", path).await,
            (200, String::new()),
            "{path}"
        );
        assert_eq!(ask(&pocket, "GET", path).await.0, 200, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_head_ends_its_connection() {
    let pocket = start();
    let mut stream = connect(&pocket).await;
    stream.write_all(b"GET /api HTTP/1.1\r\nX: ").await.unwrap();
    let begun = Instant::now();
    answer(stream).await;
    assert_eq!(begun.elapsed().as_secs(), 90);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_ends() {
    let pocket = start();
    let begun = Instant::now();
    let stream = send(&pocket, "GET /version HTTP/1.1", "").await;
    assert_eq!(answer(stream).await.0, 200);
    assert_eq!(begun.elapsed().as_secs(), 90);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_awaited_for_a_minute() {
    let pocket = start();
    let begun = Instant::now();
    let head = format!("POST {MAPS} HTTP/1.1\nContent-Length: 9");
    let (code, body) = answer(send(&pocket, &head, "{").await).await;
    assert_eq!((code, begun.elapsed().as_secs()), (504, 60), "{body}");
    let status: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status["reason"], "Timeout");
}

#[tokio::test(start_paused = true)]
async fn a_body_without_end_is_refused_at_its_limit() {
    let pocket = start();
    let head = format!("POST {MAPS} HTTP/1.1\nTransfer-Encoding: chunked");
    let mut stream = send(&pocket, &head, "").await;
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x1_0000));
    let mut sent = 0;
    // Until the API reads no more.
    while stream.write_all(chunk.as_bytes()).await.is_ok() && sent < 0x100_0000 {
        sent += 0x1_0000;
    }
    assert!(sent < 0x50_0000, "{sent}");
    until(&mut stream, "Request entity too large: limit is 3145728").await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_watches_see_one_change() {
    let pocket = start();
    let mut watches = Vec::new();
    for _ in 0..1000 {
        let head = format!("GET {MAPS}?watch=true HTTP/1.1");
        let mut watch = send(&pocket, &head, "").await;
        until(&mut watch, "kube-root-ca.crt").await;
        watches.push(watch);
    }
    create(&pocket, MAPS, &json!({"metadata": {"name": "seen-by-all"}})).await;
    for watch in &mut watches {
        until(watch, "seen-by-all").await;
    }
}

/// What is not read is held once, in the history; the watch ends when the client reads on.
#[tokio::test(start_paused = true)]
async fn a_watcher_that_stops_reading_is_ended() {
    let pocket = start();
    let head = format!("GET {MAPS}?watch=true HTTP/1.1");
    let watch = send(&pocket, &head, "").await;
    // More than waits in buffers, and less than the history holds.
    let data = json!({"text": "x".repeat(20_000)});
    for number in 0..300 {
        let metadata = json!({"name": format!("map-{number}")});
        create(&pocket, MAPS, &json!({"metadata": metadata, "data": data})).await;
    }
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    // The end of the stream, not of the connection.
    let mut watch = watch;
    let read = until(&mut watch, "\r\n0\r\n\r\n").await;
    assert!(!read.contains("map-299") && !read.contains("Expired"));
}
