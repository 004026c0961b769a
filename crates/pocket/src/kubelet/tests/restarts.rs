//! Restarts of containers: when, with which back-off, and in which status.

use std::time::Duration;

use serde_json::{Value, json};

use super::world::{World, container, pod, probe};
use super::{SECOND, seed};

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

/// A Pod of one container whose liveness probe fails at once, under this policy; its process exits
/// with 0.
async fn killed(policy: &str) -> World {
    let world = World::new();
    let settings =
        json!({"periodSeconds": 1, "failureThreshold": 1, "terminationGracePeriodSeconds": 3});
    let liveness = probe(8080, "/livez", &settings);
    let containers = json!([container("a", 8080, &json!({"livenessProbe": liveness}))]);
    world.create(pod(
        &json!({"restartPolicy": policy, "containers": containers}),
    ));
    world.advance(3 * SECOND).await;
    world.answer("8080/livez", 500);
    world
        .until(|world| !world.terminations("a").is_empty())
        .await;
    world
}

#[tokio::test(start_paused = true)]
async fn on_failure_restarts_a_clean_exit_until_it_is_in_back_off() {
    let world = killed("OnFailure").await;
    let phase = |world: &World| world.pod().status.unwrap().phase.unwrap();
    world.until(|world| phase(world) == "Succeeded").await;
    assert_eq!(world.starts("a").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn never_ends_the_pod_without_naming_the_probe() {
    let world = killed("Never").await;
    assert_eq!(world.message_of("a", "Killing"), "Stopping container a");
    let phase = |world: &World| world.pod().status.unwrap().phase.unwrap();
    world.until(|world| phase(world) == "Succeeded").await;
    assert_eq!(world.starts("a").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_readiness_probe_a_restart_is_not_seen_from_outside() {
    let world = killed("Always").await;
    world.answer("8080/livez", 200);
    world.until(|world| world.restarts() == [1]).await;
    world.advance(10 * SECOND).await;
    let seen = world.seen();
    assert_eq!(seen.last().unwrap(), "Running a:running! Ready");
    assert_eq!(seen.len(), 2, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn two_kills_of_one_sync_are_serial() {
    let world = World::new();
    let dies = |name: &str, port| {
        let liveness = probe(
            port,
            "/livez",
            &json!({"periodSeconds": 5, "failureThreshold": 1}),
        );
        container(name, port, &json!({"livenessProbe": liveness}))
    };
    let containers = json!([dies("a", 8080), dies("b", 8081)]);
    world.create(pod(
        &json!({"terminationGracePeriodSeconds": 4, "containers": containers}),
    ));
    world.advance(3 * SECOND).await;
    for (name, route) in [("a", "8080/livez"), ("b", "8081/livez")] {
        world.linger(name, Duration::from_hours(1));
        world.answer(route, 500);
    }
    let both =
        |world: &World| !world.terminations("a").is_empty() && !world.terminations("b").is_empty();
    world.until(both).await;
    let (a, b) = (world.terminations("a")[0], world.terminations("b")[0]);
    let apart = (a - b).max(b - a);
    assert_eq!(apart.as_secs(), 4, "{apart:?}");
}

#[tokio::test(start_paused = true)]
async fn a_changed_image_restarts_the_container() {
    let world = World::new();
    world.create(pod(
        &json!({"containers": [container("a", 8080, &json!({}))]}),
    ));
    world.advance(3 * SECOND).await;
    world.edit(|pod| pod.spec.as_mut().unwrap().containers[0].image = Some("target:2".to_owned()));
    world.until(|world| world.restarts() == [1]).await;
    let killing = "Container a definition changed, will be restarted";
    assert_eq!(world.message_of("a", "Killing"), killing);
    assert_eq!(world.status("a").image, "target:2");
}

/// A Pod of two containers under `Never`; the first has these fields too.
async fn ruled(fields: &Value) -> World {
    let world = World::new();
    world.create(pod(&json!({
        "restartPolicy": "Never",
        "containers": [container("a", 8080, fields), container("b", 8081, &json!({}))],
    })));
    world.until(|world| world.ready() == "True").await;
    world
}

fn rule(operator: &str, codes: &[i32]) -> Value {
    json!([{"action": "Restart", "exitCodes": {"operator": operator, "values": codes}}])
}

#[tokio::test(start_paused = true)]
async fn a_container_s_own_policy_and_rules_win() {
    let restarted = async |fields: Value, code| {
        let world = ruled(&fields).await;
        world.crash("a", code);
        world.advance(2 * SECOND).await;
        world.run("a");
        world.advance(3 * SECOND).await;
        assert_eq!(world.starts("b").len(), 1);
        world.starts("a").len() > 1
    };
    assert!(!restarted(json!({}), 1).await);
    assert!(restarted(json!({"restartPolicy": "Always"}), 0).await);
    assert!(restarted(json!({"restartPolicy": "OnFailure"}), 1).await);
    assert!(!restarted(json!({"restartPolicy": "OnFailure"}), 0).await);
    let ruled = |rules| json!({"restartPolicy": "Never", "restartPolicyRules": rules});
    assert!(restarted(ruled(rule("In", &[42])), 42).await);
    assert!(!restarted(ruled(rule("In", &[42])), 1).await);
    assert!(restarted(ruled(rule("NotIn", &[42])), 1).await);
}

#[tokio::test(start_paused = true)]
async fn a_container_that_stays_dead_leaves_its_pod_running_and_unready() {
    let world = ruled(&json!({"restartPolicy": "OnFailure"})).await;
    world.crash("a", 0);
    world.until(|world| world.ready() == "False").await;
    world.advance(Duration::from_mins(10)).await;
    let state = world.status("a").state.unwrap();
    assert_eq!(state.terminated.unwrap().exit_code, 0);
    let phase = |world: &World| world.pod().status.unwrap().phase.unwrap();
    assert_eq!(phase(&world), "Running");
    world.crash("b", 0);
    world.until(|world| phase(world) == "Succeeded").await;
}

#[tokio::test(start_paused = true)]
async fn a_container_that_a_rule_restarts_backs_off_and_keeps_its_pod_running() {
    let fields = json!({"restartPolicy": "Never", "restartPolicyRules": rule("In", &[42])});
    let world = ruled(&fields).await;
    world.crash("b", 0);
    world.crash("a", 42);
    let waits = |world: &World| {
        let waiting = world.status("a").state.unwrap_or_default().waiting;
        waiting.and_then(|it| it.reason).as_deref() == Some("CrashLoopBackOff")
    };
    world.until(waits).await;
    let phase = |world: &World| world.pod().status.unwrap().phase.unwrap();
    assert_eq!(phase(&world), "Running");
    world.crash("a", 1);
    world.until(|world| phase(world) == "Failed").await;
    assert_eq!(world.starts("b").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_probe_kill_looks_at_the_policy_and_a_rule_restarts_in_the_next_sync() {
    let liveness = || {
        probe(
            8080,
            "/livez",
            &json!({"periodSeconds": 1, "failureThreshold": 1}),
        )
    };
    let killed = async |rules: Value| {
        let fields = json!({
            "livenessProbe": liveness(), "restartPolicy": "Never", "restartPolicyRules": rules,
        });
        let world = ruled(&fields).await;
        world.answer("8080/livez", 500);
        world
            .until(|world| !world.terminations("a").is_empty())
            .await;
        world.answer("8080/livez", 200);
        let killing = "Container a failed liveness probe";
        assert_eq!(world.message_of("a", "Killing"), killing);
        world.advance(10 * SECOND).await;
        world.starts("a").len()
    };
    assert_eq!(killed(json!([])).await, 1);
    // The process exits with 0 on SIGTERM.
    assert_eq!(killed(rule("In", &[0])).await, 2);
}

/// As recorded on a node 1.36.3.
#[tokio::test(start_paused = true)]
async fn a_rule_may_restart_all_containers() {
    let mut rules = rule("In", &[42]);
    rules[0]["action"] = "RestartAllContainers".into();
    let world = ruled(&json!({"restartPolicy": "Never", "restartPolicyRules": rules})).await;
    world.linger("b", 10 * SECOND);
    world.crash("a", 42);
    world
        .until(|world| world.reason("AllContainersRestarting") == "RestartAllContainersStarted")
        .await;
    assert_eq!(
        world
            .status("a")
            .state
            .unwrap()
            .terminated
            .unwrap()
            .exit_code,
        42
    );
    world.run("a");
    let waits = |world: &World| {
        let waiting = world.status("b").state.unwrap_or_default().waiting;
        waiting.and_then(|it| it.reason).as_deref() == Some("RestartingAllContainers")
    };
    world.until(waits).await;
    assert_eq!(world.message_of("b", "Killing"), "killing");
    assert_eq!(world.restarts(), [1, 1]);
    world.until(|world| world.starts("b").len() == 2).await;
    world.until(|world| world.ready() == "True").await;
    assert_eq!(world.restarts(), [1, 1]);
    let last = world.status("a").last_state.unwrap().terminated.unwrap();
    let reason = last.reason.as_deref();
    assert_eq!(
        (reason, last.exit_code),
        (Some("RestartingAllContainers"), 137)
    );
    assert_eq!((last.started_at, last.finished_at), (None, None));
    assert_eq!(world.reason("AllContainersRestarting"), "");
    // No back-off: the instance that it would count from is gone.
    world.crash("a", 42);
    world.until(|world| world.starts("a").len() == 3).await;
    assert!(!world.reasons("a").contains(&"BackOff".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn init_containers_are_restarted_with_all_others_at_once() {
    let world = World::new();
    let mut rules = rule("In", &[42]);
    rules[0]["action"] = "RestartAllContainers".into();
    let source = json!({"restartPolicy": "Never", "restartPolicyRules": rules});
    world.crash("i", 42);
    world.create(pod(&json!({
        "restartPolicy": "Never",
        "initContainers": [
            container("s", 8081, &json!({"restartPolicy": "Always"})),
            container("i", 8082, &source),
        ],
        "containers": [container("a", 8080, &json!({}))],
    })));
    world.until(|world| world.starts("s").len() == 2).await;
    world.crash("i", 0);
    world.until(|world| world.ready() == "True").await;
    // No resync is waited for.
    assert!(world.now() < rules::Moment::from_secs(20));
    let counts = ["s", "i", "a"].map(|name| world.status(name).restart_count);
    assert_eq!(counts, [1, 1, 0]);
}
