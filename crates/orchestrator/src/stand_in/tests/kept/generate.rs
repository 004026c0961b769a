//! Strategies for workloads with everything that a conversion keeps, changes or drops.

use proptest::prelude::*;
use serde_json::{Value, json};

/// The names of regular containers.
const REGULAR: [&str; 3] = ["one", "two", "three"];

/// A workload of some kind, with one to three regular containers, an init container and a sidecar.
pub(super) fn workload() -> impl Strategy<Value = Value> {
    let kinds = prop_oneof![
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "ReplicaSet",
        "Pod"
    ];
    (kinds, template(), option(0..9i32), option(0..30i32)).prop_map(
        |(kind, template, replicas, min_ready)| {
            let metadata = json!({ "name": "web", "labels": { "l": "no" } });
            if kind == "Pod" {
                let labels = json!({ "name": "web", "labels": { "app": "web" } });
                let spec = template["spec"].clone();
                return json!({ "apiVersion": "v1", "kind": kind, "metadata": labels, "spec": spec });
            }
            let mut spec = json!({
                "minReadySeconds": min_ready,
                "selector": { "matchLabels": { "app": "web" } },
                "template": template,
            });
            let own = match kind.as_str() {
                "Deployment" => json!({
                    "replicas": replicas,
                    "progressDeadlineSeconds": 60,
                    "revisionHistoryLimit": 3,
                    "paused": true,
                    "strategy": { "rollingUpdate": { "maxSurge": "30%", "maxUnavailable": 0 } },
                }),
                "StatefulSet" => json!({
                    "replicas": replicas,
                    "serviceName": "web",
                    "podManagementPolicy": "Parallel",
                    "updateStrategy": { "rollingUpdate": { "partition": 1 } },
                    "ordinals": { "start": 3 },
                }),
                "DaemonSet" => json!({ "updateStrategy": { "type": "OnDelete" } }),
                _ => json!({ "replicas": replicas }),
            };
            let own = own.as_object().unwrap().clone();
            spec.as_object_mut().unwrap().extend(own);
            json!({ "apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec })
        },
    )
}

/// A Pod template. A field that is not there is null.
fn template() -> impl Strategy<Value = Value> {
    let regular = REGULAR.map(|name| container(name).boxed());
    let init = (container("sidecar"), container("init"), option(1..9u8));
    let dropped = prop::collection::vec(any::<bool>(), 12);
    (regular, 1..=3usize, init, option(0..60i32), dropped).prop_map(
        |(regular, count, (sidecar, init, sleep), grace, dropped)| {
            let mut containers = Vec::from(regular);
            containers.truncate(count);
            let mut sidecar = sidecar;
            sidecar["restartPolicy"] = "Always".into();
            sidecar["restartPolicyRules"] = Value::Null;
            let mut init = init;
            init["restartPolicy"] = Value::Null;
            init["restartPolicyRules"] = Value::Null;
            if let Some(seconds) = sleep {
                init["command"] = json!(["sh", "-c", format!("sleep {seconds}; copy")]);
            }
            let mut spec = json!({
                "restartPolicy": "Always",
                "terminationGracePeriodSeconds": grace,
                "activeDeadlineSeconds": null,
                "hostname": "h",
                "subdomain": "s",
                "containers": containers,
                "initContainers": [sidecar, init],
            });
            for ((field, value), is_there) in dropped_fields().into_iter().zip(dropped) {
                spec[field] = if is_there { value } else { Value::Null };
            }
            json!({ "metadata": { "labels": { "app": "web" } }, "spec": spec })
        },
    )
}

/// The fields of a Pod that a stand-in does not have, and values that are not their defaults.
pub(super) fn dropped_fields() -> [(&'static str, Value); 12] {
    [
        (
            "volumes",
            json!([{ "name": "v", "hostPath": { "path": "/" } }]),
        ),
        ("nodeName", json!("n")),
        ("nodeSelector", json!({ "disk": "ssd" })),
        ("affinity", json!({ "podAntiAffinity": {} })),
        ("tolerations", json!([{ "operator": "Exists" }])),
        ("priorityClassName", json!("high")),
        ("runtimeClassName", json!("gvisor")),
        ("hostNetwork", json!(true)),
        ("serviceAccountName", json!("web")),
        ("readinessGates", json!([{ "conditionType": "g" }])),
        (
            "hostAliases",
            json!([{ "ip": "127.0.0.1", "hostnames": ["h"] }]),
        ),
        ("imagePullSecrets", json!([{ "name": "p" }])),
    ]
}

fn container(name: &'static str) -> impl Strategy<Value = Value> {
    let ports = prop::collection::vec((port(), prop_oneof!["TCP", "UDP"]), 0..4);
    let probes = (option(probe()), option(probe()), option(probe()));
    let hooks = (option(hook()), option(hook()));
    let rules = json!([{ "action": "Restart", "exitCodes": { "operator": "In", "values": [42] } }]);
    let restarts = prop_oneof![
        Just((Value::Null, Value::Null)),
        Just((json!("Always"), Value::Null)),
        Just((json!("OnFailure"), Value::Null)),
        Just((json!("Never"), rules)),
    ];
    (ports, probes, hooks, restarts, any::<bool>()).prop_map(
        move |(ports, (liveness, readiness, startup), (start, stop), (policy, rules), more)| {
            let ports = ports.into_iter().enumerate().map(|(at, (port, protocol))| {
                let name = (at == 0).then_some("a");
                json!({ "name": name, "containerPort": port, "protocol": protocol, "hostPort": 1 })
            });
            let hooks = json!({ "postStart": start, "preStop": stop });
            let has_hook = start.is_some() || stop.is_some();
            let dropped = |value: Value| if more { value } else { Value::Null };
            json!({
                "name": name,
                "image": "x",
                "args": ["--y"],
                "env": dropped(json!([{ "name": "A", "value": "b" }])),
                "workingDir": dropped(json!("/w")),
                "ports": ports.collect::<Vec<_>>(),
                "livenessProbe": liveness,
                "readinessProbe": readiness,
                "startupProbe": startup,
                "lifecycle": if has_hook { hooks } else { Value::Null },
                "restartPolicy": policy,
                "restartPolicyRules": rules,
                "resources": dropped(json!({ "limits": { "cpu": "1" } })),
                "securityContext": dropped(json!({ "privileged": true, "runAsUser": 0 })),
                "volumeMounts": dropped(json!([{ "name": "v", "mountPath": "/v" }])),
            })
        },
    )
}

/// A probe: its handler, and any of its timings.
fn probe() -> impl Strategy<Value = Value> {
    let number = || option(1..20i32);
    let timings = (number(), number(), number(), number(), number(), number());
    (timings, handler()).prop_map(|(timings, mut probe)| {
        let (delay, period, timeout, failures, successes, grace) = timings;
        for (field, number) in [
            ("initialDelaySeconds", delay),
            ("periodSeconds", period),
            ("timeoutSeconds", timeout),
            ("failureThreshold", failures),
            ("successThreshold", successes),
            ("terminationGracePeriodSeconds", grace),
        ] {
            probe[field] = json!(number);
        }
        probe
    })
}

fn handler() -> impl Strategy<Value = Value> {
    let socket = (named_port(), host());
    prop_oneof![
        http_get().prop_map(|get| json!({ "httpGet": get })),
        socket.prop_map(|(port, host)| json!({ "tcpSocket": { "port": port, "host": host } })),
        (port(), option("[a-b]"))
            .prop_map(|(port, service)| json!({ "grpc": { "port": port, "service": service } })),
        "[a-c]".prop_map(|word| json!({ "exec": { "command": [word, "-x"] } })),
    ]
}

fn hook() -> impl Strategy<Value = Value> {
    let exec = |command: Value| json!({ "exec": { "command": command } });
    prop_oneof![
        http_get().prop_map(|get| json!({ "httpGet": get })),
        (0..9u8).prop_map(|seconds| json!({ "sleep": { "seconds": seconds } })),
        (0..90u8).prop_map(move |seconds| exec(json!(["sleep", seconds.to_string()]))),
        (0..90u8).prop_map(move |seconds| {
            exec(json!(["sh", "-c", format!("sleep {seconds} && quit")]))
        }),
        Just(exec(json!(["quit", "now"]))),
    ]
}

fn http_get() -> impl Strategy<Value = Value> {
    let scheme = option(prop_oneof!["HTTP", "HTTPS"]);
    let header = json!([{ "name": "Cookie", "value": "c" }]);
    (
        named_port(),
        option("/[a-c]"),
        scheme,
        host(),
        option(Just(header)),
    )
        .prop_map(|(port, path, scheme, host, headers)| {
            json!({
                "port": port, "path": path, "scheme": scheme, "host": host, "httpHeaders": headers,
            })
        })
}

fn host() -> impl Strategy<Value = Option<String>> {
    option(prop_oneof!["db", "127\\.0\\.0\\.1"])
}

/// Low ports, high ones, and those that control APIs prefer.
fn port() -> impl Strategy<Value = u16> {
    prop_oneof![78..82u16, 8080..8084u16, 61000..61003u16]
}

fn named_port() -> impl Strategy<Value = Value> {
    prop_oneof![Just(json!("a")), port().prop_map(|port| json!(port))]
}

fn option<S: Strategy>(value: S) -> impl Strategy<Value = Option<S::Value>> {
    prop::option::of(value)
}
