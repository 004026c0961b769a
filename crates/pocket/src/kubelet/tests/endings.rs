//! Deletion, and Pods that end by themselves.

use std::time::Duration;

use expect_test::expect;
use serde_json::json;

use super::world::{World, container, pod, probe};
use super::{SECOND, seed};

#[tokio::test(start_paused = true)]
async fn a_deleted_pod_gets_sigterm_then_sigkill_and_is_removed() {
    let world = World::new();
    world.create(seed());
    world.advance(5 * SECOND).await;
    world.linger("b", Duration::from_hours(1));
    world.delete(Some(4));
    let deleted = world.now();
    world
        .until(|world| world.terminations("b").len() == 1)
        .await;
    assert!(world.now() - deleted <= 1_100 * SECOND / 1000);
    let told = world.now();
    assert_eq!(world.ready(), "True", "deletion alone does not unready");
    let live = world.requests("8081/livez").len();
    world.until(|world| world.find().is_none()).await;
    let took = (world.now() - told).as_millis();
    assert!((4_000..5_100).contains(&took), "{took}");
    assert_eq!(
        world.requests("8081/livez").len(),
        live,
        "no liveness probe after SIGTERM"
    );
    assert_eq!(world.message_of("b", "Killing"), "Stopping container b");
    // The address is free again, but the next one is taken first.
    world.create(seed());
    world.advance(SECOND).await;
    assert_eq!(world.ip(), "10.244.0.3");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_never_started_fails_at_its_deletion() {
    let world = World::new();
    let container = json!({"name": "a", "image": "nowhere:1"});
    let mut pod = pod(&json!({"containers": [container]}));
    pod["metadata"]["finalizers"] = json!(["x.dev/keep"]);
    world.create(pod);
    world.advance(5 * SECOND).await;
    world.delete(None);
    world.advance(5 * SECOND).await;
    let left = world.pod().status.unwrap();
    assert_eq!(left.phase.as_deref(), Some("Failed"));
    let state = world.status("a").state.unwrap().terminated.unwrap();
    expect![[r#"
        ContainerStateTerminated {
            container_id: None,
            exit_code: 137,
            finished_at: None,
            message: Some(
                "The container could not be located when the pod was terminated",
            ),
            reason: Some(
                "ContainerStatusUnknown",
            ),
            signal: None,
            started_at: None,
        }
    "#]]
    .assert_debug_eq(&state);
    let unready = "containers with unready status: [a]";
    assert_eq!(world.message("Ready"), unready);
}

/// As on a node 1.36.3: a termination that has begun cannot be cut short.
#[tokio::test(start_paused = true)]
async fn a_shorter_deletion_does_not_cut_the_grace() {
    let world = World::new();
    world.create(pod(
        &json!({"containers": [container("a", 8080, &json!({}))]}),
    ));
    world.advance(5 * SECOND).await;
    world.linger("a", Duration::from_hours(1));
    world.delete(None);
    world.advance(5 * SECOND).await;
    world.delete(Some(3));
    world.until(|world| world.find().is_none()).await;
    let took = world.now() - world.terminations("a")[0];
    assert!((30..=31).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_not_restarted_completes() {
    let world = World::new();
    let containers = json!([container("a", 8080, &json!({}))]);
    world.create(pod(
        &json!({"restartPolicy": "Never", "containers": containers}),
    ));
    world.advance(SECOND).await;
    world.crash("a", 0);
    let exited = world.now();
    let phase = |world: &World| world.pod().status.unwrap().phase.unwrap();
    let terminated = |world: &World| {
        let state = world.status("a").state.unwrap();
        state.terminated.is_some()
    };
    let told = world.until(terminated).await;
    let ended = world.until(|world| phase(world) != "Running").await;
    assert_eq!(phase(&world), "Succeeded");
    // A node needs two more relists: 1.4 to 2 s (1.36.3).
    let took = (ended - told).as_millis();
    assert!((1_000..=2_100).contains(&took), "{took}");
    assert!(world.now() - exited <= 3 * SECOND);
    assert_eq!(world.reason("Ready"), "PodCompleted");
    world.advance(Duration::from_mins(5)).await;
    assert_eq!(world.starts("a").len(), 1);
    world.delete(None);
    assert!(world.find().is_none(), "nothing has to be waited for");
}

#[tokio::test(start_paused = true)]
async fn a_deletion_during_a_probe_kill_waits_for_the_kill_and_the_restart() {
    let world = World::new();
    let liveness = probe(
        8080,
        "/livez",
        &json!({"periodSeconds": 1, "failureThreshold": 1}),
    );
    let containers = json!([container("a", 8080, &json!({"livenessProbe": liveness}))]);
    world.create(pod(
        &json!({"terminationGracePeriodSeconds": 8, "containers": containers}),
    ));
    world.advance(3 * SECOND).await;
    world.linger("a", Duration::from_hours(1));
    world.answer("8080/livez", 500);
    world
        .until(|world| world.terminations("a").len() == 1)
        .await;
    let killed = world.now();
    world.advance(2 * SECOND).await;
    world.delete(Some(3));
    world.until(|world| world.starts("a").len() == 2).await;
    assert_eq!(
        (world.now() - killed).as_secs(),
        8,
        "a shorter deletion does not cut it"
    );
    world
        .until(|world| world.terminations("a").len() == 2)
        .await;
    assert!((world.now() - killed).as_millis() < 8_100);
    world.until(|world| world.find().is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_removed_by_force_ends_all_the_same() {
    let world = World::new();
    world.create(pod(
        &json!({"containers": [container("a", 8080, &json!({}))]}),
    ));
    world.advance(3 * SECOND).await;
    world.delete(Some(0));
    assert!(world.find().is_none());
    world
        .until(|world| world.terminations("a").len() == 1)
        .await;
}
