//! Restart policies and rules of single containers: the same effects in virtual time and on a node.

use std::fmt::Write as _;
use std::time::Duration;

use expect_test::{Expect, expect};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, api::PostParams};
use orchestrator::cluster::Latencies;
use serde_json::{Value, json};

use crate::{
    namespace::{Namespace, in_virtual_time},
    pods, program,
};

/// How long each condition may take to become true.
const CONDITION_TIMEOUT: Duration = Duration::from_mins(1);

/// How long nothing must happen to a container that stays dead.
const DEAD: Duration = Duration::from_secs(3);

/// Pods: a name, the Pod's policy, whether another container runs on, and the container.
fn cases() -> Vec<(&'static str, &'static str, bool, Value)> {
    let exits = |code: u8, policy: &str, rules: Value| {
        let exit = format!("exit code={code} after=2s");
        let args = ["--process", &*exit];
        json!({ "args": args, "restartPolicy": policy, "restartPolicyRules": rules })
    };
    let rule = |operator: &str, code: u8| {
        let codes = json!({ "operator": operator, "values": [code] });
        json!([{ "action": "Restart", "exitCodes": codes }])
    };
    let killed = |rules: Value| {
        let failing = json!({ "periodSeconds": 1, "failureThreshold": 1, "initialDelaySeconds": 2,
            "httpGet": { "port": 8080, "path": "/livez" } });
        json!({ "args": ["--route", "/livez=503"], "livenessProbe": failing,
            "restartPolicy": "Never", "restartPolicyRules": rules })
    };
    let none = || json!([]);
    vec![
        ("always", "Never", true, exits(0, "Always", none())),
        ("on-failure", "Never", true, exits(1, "OnFailure", none())),
        (
            "on-failure-success",
            "Always",
            true,
            exits(0, "OnFailure", none()),
        ),
        ("never", "Always", true, exits(1, "Never", none())),
        ("never-alone", "Always", false, exits(1, "Never", none())),
        ("in", "Never", true, exits(42, "Never", rule("In", 42))),
        (
            "in-alone",
            "Never",
            false,
            exits(42, "Never", rule("In", 42)),
        ),
        (
            "not-in",
            "Never",
            true,
            exits(1, "Never", rule("NotIn", 42)),
        ),
        ("no-match", "Never", true, exits(1, "Never", rule("In", 42))),
        ("killed", "Always", true, killed(none())),
        ("killed-by-rule", "Always", true, killed(rule("In", 0))),
    ]
}

fn pod(name: &str, policy: &str, is_accompanied: bool, container: &Value) -> Pod {
    let mut containers = vec![pods::container(container)];
    if is_accompanied {
        let args = ["--port", "8081", "--control", "127.0.0.1:18081"];
        containers.push(pods::container(&json!({ "name": "other", "args": args })));
    }
    let pod = json!({
        "metadata": { "name": name },
        "spec": {
            "restartPolicy": policy,
            "terminationGracePeriodSeconds": 2,
            "enableServiceLinks": false,
            "containers": containers,
        },
    });
    serde_json::from_value(pod).unwrap()
}

/// Creates all Pods, and tells what becomes of each first container after its first end.
async fn restarts(client: Client, namespace: String) -> String {
    let pods: Api<Pod> = Api::namespaced(client, &namespace);
    for (name, policy, is_accompanied, container) in cases() {
        let pod = pod(name, policy, is_accompanied, &container);
        pods.create(&PostParams::default(), &pod).await.unwrap();
    }
    for (name, ..) in cases() {
        let ended = |pod: Option<&Pod>| {
            let status = status(pod);
            !status["lastState"]["terminated"].is_null() || !status["state"]["terminated"].is_null()
        };
        pods::until(pods.clone(), name, "its end", CONDITION_TIMEOUT, ended).await;
    }
    // No event tells that nothing happens.
    tokio::time::sleep(DEAD).await;
    let mut story = String::new();
    for (name, ..) in cases() {
        let pod = pods.get(name).await.unwrap();
        let status = status(Some(&pod));
        let is_restarted = status["restartCount"] != 0;
        let state = if is_restarted { "lastState" } else { "state" };
        let code = &status[state]["terminated"]["exitCode"];
        let verb = if is_restarted {
            "is restarted"
        } else {
            "stays dead"
        };
        let phase = &json!(pod)["status"]["phase"];
        writeln!(story, "{name}: {verb} after {code}, {phase}").unwrap();
    }
    story
}

/// The status of the first container.
fn status(pod: Option<&Pod>) -> Value {
    let pod = pod.map_or(Value::Null, |pod| json!(pod));
    pod["status"]["containerStatuses"][0].clone()
}

#[test]
fn policies_and_rules_have_the_expected_effects() {
    expected().assert_eq(&in_virtual_time(Latencies::Node, restarts));
}

#[test]
fn policies_and_rules_of_a_real_cluster_have_the_same_effects() {
    let name = "policies_and_rules_of_a_real_cluster_have_the_same_effects";
    let Some(cluster) = program::cluster(name) else {
        return;
    };
    let namespace = Namespace::create(&cluster, "rules");
    expected().assert_eq(&namespace.run(restarts));
}

fn expected() -> Expect {
    expect![[r#"
        always: is restarted after 0, "Running"
        on-failure: is restarted after 1, "Running"
        on-failure-success: stays dead after 0, "Running"
        never: stays dead after 1, "Running"
        never-alone: stays dead after 1, "Failed"
        in: is restarted after 42, "Running"
        in-alone: is restarted after 42, "Running"
        not-in: is restarted after 1, "Running"
        no-match: stays dead after 1, "Running"
        killed: stays dead after 0, "Running"
        killed-by-rule: is restarted after 0, "Running"
    "#]]
}
