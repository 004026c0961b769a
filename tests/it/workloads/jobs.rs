//! Stories of Jobs: each ends in another way.

use futures::TryStreamExt as _;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, Client,
    api::ListParams,
    runtime::{WatchStreamExt as _, watcher},
};
use serde_json::{Value, json};

use super::world::{TEMPLATE, World};
use crate::pods::{container, with};

const NUMBERS: [&str; 5] = ["succeeded", "failed", "active", "ready", "terminating"];

/// Jobs that end in all ways, side by side.
pub(super) async fn ended(client: Client, namespace: String) -> String {
    let story = |name, more, pod, changes| story(&client, &namespace, name, more, pod, changes);
    let exits =
        |code: &str, policy: &str| pod(&["exit", code, "--after", "1s"], policy, &json!({}));
    let frozen = json!({
        "httpGet": { "path": "/livez", "port": 8080 }, "periodSeconds": 1, "failureThreshold": 1,
    });
    let frozen = json!({ "livenessProbe": frozen });
    let frozen = pod(&["--route", "/livez=503"], "Never", &frozen);
    let serves = pod(&["--route", "/livez=200"], "Never", &json!({}));
    let stories = futures::join!(
        story("sum", json!({ "completions": 2 }), exits("0", "Never"), 2),
        story("bad", json!({ "backoffLimit": 1 }), exits("3", "Never"), 2),
        story(
            "flaky",
            json!({ "backoffLimit": 2 }),
            exits("3", "OnFailure"),
            2
        ),
        story("slow", json!({ "activeDeadlineSeconds": 3 }), serves, 2),
        // The program exits with 0 when its liveness probe has it stopped.
        story("frozen", json!({}), frozen, 1),
    );
    let (sum, bad, flaky, slow, frozen) = stories;
    [sum, bad, flaky, slow, frozen].concat()
}

/// Jobs whose Pods have an index, and Jobs that a policy ends. One Pod at a time, as those that are
/// created together come in any order.
pub(super) async fn by_index_and_policy(client: Client, namespace: String) -> String {
    let story = |name, more, pod, changes| story(&client, &namespace, name, more, pod, changes);
    let indexed = |completions: u32, more: &Value| {
        let spec = json!({ "completionMode": "Indexed", "completions": completions });
        with(spec, more)
    };
    let exits = |code: &str| pod(&["exit", code, "--after", "1s"], "Never", &json!({}));
    let index = || exits("$(JOB_COMPLETION_INDEX)");
    let on_exit = |action: &str, code: u32| {
        let codes = json!({ "operator": "In", "values": [code] });
        json!({ "podFailurePolicy": { "rules": [{ "action": action, "onExitCodes": codes }] } })
    };
    let enough = json!({ "successPolicy": { "rules": [{ "succeededIndexes": "0" }] } });
    let lasting = json!({ "activeDeadlineSeconds": 8 });
    let stories = futures::join!(
        story("parts", indexed(3, &json!({})), exits("0"), 3),
        story("enough", indexed(3, &enough), index(), 1),
        story(
            "each",
            indexed(2, &json!({ "backoffLimitPerIndex": 1 })),
            index(),
            3
        ),
        story(
            "most",
            indexed(
                3,
                &json!({ "backoffLimitPerIndex": 0, "maxFailedIndexes": 0 })
            ),
            index(),
            2
        ),
        story("fatal", on_exit("FailJob", 3), exits("3"), 1),
        story(
            "ignored",
            with(on_exit("Ignore", 3), &lasting),
            exits("3"),
            1
        ),
        story(
            "given-up",
            with(
                indexed(2, &json!({ "backoffLimitPerIndex": 6 })),
                &on_exit("FailIndex", 1)
            ),
            index(),
            2
        ),
    );
    let (parts, enough, each, most, fatal, ignored, given_up) = stories;
    [parts, enough, each, most, fatal, ignored, given_up].concat()
}

async fn story(
    client: &Client,
    namespace: &str,
    name: &'static str,
    mut spec: Value,
    template: Value,
    changes: usize,
) -> String {
    spec["template"] = template;
    let mut world: World<Job> = World::create(client, namespace, name, spec).await;
    let watched = world.watch(changes);
    world
        .until("an end", |job| last_condition(job).is_some())
        .await;
    world.tell(name, &NUMBERS).await;
    let job = world.published().await;
    let indexes = ["completedIndexes", "failedIndexes"].map(|field| &job["status"][field]);
    if indexes.iter().any(|indexes| !indexes.is_null()) {
        let [completed, failed] = indexes;
        world.add(
            "indexes",
            &format!("completed {completed}, failed {failed}"),
        );
    }
    world.add("conditions", &conditions(&job).join(", "));
    world.add("events", &events(client, namespace, &job).await.join(", "));
    world.add("waits", &waits(client, namespace, name).await.join(", "));
    world.append(watched).await;
    world.into_story()
}

