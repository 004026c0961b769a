//! Whole Pods on a paused clock: what a client of the API sees of them, and what the programs in them do.

mod world;

use std::time::Duration;

use serde_json::json;

use world::{World, container, pod, probe};

const SECOND: Duration = Duration::from_secs(1);

/// Ready within a period of 2 s, failing after 3 of them.
fn seed() -> serde_json::Value {
    let both = |name: &str, port: u16| {
        container(
            name,
            port,
            &json!({
                "livenessProbe": probe(port, "/livez", &json!({"periodSeconds": 2})),
                "readinessProbe": probe(port, "/readyz", &json!({"periodSeconds": 2})),
            }),
        )
    };
    pod(
        &json!({"terminationGracePeriodSeconds": 2, "containers": [both("a", 8080), both("b", 8081)]}),
    )
}

#[tokio::test(start_paused = true)]
async fn a_pod_becomes_ready() {
    let world = World::new();
    world.create(seed());
    world.advance(Duration::from_millis(150)).await;
    let pod = world.pod();
    let status = pod.status.as_ref().unwrap();
    assert_eq!(status.phase.as_deref(), Some("Running"));
    assert_eq!(status.pod_ip.as_deref(), Some("10.244.0.2"));
    assert_eq!(status.observed_generation, Some(1));
    assert_eq!(world.ready(), "True");
    assert_eq!(
        world.seen(),
        [
            "Pending a:ContainerCreating b:ContainerCreating",
            "Running a:running b:running",
            "Running a:running! b:running! Ready",
        ]
    );
    let said = ["Pulled", "Created", "Started"];
    assert_eq!(world.reasons("a"), said);
    assert_eq!(world.reasons("b"), said);
}

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
async fn a_failing_liveness_probe_restarts_that_container_alone() {
    let world = World::new();
    world.create(seed());
    world.advance(5 * SECOND).await;
    let (before, ip) = (world.pod(), world.ip());
    world.answer("8081/livez", 500);
    let flipped = world.now();
    world
        .until(|world| !world.terminations("b").is_empty())
        .await;
    let terminated = world.terminations("b")[0] - flipped;
    assert!(
        4 * SECOND < terminated && terminated <= 7 * SECOND + SECOND / 10,
        "{terminated:?}"
    );
    world.answer("8081/livez", 200);
    world.until(|world| world.restarts() == [0, 1]).await;
    world.until(|world| world.ready() == "True").await;
    let after = world.pod();
    assert_eq!(before.metadata.uid, after.metadata.uid);
    assert_eq!(world.ip(), ip);
    let killing = "Container b failed liveness probe, will be restarted";
    assert_eq!(world.message_of("b", "Killing"), killing);
    let last = world.status("b").last_state.unwrap().terminated.unwrap();
    assert_eq!(
        (last.exit_code, last.reason.as_deref()),
        (0, Some("Completed"))
    );
    assert_ne!(last.container_id, world.status("b").container_id);
}

#[tokio::test(start_paused = true)]
async fn a_crashing_container_backs_off_along_the_ladder() {
    let world = World::new();
    world.create(pod(
        &json!({"containers": [container("a", 8080, &json!({}))]}),
    ));
    world.crash("a", 1);
    world.advance(Duration::from_mins(12)).await;
    let starts = world.starts("a");
    let gaps: Vec<u64> = starts
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).as_secs())
        .collect();
    let ladder = [0, 10, 20, 40, 80, 160];
    assert!(gaps.len() > ladder.len(), "{gaps:?}");
    for (gap, wait) in gaps.iter().zip(ladder) {
        let limit = wait.min(60) / 2 + wait + 61 * u64::from(wait > 60) + 3;
        assert!(
            wait <= *gap && *gap <= limit,
            "{gap} for {wait} in {gaps:?}"
        );
    }
    assert_eq!(
        world.pod().status.unwrap().phase.as_deref(),
        Some("Running")
    );
    assert!(
        world
            .message_of("a", "BackOff")
            .starts_with("Back-off restarting failed container a in pod web_n(")
    );
}

#[tokio::test(start_paused = true)]
async fn a_probe_kill_in_back_off_shows_at_once() {
    let world = World::new();
    let liveness = probe(
        8080,
        "/livez",
        &json!({"periodSeconds": 1, "failureThreshold": 1}),
    );
    world.create(pod(
        &json!({"containers": [container("a", 8080, &json!({"livenessProbe": liveness}))]}),
    ));
    world.answer("8080/livez", 500);
    world.until(|world| world.restarts() == [2]).await;
    let waiting = |world: &World| world.status("a").state.unwrap().waiting;
    world.until(|world| waiting(world).is_some()).await;
    let waiting = waiting(&world).unwrap();
    assert_eq!(waiting.reason.as_deref(), Some("CrashLoopBackOff"));
    let message = waiting.message.unwrap();
    assert!(
        message.starts_with("back-off 10s restarting failed container=a pod=web_n("),
        "{message}"
    );
    assert_eq!(world.restarts(), [2]);
}

