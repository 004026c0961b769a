//! Container terminations: exit code, reason and message are equal in virtual time and on a node.

use std::time::Duration;

use expect_test::{Expect, expect};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, api::PostParams, runtime::wait::Condition};
use orchestrator::cluster::Latencies;
use serde_json::{Value, json};

use crate::{
    namespace::{Namespace, in_virtual_time},
    pods::{self, with},
    program,
};

/// How long each container may take to end.
const PATIENCE: Duration = Duration::from_mins(3);

/// Containers: a name, the spec, and whether the container is restarted after it has ended.
fn containers() -> Vec<(&'static str, Value, bool)> {
    let failing = json!({ "periodSeconds": 1, "failureThreshold": 1,
        "httpGet": { "port": 8080, "path": "/livez" } });
    let sick = json!({ "livenessProbe": failing });
    let log = json!({ "terminationMessagePath": "/dev/other",
        "terminationMessagePolicy": "FallbackToLogsOnError" });
    let limit = json!({ "resources": { "limits": { "memory": "32Mi" } } });
    let route = ["--route", "/livez=503"];
    vec![
        ("exit-0", told(&["exit code=0"]), false),
        ("exit-3", told(&["exit code=3 message=why"]), false),
        ("exit-4", told(&["exit code=4"]), false),
        ("log-0", with(told(&["exit code=0"]), &log), false),
        ("log-5", with(told(&["exit code=5"]), &log), false),
        ("abort", told(&["signal signal=SIGABRT"]), false),
        ("kill", told(&["signal signal=SIGKILL message=why"]), false),
        ("segfault", told(&["signal signal=SIGSEGV"]), false),
        ("terminate", told(&["signal signal=SIGTERM"]), false),
        ("user", told(&["signal signal=SIGUSR1"]), false),
        (
            "too-much",
            with(told(&["memory bytes=40Mi"]), &limit),
            false,
        ),
        (
            "not-too-much",
            with(told(&["memory bytes=24Mi", "exit code=6 after=2s"]), &limit),
            false,
        ),
        ("usage", json!({ "args": ["--port", "0"] }), false),
        ("no-file", json!({ "command": ["/bin/nosuch"] }), false),
        ("no-program", json!({ "command": ["nosuch"] }), false),
        ("again-exit", told(&["exit code=7 message=why"]), true),
        (
            "again-memory",
            with(told(&["memory bytes=40Mi"]), &limit),
            true,
        ),
        ("again-no-program", json!({ "command": ["nosuch"] }), true),
        ("sigterm", with(arguments(&[], &route), &sick), true),
        (
            "sigterm-delayed",
            with(arguments(&["sigterm delay=500ms"], &route), &sick),
            true,
        ),
        (
            "sigterm-ignored",
            with(arguments(&["sigterm ignore=true"], &route), &sick),
            true,
        ),
    ]
}

fn told(faults: &[&str]) -> Value {
    arguments(faults, &[])
}

fn arguments(faults: &[&str], more: &[&str]) -> Value {
    let faults = faults.iter().flat_map(|fault| ["--process", fault]);
    let all: Vec<&str> = faults.chain(more.iter().copied()).collect();
    json!({ "args": all })
}

fn pod(name: &str, container: &Value, again: bool) -> Pod {
    let pod = json!({
        "metadata": { "name": name },
        "spec": {
            "restartPolicy": if again { "Always" } else { "Never" },
            "terminationGracePeriodSeconds": 2,
            "enableServiceLinks": false,
            "containers": [pods::container(container)],
        },
    });
    serde_json::from_value(pod).unwrap()
}

/// Creates all Pods, waits for their containers to end, and returns a line for each status.
async fn ends(client: Client, namespace: String) -> String {
    let api: Api<Pod> = Api::namespaced(client, &namespace);
    for (name, container, again) in containers() {
        let pod = pod(name, &container, again);
        api.create(&PostParams::default(), &pod).await.unwrap();
    }
    let mut story = Vec::new();
    for (name, _, again) in containers() {
        let ended = pods::until(api.clone(), name, "its end", PATIENCE, has_ended(again)).await;
        let end = end(ended.as_ref(), again);
        let (code, message) = (&end["exitCode"], &end["message"]);
        let reason = end["reason"].as_str().unwrap();
        story.push(format!("{name}: {code} {reason} {message}\n"));
    }
    story.concat()
}

fn has_ended(again: bool) -> impl Condition<Pod> {
    move |pod: Option<&Pod>| !end(pod, again).is_null()
}

/// The `terminated` state of the container; for one that is restarted, that of its last run.
fn end(pod: Option<&Pod>, again: bool) -> Value {
    let pod = pod.map_or(Value::Null, |pod| json!(pod));
    let state = if again { "lastState" } else { "state" };
    pod["status"]["containerStatuses"][0][state]["terminated"].clone()
}

fn expected() -> Expect {
    expect![[r#"
        exit-0: 0 Completed null
        exit-3: 3 Error "why"
        exit-4: 4 Error null
        log-0: 0 Completed null
        log-5: 5 Error "http on 8080; control on 127.0.0.1:18080\n"
        abort: 134 Error null
        kill: 137 Error "why"
        segfault: 139 Error null
        terminate: 143 Error null
        user: 138 Error null
        too-much: 137 OOMKilled null
        not-too-much: 6 Error null
        usage: 2 Error "error: `--port`: must be a number from 1 to 65535, not `0`\nhint: `probe-target --help` lists the commands, `probe-target COMMAND --help` their options"
        no-file: 128 StartError "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"/bin/nosuch\": stat /bin/nosuch: no such file or directory: unknown"
        no-program: 128 StartError "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"nosuch\": executable file not found in $PATH: unknown"
        again-exit: 7 Error "why"
        again-memory: 137 OOMKilled null
        again-no-program: 128 StartError "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"nosuch\": executable file not found in $PATH: unknown"
        sigterm: 0 Completed null
        sigterm-delayed: 0 Completed null
        sigterm-ignored: 137 Error null
    "#]]
}

#[test]
fn every_end_is_told_in_virtual_time() {
    let story = in_virtual_time(Latencies::None, ends);
    expected().assert_eq(&story);
}

#[test]
fn a_real_cluster_tells_every_end_the_same_way() {
    let Some(cluster) = program::cluster("a_real_cluster_tells_every_end_the_same_way") else {
        return;
    };
    let namespace = Namespace::create(&cluster, "ends");
    let story = namespace.run(ends);
    // The container runtime learns of an OOM kill from two sources. If the exit is reported first
    // and its status is read at once, the reason is not yet `OOMKilled`.
    let late = |name: &str| {
        (
            format!("{name}: 137 Error"),
            format!("{name}: 137 OOMKilled"),
        )
    };
    let memory = ["too-much", "again-memory"].map(late).into_iter();
    let story = memory.fold(story, |story, (early, late)| story.replace(&early, &late));
    expected().assert_eq(&story);
}