/// A template of Pods with one container that has these arguments and fields.
fn pod(arguments: &[&str], policy: &str, more: &Value) -> Value {
    let container = with(container(&json!({ "args": arguments })), more);
    json!({
        "metadata": { "annotations": { TEMPLATE: policy } },
        "spec": {
            "restartPolicy": policy,
            "terminationGracePeriodSeconds": 2,
            "enableServiceLinks": false,
            "containers": [container],
        },
    })
}

/// The condition that ended the Job.
fn last_condition(job: &Value) -> Option<&Value> {
    let mut conditions = job["status"]["conditions"].as_array()?.iter();
    conditions.find(|it| it["type"] == "Complete" || it["type"] == "Failed")
}

fn conditions(job: &Value) -> Vec<String> {
    let conditions = job["status"]["conditions"].as_array().unwrap().iter();
    let text = |it: &Value| {
        let text = |field: &str| it[field].as_str().unwrap_or_default().to_owned();
        let message = without_pod(&text("message"));
        format!("{} {} {message:?}", text("type"), text("reason"))
    };
    conditions.map(text).collect()
}

/// A message without the name of the Pod in it, which is drawn at random.
fn without_pod(message: &str) -> String {
    let parts = message.split_once(" for pod ");
    let parts = parts.and_then(|(before, rest)| Some((before, rest.split_once(' ')?.1)));
    parts.map_or_else(
        || message.to_owned(),
        |(before, after)| format!("{before} for pod … {after}"),
    )
}

/// Events about the Job up to that about its end. Names of Pods are left out.
async fn events(client: &Client, namespace: &str, job: &Value) -> Vec<String> {
    let last = last_condition(job).unwrap();
    let last = match last["type"].as_str() {
        Some("Complete") => "Completed",
        _ => last["reason"].as_str().unwrap(),
    };
    let uid = job["metadata"]["uid"].as_str().unwrap();
    let events: Api<Event> = Api::namespaced(client.clone(), namespace);
    let about = watcher::Config::default().fields(&format!("involvedObject.uid={uid}"));
    let mut events = std::pin::pin!(watcher(events, about).default_backoff());
    let (mut seen, mut is_listed) = (Vec::new(), false);
    while let Some(event) = events.try_next().await.unwrap() {
        match event {
            watcher::Event::Apply(event) | watcher::Event::InitApply(event) => seen.push(event),
            watcher::Event::InitDone => is_listed = true,
            watcher::Event::Init | watcher::Event::Delete(_) => {}
        }
        let is_last = |event: &Event| event.reason.as_deref() == Some(last);
        if is_listed && seen.iter().any(is_last) {
            break;
        }
    }
    let text = |event: Event| {
        let message = event.message.unwrap_or_default();
        let message = without_pod(message.split(": ").next().unwrap_or_default());
        let (kind, reason) = (
            event.type_.unwrap_or_default(),
            event.reason.unwrap_or_default(),
        );
        format!("{kind} {reason} {message:?}")
    };
    let mut seen: Vec<String> = seen.into_iter().map(text).collect();
    // They may arrive in another order.
    seen.sort();
    seen
}

/// For each Pod that failed and was replaced: the time from its end to the next Pod's creation, in
/// whole seconds, rounded down to tens.
async fn waits(client: &Client, namespace: &str, job: &str) -> Vec<String> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let of_job = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={job}"));
    let pods = pods.list(&of_job).await.unwrap();
    let mut lives: Vec<_> = pods.iter().filter_map(life).collect();
    lives.sort();
    let failed = lives.windows(2).filter(|pair| pair[0].2);
    let waits = failed.map(|pair| pair[1].0.duration_since(pair[0].1).as_secs());
    waits.map(|wait| format!("{} s", wait / 10 * 10)).collect()
}

/// When a Pod was created, when its container ended, and whether it failed.
fn life(pod: &Pod) -> Option<(Timestamp, Timestamp, bool)> {
    let created = pod.metadata.creation_timestamp.as_ref()?.0;
    let status = pod.status.as_ref()?;
    let container = status.container_statuses.as_ref()?.first()?;
    let ended = container.state.as_ref()?.terminated.as_ref()?;
    let has_failed = status.phase.as_deref() == Some("Failed");
    Some((created, ended.finished_at.as_ref()?.0, has_failed))
}
