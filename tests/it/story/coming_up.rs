//! Coming up: how Pods become ready, from their creation to the steady state.
//!
//! A chain has init containers, one container and its Pod; or a Pod and one of its Services; or
//! the Pods of a StatefulSet. Equal chains of several Pods are counted. What chance decides is left
//! out: the order of containers that start side by side, endpoints before they are ready, whether
//! an init container is seen while it runs, and starts that a postStart request did not survive.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use orchestrator::timeline::{BoundPod, Change, Timeline, WatchedObject, What};
use serde_json::Value;

use super::{Step, array, chain::changes, deployment, text};

/// The story of the bound Pods, their workloads and Services up to the steady state.
pub(crate) fn coming_up(timeline: &Timeline) -> String {
    let mut seen = Seen::default();
    for record in timeline.records() {
        if let What::Bound { subject, pods } = &record.what {
            seen.bind(subject, pods);
        }
    }
    let records = timeline.records().iter();
    for record in records.take_while(|record| record.what != What::Steady) {
        if let What::Watch { change, object } = &record.what
            && *change != Change::Deleted
        {
            seen.watch(i64::try_from(record.at.0).unwrap(), object);
        }
    }
    seen.story()
}

/// Everything seen of the Pods, their workloads and Services.
#[derive(Debug, Default)]
struct Seen {
    /// Names of Pods in the story, by UID: `deploy/web#0`.
    bound: BTreeMap<String, String>,
    /// The subjects and how many Pods each has.
    subjects: BTreeMap<String, usize>,
    /// UIDs of Pods that no subject has.
    others: BTreeSet<String>,
    steps: Vec<Step>,
    now: BTreeMap<String, String>,
    /// The last version of each Pod, by its name in the story.
    pods: BTreeMap<String, Value>,
    /// The last version of each EndpointSlice, by name.
    slices: BTreeMap<String, Value>,
    /// The last numbers of each workload.
    numbers: BTreeMap<String, String>,
    /// The warnings about each Pod, by its name in the story.
    warnings: BTreeMap<String, BTreeSet<String>>,
}

impl Seen {
    fn bind(&mut self, subject: &str, pods: &[BoundPod]) {
        self.subjects.insert(subject.to_owned(), pods.len());
        for (number, pod) in pods.iter().enumerate() {
            let name = format!("{subject}#{number}");
            self.bound.insert(pod.uid.clone(), name);
        }
    }

    fn watch(&mut self, at: i64, object: &WatchedObject) {
        let (name, value) = (object.name(), object.value());
        let (kind, numbers) = match object.kind() {
            "Pod" => return self.pod(at, object.uid(), value),
            "EndpointSlice" => return self.slice(at, name, value),
            "Event" => return self.event(object.uid(), &value),
            "Deployment" => ("deploy", deployment(&value)),
            "StatefulSet" => ("sts", numbers(&value, STATEFUL_SET)),
            "DaemonSet" => ("ds", numbers(&value, DAEMON_SET)),
            _ => return,
        };
        self.numbers.insert(format!("{kind}/{name}"), numbers);
    }

    fn pod(&mut self, at: i64, uid: &str, pod: Value) {
        let Some(name) = self.bound.get(uid).cloned() else {
            self.others.insert(uid.to_owned());
            return;
        };
        self.set(at, &format!("{name} creation"), "created");
        for (specs, statuses) in [
            ("initContainers", "initContainerStatuses"),
            ("containers", "containerStatuses"),
        ] {
            for status in array(&pod["status"][statuses]) {
                let mut specs_of_name =
                    array(&pod["spec"][specs]).filter(|spec| spec["name"] == status["name"]);
                let spec = specs_of_name.next().unwrap();
                let ends = specs == "initContainers" && spec["restartPolicy"] != "Always";
                let object = format!("{name}/{}", text(&status["name"]));
                self.container(at, &object, spec, status, ends);
            }
        }
        let ready = array(&pod["status"]["conditions"])
            .find(|condition| condition["type"] == "Ready")
            .map_or_else(|| "False".to_owned(), |ready| text(&ready["status"]));
        self.begin(&name, "Ready=False");
        self.set(at, &name, &format!("Ready={ready}"));
        self.pods.insert(name, pod);
    }

