//! Generated workloads: what decides about probes, lifecycle, rollout and Services is kept.

use std::collections::BTreeSet;

use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::json;

use super::*;

/// A probe's timings.
fn timings() -> impl Strategy<Value = Value> {
    let number = || prop::option::of(1..20i32);
    (number(), number(), number(), number()).prop_map(|(delay, period, timeout, failures)| {
        json!({
            "initialDelaySeconds": delay,
            "periodSeconds": period,
            "timeoutSeconds": timeout,
            "failureThreshold": failures,
        })
    })
}

fn handler() -> impl Strategy<Value = Value> {
    let port = || prop_oneof![Just(json!("a")), (1..12u16).prop_map(|port| json!(port))];
    prop_oneof![
        (
            port(),
            prop::option::of(Just("HTTPS")),
            prop::option::of(Just("db"))
        )
            .prop_map(|(port, scheme, host)| json!({
                "httpGet": { "port": port, "path": "/x", "scheme": scheme, "host": host },
            })),
        port().prop_map(|port| json!({ "tcpSocket": { "port": port } })),
        (1..12u16).prop_map(|port| json!({ "grpc": { "port": port } })),
        "[a-c]".prop_map(|word| json!({ "exec": { "command": [word] } })),
    ]
}

fn probe() -> impl Strategy<Value = Option<Value>> {
    prop::option::of((timings(), handler()).prop_map(|(mut probe, handler)| {
        let fields = handler.as_object().cloned().unwrap_or_default();
        probe.as_object_mut().unwrap().extend(fields);
        probe
    }))
}

fn container(name: &'static str) -> impl Strategy<Value = Value> {
    let ports = prop::collection::vec((1..12u16, prop_oneof!["TCP", "UDP"]), 0..3);
    let sleeps = prop::option::of(0..60u8);
    (ports, probe(), probe(), probe(), sleeps).prop_map(
        move |(ports, liveness, readiness, startup, sleeps)| {
            let ports = ports.into_iter().enumerate().map(|(at, (port, protocol))| {
                let name = (at == 0).then_some("a");
                json!({ "name": name, "containerPort": port, "protocol": protocol, "hostPort": 1 })
            });
            let hook = sleeps.map(|seconds| {
                json!({ "preStop": { "exec": { "command": ["sleep", seconds.to_string()] } } })
            });
            json!({
                "name": name,
                "image": "x",
                "args": ["--y"],
                "ports": ports.collect::<Vec<_>>(),
                "livenessProbe": liveness,
                "readinessProbe": readiness,
                "startupProbe": startup,
                "lifecycle": hook,
                "resources": { "limits": { "cpu": 1 } },
            })
        },
    )
}

fn deployment() -> impl Strategy<Value = Value> {
    let containers = (container("one"), container("two"), container("three"));
    let number = || prop::option::of(0..9i32);
    (containers, 1..4usize, number(), number(), any::<bool>()).prop_map(
        |((one, two, three), count, replicas, grace, on_host)| {
            let mut containers = vec![one, two, three];
            containers.truncate(count);
            let mut sidecar = json!({ "name": "sidecar", "image": "x" });
            sidecar["restartPolicy"] = "Always".into();
            json!({
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": { "name": "web", "labels": { "l": "no" } },
                "spec": {
                    "replicas": replicas,
                    "minReadySeconds": 3,
                    "progressDeadlineSeconds": 60,
                    "strategy": { "type": "Recreate" },
                    "selector": { "matchLabels": { "app": "web" } },
                    "template": {
                        "metadata": { "labels": { "app": "web" } },
                        "spec": {
                            "terminationGracePeriodSeconds": grace,
                            "hostNetwork": on_host,
                            "nodeName": "n",
                            "containers": containers,
                            "initContainers": [sidecar, { "name": "init", "image": "x" }],
                        },
                    },
                },
            })
        },
    )
}

const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 5 }, { name: a, port: 80, targetPort: a }] }
---
";

/// Removes null fields, which stand for absent ones.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            fields
                .map(|(name, value)| (name.clone(), without_nulls(value)))
                .collect()
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        value => value.clone(),
    }
}

