//! Generated workloads: what decides about probes, lifecycle, rollout and Services is kept, all
//! else is replaced or dropped and noted.

mod generate;

use std::collections::{BTreeMap, BTreeSet};

use proptest::test_runner::TestRunner;
use serde_json::json;

use super::*;
use generate::{dropped_fields, workload};

const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 5 }, { name: a, port: 80, targetPort: a }] }
---
";

/// The note that names each field of a Pod that is dropped.
const NOTES: [(&str, &str); 12] = [
    ("volumes", "volumes dropped"),
    ("nodeName", "scheduling dropped"),
    ("nodeSelector", "scheduling dropped"),
    ("affinity", "scheduling dropped"),
    ("tolerations", "scheduling dropped"),
    ("priorityClassName", "priority dropped"),
    ("runtimeClassName", "runtime class dropped"),
    ("hostNetwork", "host namespaces dropped"),
    ("serviceAccountName", "service accounts dropped"),
    ("readinessGates", "readiness gates dropped"),
    ("hostAliases", "host aliases and DNS settings dropped"),
    ("imagePullSecrets", "image pull secrets dropped"),
];

#[test]
fn what_decides_is_kept_and_a_second_time_changes_nothing() {
    on_large_stack(|| {
        let tested = TestRunner::default().run(&workload(), |original| {
            check(&original);
            Ok(())
        });
        tested.unwrap();
    });
}

/// Runs a test with the stack that a program's main thread has: unoptimized, the types of
/// Kubernetes and the generators fill that of a test.
fn on_large_stack(test: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(16 << 20);
        builder.spawn_scoped(scope, test).unwrap().join().unwrap();
    });
}

/// The stand-ins of a text and their notes, also of values that an API server refuses.
fn converted(text: &str) -> (Vec<Value>, String) {
    let (manifests, mut notes) = (load(text), Notes::default());
    let parsed = parse_all(&manifests, &mut notes).unwrap();
    let found = convert_parsed(&manifests, parsed, &settings(), notes).unwrap();
    (found.objects, found.notes.join("\n"))
}

fn check(original: &Value) {
    let text = format!("{SERVICE}{original}");
    let (objects, notes) = converted(&text);
    assert_eq!(objects.len(), 3, "{notes}");
    let stand_in = objects.iter().find(|it| it["kind"] == original["kind"]);
    let stand_in = stand_in.unwrap();
    let original = without_nulls(original);
    assert_eq!(
        original["metadata"]["labels"],
        stand_in["metadata"]["labels"]
    );
    if original["kind"] == "Pod" {
        check_pod(&original, stand_in, &notes);
    } else {
        // Everything around the template is kept.
        let around = |workload: &Value| {
            let mut spec = workload["spec"].clone();
            spec.as_object_mut().unwrap().remove("template");
            spec
        };
        assert_eq!(around(&original), around(stand_in));
        let (original, stand_in) = (&original["spec"]["template"], &stand_in["spec"]["template"]);
        assert_eq!(
            original["metadata"]["labels"],
            stand_in["metadata"]["labels"]
        );
        check_pod(original, stand_in, &notes);
    }

    let printed = super::super::text(&objects);
    let (same, _) = converted(&text);
    assert_eq!(super::super::text(&same), printed);
    let (again, notes) = converted(&printed);
    assert_eq!(super::super::text(&again), printed);
    assert_eq!(notes, "");
}

fn check_pod(original: &Value, stand_in: &Value, notes: &str) {
    check_ports(stand_in);
    let (original, stand_in) = (&original["spec"], &stand_in["spec"]);
    for field in [
        "restartPolicy",
        "terminationGracePeriodSeconds",
        "hostname",
        "subdomain",
    ] {
        assert_eq!(original[field], stand_in[field], "{field}");
    }
    for ((field, _), (noted, title)) in dropped_fields().into_iter().zip(NOTES) {
        assert_eq!(field, noted);
        assert!(field == "volumes" || stand_in[field].is_null(), "{field}");
        let is_noted = notes.lines().any(|note| note.starts_with(title));
        assert!(is_noted || original[field].is_null(), "{title}: {notes}");
    }
    let volumes = json!([{ "name": "probeflip-state", "emptyDir": { "sizeLimit": "1Mi" } }]);
    assert_eq!(stand_in["volumes"], volumes);
    let mut security = stand_in["securityContext"].clone();
    security.as_object_mut().unwrap().remove("sysctls");
    let seccomp = json!({ "type": "RuntimeDefault" });
    let restricted = json!({ "runAsNonRoot": true, "seccompProfile": seccomp });
    assert_eq!(security, restricted);
    let grace = original["terminationGracePeriodSeconds"].as_u64();
    for list in ["containers", "initContainers"] {
        let (before, after) = (original[list].as_array(), stand_in[list].as_array());
        let (before, after) = (before.unwrap(), after.unwrap());
        assert_eq!(before.len(), after.len());
        for (before, after) in before.iter().zip(after) {
            check_container(before, after, grace.unwrap_or(30), notes);
        }
    }
}

