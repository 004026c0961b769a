//! Lifecycle hooks: the same effects in virtual time and on a node.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use expect_test::{Expect, expect};
use futures::TryStreamExt as _;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, PostParams},
    runtime::{
        WatchStreamExt as _,
        watcher::{self, watcher},
    },
};
use orchestrator::cluster::Latencies;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    namespace::{Namespace, in_virtual_time},
    pods::{self, container},
    program,
};

/// How long each condition may take to become true.
const CONDITION_TIMEOUT: Duration = Duration::from_mins(1);

/// The Pods that are deleted once they are ready: a name, the grace period in seconds, the preStop
/// hook, and the target's arguments.
fn stopped() -> Vec<(&'static str, u32, Value, Vec<&'static str>)> {
    let ignoring = || vec!["--process", "sigterm ignore=true"];
    let get = |path, port: u16| json!({ "httpGet": { "port": port, "path": path } });
    let sleep = |seconds: u32| json!({ "sleep": { "seconds": seconds } });
    let check = |path: &str| json!({ "exec": { "command": ["/probe-target", "check", "http", "127.0.0.1:8080", path] } });
    vec![
        ("sleeps", 30, sleep(3), vec![]),
        ("sleeps-for-all-of-the-grace", 3, sleep(3), ignoring()),
        ("sleeps-for-a-part-of-the-grace", 6, sleep(2), ignoring()),
        ("sleeps-not-at-all", 30, sleep(0), vec![]),
        (
            "hangs-longer-than-the-grace",
            4,
            get("/hang", 8080),
            vec!["--route", "/hang=hang"],
        ),
        ("is-refused", 30, get("/", 9999), vec![]),
        (
            "is-answered-with-an-error",
            30,
            get("/no", 8080),
            vec!["--route", "/no=500"],
        ),
        ("runs-a-command", 30, check("/"), vec![]),
        (
            "runs-a-failing-command",
            30,
            check("/no"),
            vec!["--route", "/no=500"],
        ),
        (
            "has-no-such-command",
            30,
            json!({ "exec": { "command": ["nosuch"] } }),
            vec![],
        ),
    ]
}

/// Pods whose postStart hook fails: a name and the hook.
fn broken() -> Vec<(&'static str, Value)> {
    let command = |command: &[&str]| json!({ "exec": { "command": command } });
    let failing = ["/probe-target", "check", "http", "127.0.0.1:9999"];
    vec![
        (
            "start-is-refused",
            json!({ "httpGet": { "port": 9999, "path": "/hook" } }),
        ),
        (
            "start-names-no-port",
            json!({ "httpGet": { "port": "none" } }),
        ),
        ("start-fails", command(&failing)),
        ("start-has-no-such-command", command(&["nosuch", "$(A)"])),
        (
            "start-has-a-socket",
            json!({ "tcpSocket": { "port": 8080 } }),
        ),
    ]
}

/// A Pod with one container that has these fields.
fn pod(name: &str, grace: u32, fields: &Value) -> Pod {
    let pod = json!({
        "metadata": { "name": name },
        "spec": {
            "terminationGracePeriodSeconds": grace,
            "enableServiceLinks": false,
            "containers": [container(fields)],
        },
    });
    serde_json::from_value(pod).unwrap()
}

/// Deletes Pods one by one, and tells for how long each lived on and which Events about its
/// container there are.
async fn pre_stop(client: Client, namespace: String) -> String {
    let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
    let mut story = String::new();
    for (name, grace, hook, arguments) in stopped() {
        let fields = json!({
            "args": arguments,
            "lifecycle": { "preStop": hook },
            // The container is ready once the target is up, and is not probed any more.
            "startupProbe": { "tcpSocket": { "port": 8080 }, "periodSeconds": 1 },
        });
        let pod = pod(name, grace, &fields);
        pods.create(&PostParams::default(), &pod).await.unwrap();
        until(&pods, name, is_ready).await;
        pods.delete(name, &DeleteParams::default()).await.unwrap();
        until_event(&client, &namespace, name, "Killing").await;
        let killed = Instant::now();
        until(&pods, name, |pod| pod["status"]["phase"] != "Running").await;
        // A stop takes some tenths more; the Event is seen a little after its cause.
        let seconds = (killed.elapsed() + Duration::from_millis(100)).as_secs();
        let events = events(&client, &namespace, name).await;
        writeln!(story, "{name}: {seconds} s; {events}").unwrap();
    }
    story
}

/// Creates all Pods, and tells how each waits for its next start and which Events about its
/// container there are.
async fn post_start(client: Client, namespace: String) -> String {
    let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
    let mut story = String::new();
    for (name, hook) in broken() {
        let pod = pod(name, 5, &json!({ "lifecycle": { "postStart": hook } }));
        pods.create(&PostParams::default(), &pod).await.unwrap();
        let failed = |pod: &Value| waiting(pod)["reason"] == "PostStartHookError";
        let found = until(&pods, name, failed).await;
        let message = waiting(&found)["message"].as_str().unwrap();
        let ip = found["status"]["podIP"].as_str().unwrap();
        let uid = found["metadata"]["uid"].as_str().unwrap();
        let message = message
            .replace(ip, "IP")
            .replace(uid, "UID")
            .replace(&namespace, "NS");
        until(&pods, name, |pod| {
            waiting(pod)["reason"] == "CrashLoopBackOff"
        })
        .await;
        let events = events(&client, &namespace, name).await;
        writeln!(story, "{name}: {events}; {}", without_id(&message)).unwrap();
    }
    story
}

/// Without the ID of an exec process.
fn without_id(message: &str) -> String {
    let is_id = |word: &&str| word.len() == 64 && word.chars().all(|c| c.is_ascii_hexdigit());
    match message.split('"').find(is_id) {
        Some(id) => message.replace(id, "ID"),
        None => message.to_owned(),
    }
}

