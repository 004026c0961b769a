//! A Pod's status from its binding to Ready.

use std::time::Duration;

use expect_test::expect;
use serde_json::json;

use super::world::{World, container, pod, probe};
use super::{SECOND, seed};

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
async fn a_status_has_all_that_clients_look_at() {
    let world = World::new();
    let crashing = container("b", 8081, &json!({}));
    world.create(pod(
        &json!({"containers": [container("a", 8080, &json!({})), crashing]}),
    ));
    world.advance(SECOND).await;
    world.crash("b", 3);
    world.advance(3 * SECOND).await;
    let status = world.pod().status.unwrap();
    let conditions = status.conditions.unwrap();
    let kinds: Vec<_> = conditions
        .iter()
        .map(|it| format!("{}={}", it.type_, it.status))
        .collect();
    expect![
        "PodReadyToStartContainers=True Initialized=True Ready=False ContainersReady=False \
             PodScheduled=True"
    ]
    .assert_eq(&kinds.join(" "));
    let ready = conditions.iter().find(|it| it.type_ == "Ready").unwrap();
    expect![[r#"{"lastTransitionTime":"2026-01-02T03:04:06Z","message":"containers with unready status: [b]","observedGeneration":1,"reason":"ContainersNotReady","status":"False","type":"Ready"}"#]].assert_eq(&serde_json::to_string(ready).unwrap());
    let b = serde_json::to_string_pretty(&world.status("b")).unwrap();
    expect![[r#"
        {
          "containerID": "containerd://d91cdc5daa227d8beab6d099379375e6ae7e439bb19f62c6cda6e8252faab2e5",
          "image": "somewhere/target:1",
          "imageID": "somewhere/target:1",
          "lastState": {
            "terminated": {
              "containerID": "containerd://3f2025b6ff0c5ad1b6d5438ddd68d17130de8916f67b7999c5a5923dae150326",
              "exitCode": 3,
              "finishedAt": "2026-01-02T03:04:06Z",
              "reason": "Error",
              "startedAt": "2026-01-02T03:04:05Z"
            }
          },
          "name": "b",
          "ready": false,
          "restartCount": 1,
          "started": false,
          "state": {
            "terminated": {
              "containerID": "containerd://d91cdc5daa227d8beab6d099379375e6ae7e439bb19f62c6cda6e8252faab2e5",
              "exitCode": 3,
              "finishedAt": "2026-01-02T03:04:06Z",
              "reason": "Error",
              "startedAt": "2026-01-02T03:04:06Z"
            }
          }
        }"#]].assert_eq(&b);
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

#[tokio::test(start_paused = true)]
async fn init_containers_run_to_their_end_before_the_others() {
    let world = World::new();
    let init = |name: &str, port| container(name, port, &json!({}));
    world.crash("i", 0);
    world.crash("j", 1);
    world.create(pod(&json!({
        "initContainers": [init("i", 7000), init("j", 7001)],
        "containers": [container("a", 8080, &json!({}))],
    })));
    world.advance(5 * SECOND).await;
    let incomplete = "containers with incomplete status: [j]";
    assert_eq!(world.message("Initialized"), incomplete);
    let waiting = world.status("a").state.unwrap().waiting.unwrap();
    assert_eq!(waiting.reason.as_deref(), Some("PodInitializing"));
    let part = "spec.initContainers{j}";
    assert!(world.starts("j").len() > 1 && world.starts("a").is_empty());
    assert!(world.reasons_of(part).contains(&"BackOff".to_owned()));
    world.crash("j", 0);
    world.until(|world| world.ready() == "True").await;
    assert_eq!(world.message("Initialized"), "");
    assert_eq!(world.starts("i").len(), 1);
    let last = world.seen().pop().unwrap();
    assert_eq!(last, "Running a:running! Ready");
}

#[tokio::test(start_paused = true)]
async fn a_gate_syncs_the_pod_only_if_that_changes_its_readiness() {
    let world = World::new();
    let probes = json!({"readinessProbe": probe(8080, "/readyz", &json!({"periodSeconds": 20}))});
    world.answer("8080/readyz", 503);
    world.create(pod(&json!({
        "readinessGates": [{"conditionType": "x.dev/gate"}],
        "containers": [container("a", 8080, &probes)],
    })));
    world.advance(10 * SECOND).await;
    let unready = "containers with unready status: [a]";
    assert_eq!(world.message("Ready"), unready);
    // A sync would trigger another attempt.
    let asked = world.requests("8080/readyz").len();
    world.set_condition("x.dev/gate", "False");
    world.advance(5 * SECOND).await;
    assert_eq!(world.requests("8080/readyz").len(), asked);
    world.answer("8080/readyz", 200);
    world.advance(20 * SECOND).await;
    let gated = "the status of pod readiness gate \"x.dev/gate\" is not \"True\", but False";
    assert_eq!(world.message("Ready"), gated);
    world.set_condition("x.dev/gate", "True");
    let set = world.now();
    world.until(|world| world.ready() == "True").await;
    assert!(world.now() - set <= SECOND);
}
