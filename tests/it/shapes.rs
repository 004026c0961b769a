//! Charts of common shapes become stand-ins, which come up alike in virtual time, on pocket and on
//! a node that enforces Pod Security's level `restricted`.
//!
//! `tests/shapes/NAME.yaml` is a chart's output; `NAME.txt` beside it is what becomes of it: notes,
//! arguments of containers, and the story of coming up.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use expect_test::expect_file;
use orchestrator::timeline::{Timeline, What};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    namespace::Namespace,
    program::{Ended, Recorded, cluster, probeflip, record_in, root, run},
    story::coming_up,
};

/// A chart's output.
struct Shape {
    name: &'static str,
    /// Its workloads, and how many Pods of each become available.
    workloads: &'static [(&'static str, u32)],
}

/// All shapes.
const SHAPES: [Shape; 10] = [
    Shape {
        name: "webshop",
        workloads: &[
            ("deploy/adservice", 1),
            ("deploy/cartservice", 1),
            ("deploy/checkoutservice", 1),
            ("deploy/currencyservice", 1),
            ("deploy/emailservice", 1),
            ("deploy/frontend", 1),
            ("deploy/loadgenerator", 1),
            ("deploy/paymentservice", 1),
            ("deploy/productcatalogservice", 1),
            ("deploy/recommendationservice", 1),
            ("deploy/shippingservice", 1),
            ("deploy/store-cart", 1),
        ],
    },
    Shape {
        name: "certs",
        workloads: &[
            ("deploy/certs", 1),
            ("deploy/certs-cainjector", 1),
            ("deploy/certs-webhook", 2),
        ],
    },
    Shape {
        name: "web",
        workloads: &[("deploy/web", 3)],
    },
    Shape {
        name: "blog",
        workloads: &[("deploy/blog", 1), ("sts/blog-mysql", 1)],
    },
    Shape {
        name: "log-agent",
        workloads: &[("ds/agent", 1)],
    },
    Shape {
        name: "worker",
        workloads: &[
            ("deploy/scheduler", 1),
            ("deploy/worker", 4),
            ("sts/queue", 2),
        ],
    },
    Shape {
        name: "mistakes",
        workloads: &[
            ("deploy/all-at-once", 3),
            ("deploy/fine", 3),
            ("deploy/kills-first", 3),
            ("deploy/late-liveness", 2),
            // Its probes ask a port by a name that it does not have.
            ("deploy/no-such-port", 0),
            ("deploy/recreate", 1),
            ("deploy/same-handler", 3),
            ("deploy/same-path-only", 3),
            ("deploy/shared-fate", 3),
            ("deploy/tcp-only", 3),
        ],
    },
    Shape {
        name: "sidecars",
        workloads: &[("deploy/api", 2), ("sts/cache", 3)],
    },
    // Ports of the node, and a headless Service whose port no Pod has.
    Shape {
        name: "ingress",
        workloads: &[("ds/edge-ingress", 1)],
    },
    // A sidecar that may start for ten minutes, and clients that ask what the probes ask.
    Shape {
        name: "mesh",
        workloads: &[("deploy/shop", 2)],
    },
];

/// The shape that comes up in real time too: within five seconds, and on a busy machine.
const QUICK: &str = "log-agent";

/// Further seeds in virtual time. On a node, too, nothing of a story may depend on chance.
const SEEDS: [&str; 3] = ["2", "3", "4"];

#[test]
fn they_come_up_in_virtual_time_as_expected() {
    for shape in &SHAPES {
        let told = told(&come_up(shape, probeflip(), &["--on", "virtual"]));
        expect_file![file(shape, "txt")].assert_eq(&told);
    }
}

#[test]
fn they_come_up_alike_with_every_seed() {
    for shape in &SHAPES {
        for seed in SEEDS {
            let ran = come_up(shape, probeflip(), &["--on", "virtual", "--seed", seed]);
            assert_alike(shape, &ran);
        }
    }
}

#[test]
fn the_quick_one_comes_up_alike_on_pocket() {
    let mut shapes = SHAPES.iter();
    let shape = shapes.find(|shape| shape.name == QUICK).unwrap();
    assert_alike(shape, &come_up(shape, probeflip(), &["--on", "pocket"]));
}

#[test]
fn they_come_up_alike_on_a_node_that_enforces_pod_security() {
    let Some(cluster) = cluster("they_come_up_alike_on_a_node_that_enforces_pod_security") else {
        return;
    };
    let cluster = &*cluster;
    thread::scope(|scope| {
        for shape in &SHAPES {
            scope.spawn(|| {
                let namespace = Namespace::restricted(cluster, shape.name);
                let [option, context] = cluster.named();
                let options = [option, context, "-n", &namespace.name];
                assert_alike(shape, &come_up(shape, cluster.command(), &options));
            });
        }
    });
}

