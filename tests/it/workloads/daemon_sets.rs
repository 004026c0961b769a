//! Stories of DaemonSets: rollouts with and without surge, healthy and broken ones.

use k8s_openapi::api::apps::v1::DaemonSet;
use kube::Client;
use serde_json::{Value, json};

use super::world::{World, pod_template};

const NUMBERS: [&str; 5] = [
    "currentNumberScheduled",
    "numberReady",
    "numberAvailable",
    "numberUnavailable",
    "updatedNumberScheduled",
];

/// A rollout, one that breaks, and its revert. The old Pod goes before the new one comes.
pub(super) async fn unavailable(client: Client, namespace: String) -> String {
    let bounds = json!({ "maxUnavailable": 1 });
    story(&client, &namespace, "log", bounds, 7).await
}

/// The same with surge: the old Pod goes once the new one is available.
pub(super) async fn surge(client: Client, namespace: String) -> String {
    let bounds = json!({ "maxSurge": 1, "maxUnavailable": 0 });
    story(&client, &namespace, "net", bounds, 5).await
}

async fn story(
    client: &Client,
    namespace: &str,
    name: &'static str,
    bounds: Value,
    changes: usize,
) -> String {
    let spec = json!({
        "selector": { "matchLabels": { "app": name } },
        "updateStrategy": { "rollingUpdate": bounds },
        "template": pod_template(name, "one", true),
    });
    let mut world: World<DaemonSet> = World::create(client, namespace, name, spec).await;
    let watched = world.watch(changes);
    world.until("a first rollout", is_complete).await;
    world.tell("created", &NUMBERS).await;

    world.change_template("two", true).await;
    world.until("the new template", is_complete).await;
    world.tell("updated", &NUMBERS).await;

    world.change_template("broken", false).await;
    world.until_pod("broken").await;
    world.tell("broken", &NUMBERS).await;

    world.change_template("two", true).await;
    world.until("the old template", is_complete).await;
    world.tell("reverted", &NUMBERS).await;
    world.append(watched).await;
    world.into_story()
}

/// Whether the Pod on the node is available and of the newest template.
fn is_complete(set: &Value) -> bool {
    let status = &set["status"];
    status["updatedNumberScheduled"] == 1 && status["numberAvailable"] == 1
}