fn waiting(pod: &Value) -> &Value {
    &pod["status"]["containerStatuses"][0]["state"]["waiting"]
}

fn is_ready(pod: &Value) -> bool {
    pod["status"]["containerStatuses"][0]["ready"] == true
}

/// Waits until a Pod meets a condition; one that is gone meets all.
async fn until(pods: &Api<Pod>, name: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let json = |pod: Option<&Pod>| pod.map_or(Value::Null, |pod| json!(pod));
    let met = |pod: Option<&Pod>| pod.is_none() || holds(&json(pod));
    let found = pods::until(pods.clone(), name, "its condition", CONDITION_TIMEOUT, met).await;
    json(found.as_ref())
}

async fn until_event(client: &Client, namespace: &str, pod: &str, reason: &str) {
    let about = format!("involvedObject.name={pod},reason={reason}");
    let of_pod = watcher::Config::default().fields(&about);
    let events = watcher(Api::<Event>::namespaced(client.clone(), namespace), of_pod);
    let mut events = std::pin::pin!(events.default_backoff().applied_objects());
    let awaited = tokio::time::timeout(CONDITION_TIMEOUT, events.try_next()).await;
    awaited
        .unwrap_or_else(|_| panic!("{pod}: {reason} must be seen"))
        .unwrap();
}

/// The Events about a Pod's container, but for those of every start: the target may not be up when
/// it is first probed.
async fn events(client: &Client, namespace: &str, pod: &str) -> String {
    let api: Api<Event> = Api::namespaced(client.clone(), namespace);
    let of_pod = ListParams::default().fields(&format!("involvedObject.name={pod}"));
    let listed = api.list(&of_pod).await.unwrap();
    let told = listed.items.into_iter().filter_map(|event| {
        let reason = event.reason.unwrap_or_default();
        let message = event.message.unwrap_or_default();
        let is_usual = ["Scheduled", "Pulled", "Created", "Started", "BackOff"].contains(&&*reason)
            || message.starts_with("Startup probe failed: ");
        (!is_usual).then(|| format!("{reason} {message}"))
    });
    let told: BTreeSet<String> = told.collect();
    Vec::from_iter(told).join(", ")
}

#[test]
fn hooks_have_the_expected_effects() {
    expected_pre_stop().assert_eq(&in_virtual_time(Latencies::Node, pre_stop));
    expected_post_start().assert_eq(&in_virtual_time(Latencies::Node, post_start));
}

#[test]
fn hooks_of_a_real_cluster_have_the_same_effects() {
    let Some(cluster) = program::cluster("hooks_of_a_real_cluster_have_the_same_effects") else {
        return;
    };
    let namespace = Namespace::create(&cluster, "hooks");
    expected_pre_stop().assert_eq(&namespace.run(pre_stop));
    expected_post_start().assert_eq(&namespace.run(post_start));
}

fn expected_pre_stop() -> Expect {
    expect![[r#"
        sleeps: 3 s; Killing Stopping container c
        sleeps-for-all-of-the-grace: 5 s; Killing Stopping container c
        sleeps-for-a-part-of-the-grace: 6 s; Killing Stopping container c
        sleeps-not-at-all: 0 s; Killing Stopping container c
        hangs-longer-than-the-grace: 4 s; FailedPreStopHook PreStopHook failed, Killing Stopping container c
        is-refused: 0 s; FailedPreStopHook PreStopHook failed, Killing Stopping container c
        is-answered-with-an-error: 0 s; Killing Stopping container c
        runs-a-command: 0 s; Killing Stopping container c
        runs-a-failing-command: 0 s; FailedPreStopHook PreStopHook failed, Killing Stopping container c
        has-no-such-command: 0 s; FailedPreStopHook PreStopHook failed, Killing Stopping container c
    "#]]
}

fn expected_post_start() -> Expect {
    expect![[r#"
        start-is-refused: FailedPostStartHook PostStartHook failed, Killing FailedPostStartHook; HTTP lifecycle hook (/hook) for Container "c" in Pod "start-is-refused_NS(UID)" failed - error: Get "http://IP:9999/hook": dial tcp IP:9999: connect: connection refused
        start-names-no-port: FailedPostStartHook PostStartHook failed, Killing FailedPostStartHook; HTTP lifecycle hook (/) for Container "c" in Pod "start-names-no-port_NS(UID)" failed - error: strconv.Atoi: parsing "none": invalid syntax
        start-fails: FailedPostStartHook PostStartHook failed, Killing FailedPostStartHook; Exec lifecycle hook ([/probe-target check http 127.0.0.1:9999]) for Container "c" in Pod "start-fails_NS(UID)" failed - error: command '/probe-target check http 127.0.0.1:9999' exited with 1: error: connection refused
        , message: "error: connection refused\n"
        start-has-no-such-command: FailedPostStartHook PostStartHook failed, Killing FailedPostStartHook; Exec lifecycle hook ([nosuch $(A)]) for Container "c" in Pod "start-has-no-such-command_NS(UID)" failed - error: rpc error: code = Unknown desc = failed to exec in container: failed to start exec "ID": OCI runtime exec failed: exec failed: unable to start container process: exec: "nosuch": executable file not found in $PATH: unknown, message: ""
        start-has-a-socket: FailedPostStartHook PostStartHook failed, Killing FailedPostStartHook; Cannot run handler: invalid handler: &LifecycleHandler{Exec:nil,HTTPGet:nil,TCPSocket:&TCPSocketAction{Port:{0 8080 },Host:,},Sleep:nil,}
    "#]]
}