fn check_container(original: &Value, stand_in: &Value, grace: u64, notes: &str) {
    for field in ["name", "restartPolicy", "restartPolicyRules"] {
        assert_eq!(original[field], stand_in[field], "{field}");
    }
    for field in ["command", "env", "workingDir", "resources"] {
        assert!(stand_in[field].is_null(), "{field}");
    }
    let restricted = json!({
        "allowPrivilegeEscalation": false,
        "capabilities": { "drop": ["ALL"] },
        "readOnlyRootFilesystem": true,
    });
    assert_eq!(stand_in["securityContext"], restricted);
    let args = texts(&stand_in["args"]);
    let is_secured = |argument: &&str| argument.ends_with("=https") || argument.ends_with("=grpcs");
    let needs_tls = args.iter().any(|argument| is_secured(&argument.as_str()));
    let tag = if needs_tls { "-tls" } else { "" };
    assert_eq!(stand_in["image"], format!("{IMAGE}{tag}"));
    if original["name"] == "init" {
        let sleeps = texts(&original["command"]);
        let seconds = sleeps.last().map(|script| {
            let words: Vec<&str> = script.split([' ', ';']).collect();
            format!("--after={}s", words[1])
        });
        let expected: Vec<String> = ["exit", "0"].map(str::to_owned).into_iter().collect();
        assert_eq!(args, [expected, Vec::from_iter(seconds)].concat());
        return;
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        check_probe(&original[probe], &stand_in[probe], notes);
    }
    check_commands(original, stand_in);
    for hook in ["postStart", "preStop"] {
        let expected = expected_hook(&original["lifecycle"][hook], grace);
        assert_eq!(stand_in["lifecycle"][hook], expected, "{hook}");
    }
}

/// A probe keeps its timings, and its handler but for the host. If its port cannot answer it, it
/// connects only.
fn check_probe(original: &Value, probe: &Value, notes: &str) {
    if original.is_null() {
        assert!(probe.is_null());
        return;
    }
    let timings = |probe: &Value| {
        let mut timings = probe.clone();
        for handler in ["httpGet", "tcpSocket", "grpc", "exec"] {
            timings.as_object_mut().unwrap().remove(handler);
        }
        timings
    };
    assert_eq!(timings(original), timings(probe));
    if original["exec"].is_object() {
        let words = texts(&probe["exec"]["command"]);
        let timeout = original["timeoutSeconds"].as_i64().unwrap_or(1);
        assert_eq!(words[..3], ["/probe-target", "check", "http"]);
        assert_eq!(words[5], format!("--timeout={}s", timeout + 1));
        return;
    }
    for handler in ["httpGet", "grpc", "tcpSocket"] {
        let mut expected = original[handler].clone();
        if let Some(fields) = expected.as_object_mut() {
            let is_elsewhere = fields.remove("host").is_some_and(|host| host == "db");
            assert!(!is_elsewhere || notes.contains("not judged"), "{notes}");
        }
        let connects = json!({ "port": expected["port"] });
        if handler != "tcpSocket" && probe["tcpSocket"] == connects {
            assert!(notes.contains("speaks another protocol"), "{notes}");
            return;
        }
        assert_eq!(probe[handler], expected);
    }
}

/// Equal commands of a container ask one path, others different ones, all at a port of its own.
fn check_commands(original: &Value, stand_in: &Value) {
    let mut paths = BTreeMap::new();
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let command = texts(&original[probe]["exec"]["command"]);
        if command.is_empty() {
            continue;
        }
        let words = texts(&stand_in[probe]["exec"]["command"]);
        let known = paths.entry(command).or_insert_with(|| words[4].clone());
        assert_eq!(*known, words[4]);
        let port = format!("--port={}=http", words[3]);
        assert!(texts(&stand_in["args"]).contains(&port));
    }
    let different: BTreeSet<&String> = paths.values().collect();
    assert_eq!(different.len(), paths.len());
}

/// Requests and sleeps are kept, sleeps for at most the grace period.
fn expected_hook(hook: &Value, grace: u64) -> Value {
    if hook["httpGet"].is_object() {
        let mut hook = hook.clone();
        hook["httpGet"].as_object_mut().unwrap().remove("host");
        return hook;
    }
    let command = texts(&hook["exec"]["command"]);
    let script = command.last().map_or("", String::as_str);
    let script = script.strip_prefix("sleep ").unwrap_or(script);
    let first = script.split(' ').next().unwrap();
    let seconds = hook["sleep"]["seconds"].as_u64();
    let of_command = || Some(first.parse::<u64>().ok()?.min(grace));
    match seconds.or_else(of_command) {
        None | Some(0) => Value::Null,
        Some(seconds) => json!({ "sleep": { "seconds": seconds } }),
    }
}

/// No port is opened twice in a Pod, each container has a control address of its own, and a port
/// below 1024 has its sysctl.
fn check_ports(pod: &Value) {
    let spec = &pod["spec"];
    let containers = [&spec["containers"], &spec["initContainers"]];
    let containers = containers.iter().filter_map(|list| list.as_array());
    let arguments = containers.flatten().flat_map(|each| texts(&each["args"]));
    let mut opened = BTreeSet::new();
    let mut controls = 0;
    for argument in arguments {
        let port = argument.strip_prefix("--port=");
        let port = port.or_else(|| argument.strip_prefix("--control="));
        controls += usize::from(argument.starts_with("--control="));
        let place = port.map(|port| port.split('=').next().unwrap());
        let number = place.map(|place| place.rsplit(':').next().unwrap());
        if let Some(number) = number.filter(|number| *number != "none") {
            let number: u16 = number.parse().unwrap();
            assert!(opened.insert(number), "{number} is opened twice");
        }
    }
    let annotations = pod["metadata"]["annotations"].as_object().unwrap();
    let addresses = annotations
        .keys()
        .filter(|key| key.starts_with("control.probeflip.dev/"));
    assert_eq!(addresses.count(), controls);
    let has_sysctl = spec["securityContext"]["sysctls"].is_array();
    let opens_low_port = opened.iter().next().is_some_and(|port| *port < 1024);
    assert_eq!(has_sysctl, opens_low_port);
}

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

/// The texts of a list; none if it is absent.
fn texts(list: &Value) -> Vec<String> {
    let texts = list.as_array().into_iter().flatten();
    texts
        .filter_map(|text| Some(text.as_str()?.to_owned()))
        .collect()
}
