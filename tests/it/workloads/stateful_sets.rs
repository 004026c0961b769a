//! Stories of StatefulSets: rollouts, one that is stuck, scaling and deletion.

use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use kube::Client;
use serde_json::{Value, json};

use super::world::{World, pod_template};

const NUMBERS: [&str; 5] = [
    "replicas",
    "readyReplicas",
    "availableReplicas",
    "currentReplicas",
    "updatedReplicas",
];

/// How long nothing must happen to a rollout that counts as stuck.
const STUCK: Duration = Duration::from_secs(5);

/// A rollout that breaks, sticks in spite of its revert and ends with a deletion; then a healthy
/// one, and scaling down.
pub(super) async fn ordered(client: Client, namespace: String) -> String {
    let spec = spec("web", "OrderedReady");
    let mut world: World<StatefulSet> = World::create(&client, &namespace, "web", spec).await;
    let watched = world.watch(22);
    world
        .until("a first rollout", |set| is_complete(set, 3))
        .await;
    world.tell("created", &NUMBERS).await;

    world.change_template("broken", false).await;
    world.until("a broken Pod", has_broken_pod).await;
    world.tell("broken", &NUMBERS).await;

    world.change_template("one", true).await;
    let has_one_revision = |set: &Value| set["status"]["updatedReplicas"] == 2;
    world.until("the old revision", has_one_revision).await;
    // No event tells that nothing happens.
    tokio::time::sleep(STUCK).await;
    world.tell("reverted", &NUMBERS).await;

    world.delete_pod("web-2").await;
    world
        .until("a healthy set", |set| is_complete(set, 3))
        .await;
    world.tell("deleted", &NUMBERS).await;

    world.change_template("two", true).await;
    world
        .until("the new revision", |set| is_complete(set, 3))
        .await;
    world.tell("updated", &NUMBERS).await;

    world.change(json!({ "replicas": 1 })).await;
    world
        .until("one Pod", |set| set["status"]["replicas"] == 1)
        .await;
    world.tell("scaled", &NUMBERS).await;
    world.append(watched).await;
    world.into_story()
}

/// The same break and revert with Pods that are managed in parallel.
pub(super) async fn parallel(client: Client, namespace: String) -> String {
    let spec = spec("db", "Parallel");
    let mut world: World<StatefulSet> = World::create(&client, &namespace, "db", spec).await;
    world
        .until("a first rollout", |set| is_complete(set, 3))
        .await;
    world.change_template("broken", false).await;
    world.until("a broken Pod", has_broken_pod).await;
    world.tell("broken", &NUMBERS).await;

    world.change_template("one", true).await;
    world
        .until("the old revision", |set| is_complete(set, 3))
        .await;
    world.tell("reverted", &NUMBERS).await;
    world.into_story()
}

fn spec(name: &str, management: &str) -> Value {
    json!({
        "replicas": 3,
        "serviceName": name,
        "podManagementPolicy": management,
        "selector": { "matchLabels": { "app": name } },
        "template": pod_template(name, "one", true),
    })
}

/// Whether one Pod has the newest template, and no more.
fn has_broken_pod(set: &Value) -> bool {
    set["status"]["updatedReplicas"] == 1
}

/// Whether all Pods are ready and of the newest template.
fn is_complete(set: &Value, replicas: u32) -> bool {
    let status = &set["status"];
    status["currentRevision"] == status["updateRevision"]
        && ["readyReplicas", "updatedReplicas"]
            .iter()
            .all(|field| status[field] == replicas)
}