#[tokio::test(start_paused = true)]
async fn a_probes_own_grace_overrides_the_pods() {
    let world = World::new();
    let settings =
        json!({"periodSeconds": 1, "failureThreshold": 1, "terminationGracePeriodSeconds": 5});
    let liveness = probe(8080, "/livez", &settings);
    let containers = json!([container("a", 8080, &json!({"livenessProbe": liveness}))]);
    world.create(pod(
        &json!({"terminationGracePeriodSeconds": 500, "containers": containers}),
    ));
    world.advance(3 * SECOND).await;
    world.linger("a", Duration::from_hours(1));
    world.answer("8080/livez", 500);
    world
        .until(|world| world.terminations("a").len() == 1)
        .await;
    let terminated = world.now();
    world.until(|world| world.starts("a").len() == 2).await;
    assert_eq!((world.now() - terminated).as_secs(), 5);
    world.advance(SECOND).await;
    let last = world.status("a").last_state.unwrap().terminated.unwrap();
    assert_eq!(last.exit_code, 137);
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
async fn a_deleted_pod_is_told_then_killed_then_gone() {
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
    // The address is free again, and given out in turn.
    world.create(seed());
    world.advance(SECOND).await;
    assert_eq!(world.ip(), "10.244.0.3");
}

#[tokio::test(start_paused = true)]
async fn a_shorter_deletion_cuts_the_grace() {
    let world = World::new();
    world.create(pod(
        &json!({"containers": [container("a", 8080, &json!({}))]}),
    ));
    world.advance(5 * SECOND).await;
    world.linger("a", Duration::from_hours(1));
    world.delete(None);
    world.advance(10 * SECOND).await;
    assert!(world.find().is_some());
    world.delete(Some(3));
    world.advance(5 * SECOND).await;
    assert!(world.find().is_none());
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
    world.until(|world| phase(world) != "Running").await;
    assert_eq!(phase(&world), "Succeeded");
    assert!(world.now() - exited <= 3 * SECOND);
    assert_eq!(world.reason("Ready"), "PodCompleted");
    world.advance(Duration::from_mins(5)).await;
    assert_eq!(world.starts("a").len(), 1);
    world.delete(None);
    assert!(world.find().is_none(), "nothing has to be waited for");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_image_is_refused_in_the_words_of_a_node() {
    let world = World::new();
    let mut nginx = container("a", 8080, &json!({}));
    nginx["image"] = "nginx:1".into();
    world.create(pod(
        &json!({"containers": [nginx, container("b", 8081, &json!({}))]}),
    ));
    world.advance(SECOND).await;
    let waiting = |world: &World| world.status("a").state.unwrap().waiting.unwrap();
    assert_eq!(waiting(&world).reason.as_deref(), Some("ErrImagePull"));
    let message = waiting(&world).message.unwrap();
    assert!(
        message.ends_with("it can run target, under any registry and tag"),
        "{message}"
    );
    assert_eq!(
        world.pod().status.unwrap().phase.as_deref(),
        Some("Pending")
    );
    assert_eq!(world.starts("b").len(), 1, "the other container runs");
    let backs_off = |world: &World| waiting(world).reason.as_deref() == Some("ImagePullBackOff");
    world.until(backs_off).await;
}

#[tokio::test(start_paused = true)]
async fn what_pocket_cannot_run_is_a_configuration_error() {
    let world = World::new();
    let exec = json!({"livenessProbe": {"exec": {"command": ["true"]}}});
    world.create(pod(&json!({"containers": [container("a", 8080, &exec)]})));
    world.advance(SECOND).await;
    let waiting = world.status("a").state.unwrap().waiting.unwrap();
    assert_eq!(
        waiting.reason.as_deref(),
        Some("CreateContainerConfigError")
    );
    let message = "spec.containers[0].livenessProbe.exec: pocket probes by httpGet only";
    assert_eq!(waiting.message.as_deref(), Some(message));
    world.delete(None);
    world.advance(3 * SECOND).await;
    assert!(world.find().is_none());
}

#[tokio::test(start_paused = true)]
async fn startup_holds_the_other_probes_back_and_releases_readiness_at_once() {
    let world = World::new();
    let probes = json!({
        "startupProbe": probe(8080, "/startz", &json!({"periodSeconds": 2, "failureThreshold": 30})),
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

#[tokio::test(start_paused = true)]
async fn a_replacement_inherits_started_until_its_startup_probe_beats() {
    let world = World::new();
    let probes = json!({
        "startupProbe": probe(8080, "/startz", &json!({"periodSeconds": 6})),
        "livenessProbe": probe(8080, "/livez", &json!({"periodSeconds": 1, "failureThreshold": 1})),
    });
    world.create(pod(&json!({"containers": [container("a", 8080, &probes)]})));
    world
        .until(|world| world.status("a").started == Some(true))
        .await;
    world.answer("8080/livez", 500);
    world.until(|world| world.restarts() == [1]).await;
    assert_eq!(world.status("a").started, Some(true));
    world.answer("8080/livez", 200);
    world
        .until(|world| world.status("a").started == Some(false))
        .await;
    world
        .until(|world| world.status("a").started == Some(true))
        .await;
}

#[tokio::test(start_paused = true)]
async fn two_worlds_with_one_seed_are_alike() {
    let story = async || {
        let world = World::new();
        world.create(seed());
        world.advance(5 * SECOND).await;
        world.answer("8081/livez", 500);
        world.answer("8080/readyz", 500);
        world.advance(Duration::from_mins(3)).await;
        world.delete(None);
        world.advance(10 * SECOND).await;
        world.seen()
    };
    let (one, other) = (story().await, story().await);
    assert!(one.len() > 10);
    assert_eq!(one, other);
}