    fn container(&mut self, at: i64, object: &str, spec: &Value, status: &Value, ends: bool) {
        // A postStart request may come before the program listens; the kubelet then kills the
        // program and starts it anew.
        let is_raced = !spec["lifecycle"]["postStart"]["httpGet"].is_null();
        let restarts = match status["restartCount"].as_u64() {
            Some(restarts) if !is_raced => restarts,
            _ => 0,
        };
        let state = &status["state"];
        if !state["running"].is_null() {
            let unready = format!("running unready restarts={restarts}");
            let is_ready = status["ready"] == true;
            let probes = ["startupProbe", "readinessProbe"];
            // A status that is written late may skip the time before the first successful probe.
            let is_gated = probes.iter().any(|probe| !spec[probe].is_null());
            if !ends && (is_gated || !is_ready) && !self.ran(object, restarts) {
                self.set(at, object, &unready);
            }
            if !ends {
                let ready = format!("running ready restarts={restarts}");
                self.set(at, object, if is_ready { &ready } else { &unready });
            }
        } else if let Some(code) = state["terminated"]["exitCode"].as_i64()
            && !is_raced
        {
            let ended = format!("terminated {code} restarts={restarts}");
            self.set(at, object, &ended);
        } else if restarts != 0 {
            let reason = text(&state["waiting"]["reason"]);
            self.set(at, object, &format!("{reason} restarts={restarts}"));
        }
    }

    /// Whether this process of a container was seen running.
    fn ran(&self, object: &str, restarts: u64) -> bool {
        let now = self.now.get(object);
        now.is_some_and(|now| {
            now.starts_with("running ") && now.ends_with(&format!("restarts={restarts}"))
        })
    }

    fn slice(&mut self, at: i64, name: &str, slice: Value) {
        let service = service(&slice);
        for endpoint in array(&slice["endpoints"]) {
            let uid = text(&endpoint["targetRef"]["uid"]);
            if let Some(pod) = self.bound.get(&uid) {
                let object = format!("svc/{service} {pod}");
                self.begin(&object, "ready=false");
                let state = format!("ready={}", endpoint["conditions"]["ready"]);
                self.set(at, &object, &state);
            }
        }
        self.slices.insert(name.to_owned(), slice);
    }

    fn event(&mut self, about: &str, event: &Value) {
        if event["type"] == "Warning"
            && let Some(pod) = self.bound.get(about)
        {
            let warning = format!("{}: {}", text(&event["reason"]), text(&event["message"]));
            let warnings = self.warnings.entry(pod.clone()).or_default();
            warnings.insert(warning);
        }
    }

    /// Sets the state with which an object begins, which is not part of its chains.
    fn begin(&mut self, object: &str, state: &str) {
        if !self.now.contains_key(object) {
            self.now.insert(object.to_owned(), state.to_owned());
            self.push(0, object, state);
        }
    }

    fn set(&mut self, at: i64, object: &str, state: &str) {
        self.begin(object, "absent");
        if self.now[object] != state {
            self.now.insert(object.to_owned(), state.to_owned());
            self.push(at, object, state);
        }
    }

    fn push(&mut self, at: i64, object: &str, state: &str) {
        let (object, state) = (object.to_owned(), state.to_owned());
        self.steps.push(Step { at, object, state });
    }

    fn story(&self) -> String {
        let mut story = String::new();
        for (subject, count) in &self.subjects {
            let numbers = self.numbers.get(subject).map_or("", String::as_str);
            writeln!(story, "{subject}: {numbers}").unwrap();
            if subject.starts_with("sts/") {
                writeln!(story, "  {}", self.order(subject, *count)).unwrap();
            }
            let names = (0..*count).map(|number| format!("{subject}#{number}"));
            let mut chains: BTreeMap<String, usize> = BTreeMap::new();
            for chain in names.flat_map(|name| self.chains(&name)) {
                *chains.entry(chain).or_default() += 1;
            }
            for (chain, count) in chains {
                writeln!(story, "  {count} × {chain}").unwrap();
            }
        }
        for line in self.services() {
            writeln!(story, "{line}").unwrap();
        }
        if !self.others.is_empty() {
            writeln!(story, "{} other Pods", self.others.len()).unwrap();
        }
        story
    }

