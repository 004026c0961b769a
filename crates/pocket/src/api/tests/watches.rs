//! Watch streams, one event a line.

use std::time::Duration;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_watch_from_now_shows_the_present_then_changes() {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
    let mut lines = client.watch(&format!("{PODS}?watch=true")).await;
    assert_eq!(lines.kinds(1).await, "ADDED a");
    client.post(PODS, &pod("b")).await;
    client.delete(&format!("{PODS}/a"), &Value::Null).await;
    // The deletion first sets the grace period to zero.
    assert_eq!(lines.kinds(3).await, "ADDED b, MODIFIED a, DELETED a");
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_a_version_shows_what_followed() {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
    let version = client.get(PODS).await["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned();
    client.post(PODS, &pod("b")).await;
    let path = format!("{PODS}?watch=1&resourceVersion={version}&timeoutSeconds=5");
    let mut lines = client.watch(&path).await;
    assert_eq!(lines.kinds(1).await, "ADDED b");
    assert_eq!(lines.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_streaming_list_ends_with_a_bookmark() {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
    let path = format!(
        "{PODS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    );
    let mut lines = client.watch(&path).await;
    assert_eq!(lines.kinds(2).await, "ADDED a, BOOKMARK ");
    let start = tokio::time::Instant::now();
    assert_eq!(lines.kinds(1).await, "BOOKMARK ");
    assert_eq!(start.elapsed(), Duration::from_mins(1));
    let wrong = client
        .send(
            "GET",
            &format!("{PODS}?watch=true&sendInitialEvents=true"),
            "",
            &Value::Null,
        )
        .await;
    assert_eq!(wrong.0, 422);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_no_longer_matches_is_deleted_for_the_watch() {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
    let mut lines = client
        .watch(&format!("{PODS}?watch=true&labelSelector=app%3Da"))
        .await;
    let label = |value: &str| json!({"metadata": {"labels": {"app": value}}});
    let path = format!("{PODS}/a");
    client.send("PATCH", &path, MERGE, &label("other")).await;
    client.post(PODS, &pod("c")).await;
    client.send("PATCH", &path, MERGE, &label("a")).await;
    assert_eq!(lines.kinds(3).await, "ADDED a, DELETED a, ADDED a");
}

/// Of a watch whose client reads nothing for `pause` while a Pod changes `changes` times: what it
/// still gets of the changes, and whether the watch goes on.
async fn after_a_pause(pause: Duration, changes: usize) -> (usize, bool) {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
    let mut lines = client.watch(&format!("{PODS}?watch=true")).await;
    assert_eq!(lines.kinds(1).await, "ADDED a");
    let path = format!("{PODS}/a");
    let change = async |step: usize| {
        let label = json!({"metadata": {"labels": {"step": step.to_string()}}});
        client.send("PATCH", &path, MERGE, &label).await;
    };
    // A batch is prepared, and its first line is taken.
    for step in 0..64 {
        change(step).await;
    }
    assert_eq!(lines.kinds(1).await, "MODIFIED a");
    for step in 64..64 + changes {
        change(step).await;
    }
    tokio::time::sleep(pause).await;
    let mut got = 0;
    while let Ok(line) = tokio::time::timeout(Duration::from_secs(1), lines.next()).await {
        if line.is_none() {
            return (got, false);
        }
        got += 1;
    }
    (got, true)
}

#[tokio::test(start_paused = true)]
async fn a_watch_whose_client_stops_reading_ends() {
    let (short, long) = (Duration::from_secs(5), Duration::from_secs(6));
    assert_eq!(after_a_pause(long, 64).await, (63, false));
    assert_eq!(after_a_pause(short, 64).await, (63 + 64, true));
    // With fewer changes, there is room for them.
    assert_eq!(after_a_pause(long, 63).await, (63 + 63, true));
}

#[tokio::test(start_paused = true)]
async fn a_version_out_of_the_window_is_an_error_event() {
    let client = Client::new();
    client.post(PODS, &pod("a")).await;
    // More than the store's history keeps.
    let large = "x".repeat(64 * 1024);
    for step in 0..200 {
        let label = |pod: &mut k8s_openapi::api::core::v1::Pod| {
            pod.metadata
                .labels
                .get_or_insert_default()
                .insert("step".into(), step.to_string());
            let annotations = pod.metadata.annotations.get_or_insert_default();
            annotations.insert("large".into(), large.clone());
        };
        client.registry.edit("default", "a", label).unwrap();
    }
    let response = client
        .response(
            "GET",
            &format!("{PODS}?watch=true&resourceVersion=1"),
            "",
            Body::empty(),
        )
        .await;
    assert_eq!(response.status(), 200);
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    let event: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(
        (&event["type"], &event["object"]["code"]),
        (&json!("ERROR"), &json!(410))
    );
}