/// The fields of a probe that are not its handler.
fn timings_of(probe: &Value) -> Value {
    let mut probe = without_nulls(probe);
    if let Some(fields) = probe.as_object_mut() {
        for handler in ["httpGet", "tcpSocket", "grpc", "exec"] {
            fields.remove(handler);
        }
    }
    probe
}

fn check_container(original: &Value, stand_in: &Value) {
    assert_eq!(original["name"], stand_in["name"]);
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let (original, probe) = (&original[probe], &stand_in[probe]);
        assert_eq!(original.is_null(), probe.is_null());
        assert_eq!(timings_of(original), timings_of(probe));
        // A handler that stays is the same but for its host.
        for handler in ["httpGet", "tcpSocket", "grpc"] {
            if original[handler].is_object() && probe[handler].is_object() {
                let mut expected = without_nulls(&original[handler]);
                expected.as_object_mut().unwrap().remove("host");
                assert_eq!(expected, probe[handler]);
            }
        }
        assert_eq!(original["exec"].is_null(), probe["exec"].is_null());
    }
}

/// No port is opened twice in a Pod, and each container has a control address of its own.
fn check_ports(pod: &Value) {
    let spec = &pod["spec"];
    let containers = [&spec["containers"], &spec["initContainers"]];
    let containers = containers.iter().filter_map(|list| list.as_array());
    let mut opened = BTreeSet::new();
    let mut controls = 0;
    for argument in containers
        .flatten()
        .flat_map(|each| each["args"].as_array().unwrap())
    {
        let argument = argument.as_str().unwrap();
        let port = argument
            .strip_prefix("--port=")
            .or_else(|| argument.strip_prefix("--control="));
        controls += usize::from(argument.starts_with("--control="));
        let place = port.map(|port| port.split('=').next().unwrap());
        let number = place.map(|place| place.rsplit(':').next().unwrap());
        if let Some(number) = number.filter(|number| *number != "none") {
            assert!(opened.insert(number.to_owned()), "{number} is opened twice");
        }
    }
    let annotations = pod.pointer("/metadata/annotations").unwrap();
    assert_eq!(annotations.as_object().unwrap().len(), controls);
}

/// Runs a test with the stack that a program's main thread has: unoptimized, the types of
/// Kubernetes and the generators fill that of a test.
fn on_large_stack(test: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(16 << 20);
        builder.spawn_scoped(scope, test).unwrap().join().unwrap();
    });
}

#[test]
fn what_decides_is_kept_and_a_second_time_changes_nothing() {
    on_large_stack(|| {
        let tested = TestRunner::default().run(&deployment(), |original| {
            check(&original);
            Ok(())
        });
        tested.unwrap();
    });
}

fn check(original: &Value) {
    let text = format!("{SERVICE}{original}");
    let (objects, _) = converted(&text, &settings());
    assert_eq!(objects.len(), 3);
    let stand_in = objects.iter().find(|object| object["kind"] == "Deployment");
    let stand_in = stand_in.unwrap();
    let (before, after) = (without_nulls(&original["spec"]), &stand_in["spec"]);
    for field in [
        "replicas",
        "minReadySeconds",
        "progressDeadlineSeconds",
        "strategy",
        "selector",
    ] {
        assert_eq!(before[field], after[field]);
    }
    assert_eq!(
        original["metadata"]["labels"],
        stand_in["metadata"]["labels"]
    );
    let (before, after) = (&before["template"], &after["template"]);
    assert_eq!(before["metadata"]["labels"], after["metadata"]["labels"]);
    check_ports(after);
    let (before, after) = (&before["spec"], &after["spec"]);
    let grace = "terminationGracePeriodSeconds";
    assert_eq!(before[grace], after[grace]);
    for list in ["containers", "initContainers"] {
        let (before, after) = (before[list].as_array(), after[list].as_array());
        let (before, after) = (before.unwrap(), after.unwrap());
        assert_eq!(before.len(), after.len());
        for (before, after) in before.iter().zip(after) {
            check_container(before, after);
        }
    }

    let printed = super::super::text(&objects);
    let (again, notes) = converted(&printed, &settings());
    assert_eq!(super::super::text(&again), printed);
    assert_eq!(notes, "");
}
