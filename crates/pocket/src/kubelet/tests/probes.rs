//! Readiness and startup probes of a Pod.

use serde_json::json;

use super::world::{World, container, pod, probe};
use super::{SECOND, seed};

#[tokio::test(start_paused = true)]
async fn a_failing_readiness_probe_unreadies_the_pod_and_nothing_else() {
    let world = World::new();
    world.create(seed());
    world.advance(5 * SECOND).await;
    let (before, ip) = (world.pod(), world.ip());
    world.answer("8081/readyz", 503);
    let flipped = world.now();
    let unready = world.until(|world| world.ready() == "False").await - flipped;
    assert!(
        4 * SECOND < unready && unready <= 6 * SECOND + SECOND / 10,
        "{unready:?}"
    );
    let after = world.pod();
    assert_eq!(before.metadata.uid, after.metadata.uid);
    assert_eq!(world.ip(), ip);
    assert_eq!(
        world.message("Ready"),
        "containers with unready status: [b]"
    );
    assert_eq!(world.restarts(), [0, 0]);
    world.advance(30 * SECOND).await;
    assert_eq!(world.restarts(), [0, 0]);
    world.answer("8081/readyz", 200);
    world.until(|world| world.ready() == "True").await;
    let unhealthy = "Readiness probe failed: HTTP probe failed with statuscode: 503";
    assert_eq!(world.message_of("b", "Unhealthy"), unhealthy);
}

#[tokio::test(start_paused = true)]
async fn an_unready_container_is_probed_again_when_its_pod_is_synced() {
    let world = World::new();
    let readiness = probe(
        8080,
        "/readyz",
        &json!({"periodSeconds": 1000, "initialDelaySeconds": 0}),
    );
    let containers = json!([
        container("a", 8080, &json!({"readinessProbe": readiness})),
        container("b", 8081, &json!({})),
    ]);
    world.answer("8080/readyz", 503);
    world.create(pod(&json!({"containers": containers})));
    world.advance(5 * SECOND).await;
    let before = world.requests("8080/readyz").len();
    world.crash("b", 1);
    world.advance(2 * SECOND).await;
    world.run("b");
    world.advance(3 * SECOND).await;
    let extra = world.requests("8080/readyz").len() - before;
    assert!((2..=4).contains(&extra), "{extra}");
}

#[tokio::test(start_paused = true)]
async fn startup_holds_the_other_probes_back_and_releases_readiness_at_once() {
    let world = World::new();
    let probes = json!({
        "startupProbe": probe(8080, "/startz", &json!({"periodSeconds": 2,
            "failureThreshold": 30})),
        "readinessProbe": probe(8080, "/readyz", &json!({"periodSeconds": 30})),
        "livenessProbe": probe(8080, "/livez", &json!({"periodSeconds": 7})),
    });
    world.answer("8080/startz", 503);
    world.create(pod(&json!({"containers": [container("a", 8080, &probes)]})));
    world.advance(20 * SECOND).await;
    assert!(world.requests("8080/readyz").is_empty() && world.requests("8080/livez").is_empty());
    assert_eq!(world.status("a").started, Some(false));
    world.answer("8080/startz", 200);
    world
        .until(|world| world.status("a").started == Some(true))
        .await;
    world.until(|world| world.ready() == "True").await;
    let readiness = world.requests("8080/readyz")[0];
    let startup = *world.requests("8080/startz").last().unwrap();
    assert!(
        readiness - startup <= 1_100 * SECOND / 1000,
        "{:?}",
        readiness - startup
    );
    assert!(
        world.requests("8080/livez").is_empty(),
        "liveness waits for its own beat"
    );
    world.advance(8 * SECOND).await;
    assert!(!world.requests("8080/livez").is_empty());
}