    /// The chains of one Pod, and the warnings about it if it is not ready.
    fn chains(&self, name: &str) -> Vec<String> {
        let spec = &self.pods[name]["spec"];
        let names = |list: &str| {
            let containers = array(&spec[list]);
            let names = containers.map(|each| format!("{name}/{}", text(&each["name"])));
            names.collect::<Vec<_>>()
        };
        let init = names("initContainers");
        let containers = names("containers").into_iter();
        let paths = containers.map(|container| [&init[..], &[container, name.to_owned()]].concat());
        let mut chains: Vec<String> = paths.map(|path| self.chain(&path, name)).collect();
        let of_pod = format!(" {name}");
        for object in self.now.keys() {
            if object.starts_with("svc/") && object.ends_with(&of_pod) {
                let chain = self.chain(&[name.to_owned(), object.clone()], name);
                let service = object.strip_suffix(&of_pod).unwrap();
                chains.push(format!("in {service}: {chain}"));
            }
        }
        if self.now[name] != "Ready=True" {
            let warnings = self.warnings.get(name).into_iter().flatten();
            chains.extend(warnings.map(|warning| format!("warning: {warning}")));
        }
        chains
    }

    /// The order in which the Pods of a StatefulSet are created and become ready.
    fn order(&self, subject: &str, count: usize) -> String {
        let names = (0..count).map(|number| format!("{subject}#{number}"));
        let path: Vec<String> = names
            .flat_map(|name| [format!("{name} creation"), name])
            .collect();
        let order = changes(&path, &self.steps).join(" → ");
        let order = order.replace(" creation: created", " created");
        order.replace(&format!("{subject}#"), "#")
    }

    fn chain(&self, path: &[String], pod: &str) -> String {
        let shown = |change: String| {
            let change = change.replace(&format!(" {pod}:"), ":");
            let change = change.replace(&format!("{pod}/"), "");
            let change = change.replace(&format!("{pod}:"), "Pod:");
            change.replace(" restarts=0", "")
        };
        let changes = changes(path, &self.steps).into_iter().map(shown);
        let changes: Vec<String> = changes.collect();
        if changes.is_empty() {
            return "nothing".to_owned();
        }
        changes.join(" → ")
    }

    /// The ports of each Service's endpoints, and how many of these are ready.
    fn services(&self) -> Vec<String> {
        let names: BTreeSet<String> = self.slices.values().map(service).collect();
        let line = |name: String| {
            let slices = || self.slices.values().filter(|slice| service(slice) == name);
            let ports = slices().flat_map(|slice| array(&slice["ports"]));
            let ports: BTreeSet<String> = ports
                .map(|port| format!("{} {}", text(&port["name"]), port["port"]))
                .map(|port| port.trim().to_owned())
                .collect();
            let ports = Vec::from_iter(ports).join(", ");
            let endpoints = || slices().flat_map(|slice| array(&slice["endpoints"]));
            let ready = endpoints().filter(|endpoint| endpoint["conditions"]["ready"] == true);
            let (ready, all) = (ready.count(), endpoints().count());
            format!("svc/{name}: {ready} of {all} ready, ports [{ports}]")
        };
        names.into_iter().map(line).collect()
    }
}

const STATEFUL_SET: &[&str] = &[
    "replicas",
    "readyReplicas",
    "availableReplicas",
    "updatedReplicas",
];

const DAEMON_SET: &[&str] = &[
    "desiredNumberScheduled",
    "updatedNumberScheduled",
    "numberReady",
    "numberAvailable",
];

fn numbers(workload: &Value, fields: &[&str]) -> String {
    let number = |field: &&str| {
        let number = workload["status"][field].as_i64().unwrap_or_default();
        format!("{field}={number}")
    };
    fields.iter().map(number).collect::<Vec<_>>().join(" ")
}

fn service(slice: &Value) -> String {
    text(&slice["metadata"]["labels"]["kubernetes.io/service-name"])
}