#[test]
fn a_stand_in_s_stand_in_is_itself_and_two_runs_print_the_same_bytes() {
    let folder = TempDir::new().unwrap();
    for shape in &SHAPES {
        let of = |file: &Path| {
            let ended = run(["stand-in", file.to_str().unwrap(), "-n", "copy"]);
            assert_eq!(ended.code, 0, "{}: {}", shape.name, ended.stderr);
            ended
        };
        let first = of(&file(shape, "yaml"));
        let second = of(&file(shape, "yaml"));
        assert!(second.stdout == first.stdout, "{}", shape.name);
        let printed = folder.path().join("printed.yaml");
        fs::write(&printed, &first.stdout).unwrap();
        let again = of(&printed);
        assert!(again.stdout == first.stdout, "{}", shape.name);
        assert_eq!(again.stderr, "", "{}", shape.name);
    }
}

/// A file of a shape.
fn file(shape: &Shape, extension: &str) -> PathBuf {
    root().join(format!("tests/shapes/{}.{extension}", shape.name))
}

/// Runs an experiment that brings a shape up and does nothing with it.
fn come_up(shape: &Shape, command: Command, options: &[&str]) -> Recorded {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("experiment.yaml");
    fs::write(&path, experiment(shape).to_string()).unwrap();
    let arguments = [path.to_str().unwrap()].into_iter();
    record_in(
        folder.path(),
        command,
        arguments.chain(options.iter().copied()),
    )
}

/// An experiment whose steady state is that all Pods of a shape are available, but for those that
/// never are.
fn experiment(shape: &Shape) -> Value {
    let require = shape.workloads.iter().flat_map(|(workload, available)| {
        let (kind, name) = workload.split_once('/').unwrap();
        let subject = match kind {
            "deploy" => "deployment",
            "ds" => "daemonset",
            _ => "statefulset",
        };
        [
            json!({ "pod": workload, "that": { "ready": *available > 0 } }),
            json!({ subject: name, "that": { "available": available } }),
        ]
    });
    json!({
        "apiVersion": "probeflip.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": { "name": shape.name },
        "spec": {
            "workload": { "files": [file(shape, "yaml")], "standIn": true },
            "steadyState": {
                "within": "5m",
                // The endpoints follow their Pods.
                "hold": "2s",
                "require": require.collect::<Vec<_>>(),
            },
            "steps": [{ "name": "a moment passes", "wait": "1s" }],
        },
    })
}

#[track_caller]
fn assert_alike(shape: &Shape, ran: &Recorded) {
    let expected = fs::read_to_string(file(shape, "txt")).unwrap();
    let told = told(ran);
    assert!(told == expected, "{}: {told}", shape.name);
}

/// What becomes of a shape.
#[track_caller]
fn told(ran: &Recorded) -> String {
    let Ended {
        code,
        stdout,
        stderr,
    } = &ran.ended;
    assert_eq!(*code, 0, "{stdout}{stderr}");
    let [timeline] = &ran.timelines[..] else {
        panic!("{} timelines", ran.timelines.len());
    };
    let notes = stderr.lines().filter(|line| line.starts_with("note: "));
    let notes: String = notes.flat_map(|line| [line, "\n"]).collect();
    [notes, arguments(timeline), coming_up(timeline)].join("\n")
}

/// The arguments of each container of the first Pod of each workload. Those that every container
/// has are left out.
fn arguments(timeline: &Timeline) -> String {
    let mut told = String::new();
    for record in timeline.records() {
        let What::Bound { subject, pods } = &record.what else {
            continue;
        };
        let pod = pod(timeline, &pods[0].uid);
        for list in ["initContainers", "containers"] {
            for container in pod["spec"][list].as_array().into_iter().flatten() {
                let arguments = container["args"].as_array().unwrap().iter();
                let arguments = arguments.filter_map(Value::as_str);
                let own = arguments.filter(|argument| *argument != "--state-dir=/probeflip");
                let own: Vec<&str> = own.collect();
                let name = container["name"].as_str().unwrap();
                writeln!(told, "{subject} {name}: {}", own.join(" ")).unwrap();
            }
        }
    }
    told
}

/// A Pod as it was first seen.
fn pod(timeline: &Timeline, uid: &str) -> Value {
    let mut records = timeline.records().iter();
    let found = records.find_map(|record| match &record.what {
        What::Watch { object, .. } if object.kind() == "Pod" && object.uid() == uid => {
            Some(object.value())
        }
        _ => None,
    });
    found.unwrap()
}
