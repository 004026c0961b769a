//! What containers write, as `kubectl logs` asks for it.

use axum::body::Body;
use futures::{FutureExt, StreamExt};
use http_body_util::BodyExt;
use hyper::Request;
use tower::ServiceExt;

use super::*;

/// A program that writes a line a second and ends after its first argument's number of lines.
fn writer(process: Process) -> BoxFuture<'static, Exit> {
    async move {
        let count: u32 = process.command[1].parse().unwrap();
        for line in 0..count {
            process.stdout.put(format!("line {line}\n").as_bytes());
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        process.stdout.put(b"bye");
        Exit::code(1)
    }
    .boxed()
}

/// A Pod whose container writes so many lines, again and again unless it `ends`.
fn pod_that_writes(count: u32, ends: bool) -> Pocket {
    let pocket = Pocket::builder()
        .image("writer", Image::new("/writer", writer))
        .start();
    let policy = if ends { "Never" } else { "Always" };
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"restartPolicy": policy, "containers": [
            {"name": "a", "image": "writer", "args": [count.to_string()]},
        ]},
    }))
    .unwrap();
    pocket.server.registry.create(&pod).unwrap();
    pocket
}

async fn response(pocket: &Pocket, query: &str) -> axum::response::Response {
    let path = format!("/api/v1/namespaces/default/pods/web/log?{query}");
    let request = Request::get(path).body(Body::empty()).unwrap();
    pocket.api().oneshot(request).await.unwrap()
}

async fn log(pocket: &Pocket, query: &str) -> String {
    let body = response(pocket, query).await.into_body();
    let bytes = body.collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

async fn seconds(count: u64) {
    tokio::time::sleep(Duration::from_secs(count)).await;
}

#[tokio::test(start_paused = true)]
async fn a_log_is_sent_whole_or_in_part() {
    let pocket = pod_that_writes(3, true);
    seconds(30).await;
    let check = async |query: &str, expected: &str| {
        assert_eq!(log(&pocket, query).await, expected, "{query}");
    };
    check("", "line 0\nline 1\nline 2\nbye").await;
    check("container=a&tailLines=2", "line 2\nbye").await;
    check("tailLines=0", "").await;
    check("limitBytes=8", "line 0\nl").await;
    check("sinceSeconds=1", "").await;
    check("sinceSeconds=3600", "line 0\nline 1\nline 2\nbye").await;
    let stamped = log(&pocket, "timestamps=true&tailLines=1").await;
    let (time, text) = stamped.split_once(' ').unwrap();
    assert_eq!(
        (time.len(), text),
        ("2026-01-02T03:04:05.000000000Z".len(), "bye")
    );
}

#[tokio::test(start_paused = true)]
async fn a_log_is_followed_to_the_end_of_its_container() {
    let pocket = pod_that_writes(3, true);
    seconds(2).await;
    let mut parts = response(&pocket, "follow=true")
        .await
        .into_body()
        .into_data_stream();
    let mut all = String::new();
    let mut count = 0;
    while let Some(part) = parts.next().await {
        all += std::str::from_utf8(&part.unwrap()).unwrap();
        count += 1;
    }
    assert_eq!(all, "line 0\nline 1\nline 2\nbye");
    assert!(count > 1, "the lines came one by one");
}

#[tokio::test(start_paused = true)]
async fn the_log_before_a_restart_is_kept_until_the_next() {
    let pocket = pod_that_writes(1, false);
    // It is not on a node yet.
    assert_eq!(response(&pocket, "").await.status(), 204);
    seconds(60).await;
    assert_eq!(log(&pocket, "previous=true").await, "line 0\nbye");
    assert_eq!(pocket.server.logs.count(), 2);
    let registry = &pocket.server.registry;
    registry.delete::<Pod>("default", "web", None).unwrap();
    seconds(60).await;
    assert_eq!(pocket.server.logs.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_has_no_log_is_said_in_the_words_of_a_node() {
    let pocket = pod_that_writes(1, true);
    seconds(30).await;
    let check = async |query: &str, code: u16, message: &str| {
        let response = response(&pocket, query).await;
        assert_eq!(response.status().as_u16(), code, "{query}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let status: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(status["message"], message, "{query}");
    };
    check("container=x", 400, "container x is not valid for pod web").await;
    let none = "previous terminated container \"a\" in pod \"web\" not found";
    check("previous=true", 400, none).await;
    let lines = "PodLogOptions \"web\" is invalid: tailLines: Invalid value: -1: must be greater \
                 than or equal to 0";
    check("tailLines=-1", 422, lines).await;
    let since = "PodLogOptions \"web\" is invalid: []: Forbidden: at most one of `sinceTime` or \
                 `sinceSeconds` may be specified";
    check("sinceSeconds=0&sinceTime=2026-01-01T00:00:00Z", 422, since).await;
}
