//! Stories: what a timeline shows of a run wherever and whenever it takes place.
//!
//! A story has the order in which changes propagate from a container to its Pod, the Pod's Services
//! and their users, and the state in which each object ends. Both are read from the raw records,
//! not with the judge's code, so that the two do not share mistakes. [`chance`] lists what is left
//! out.

use std::collections::BTreeMap;

use orchestrator::timeline::{
    BoundPod, Change, RequestOutcome, StateCall, Timeline, WatchedObject, What,
};
use serde_json::Value;

use self::{
    chain::chains,
    chance::{outcome, without_skippable},
};
pub(crate) use coming_up::coming_up;

mod chain;
mod chance;
mod coming_up;

/// The story of one timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Story {
    /// The changes along each path from a container to its Pod, a Service and a user, in order.
    chains: BTreeMap<String, Vec<String>>,
    /// The last states of bound Pods and their containers, of Services' endpoints, of users and of
    /// Deployments.
    ends: BTreeMap<String, String>,
}

/// Builds the story of a timeline.
pub(crate) fn story(timeline: &Timeline) -> Story {
    let mut steps = Steps::new(timeline);
    for record in timeline.records() {
        steps.take(record.at.0, &record.what);
    }
    steps.finish()
}

/// One change of one object: the time in microseconds, the object, its new state.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    at: i64,
    object: String,
    state: String,
}

impl Step {
    fn kind(&self) -> Kind {
        let in_pod = self.object.split('#').nth(1);
        match &*self.object {
            user if user.starts_with("user ") => Kind::User,
            service if service.starts_with("svc/") => Kind::Endpoint,
            _ if in_pod.is_some_and(|rest| rest.contains('/')) => Kind::Container,
            _ => Kind::Pod,
        }
    }
}

/// The kinds of objects, in the order in which a change propagates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Container,
    Pod,
    Endpoint,
    User,
}

/// Collects steps record by record.
struct Steps {
    bound: BTreeMap<String, String>,
    users: BTreeMap<String, String>,
    offsets: BTreeMap<String, (i64, i64)>,
    steady: bool,
    /// The end of the last step; `i64::MAX` while a step runs.
    end: i64,
    /// Objects seen since `end`, which are part of the story if another step follows.
    since_end: Vec<(i64, WatchedObject)>,
    now: BTreeMap<String, String>,
    samples: Vec<(String, i64, RequestOutcome)>,
    changes: Vec<Step>,
    deployments: BTreeMap<String, String>,
}

impl Steps {
    fn new(timeline: &Timeline) -> Self {
        Self {
            bound: BTreeMap::new(),
            users: users(timeline),
            offsets: BTreeMap::new(),
            steady: false,
            end: i64::MAX,
            since_end: Vec::new(),
            now: BTreeMap::new(),
            samples: Vec::new(),
            changes: Vec::new(),
            deployments: BTreeMap::new(),
        }
    }

    fn take(&mut self, at: u64, what: &What) {
        let at = i64::try_from(at).unwrap();
        match what {
            What::Bound { subject, pods } => self.bind(subject, pods),
            What::Steady => self.begin(at),
            What::Watch { change, object } if *change != Change::Deleted => {
                if at <= self.end {
                    self.watch(at, object);
                } else {
                    self.since_end.push((at, object.clone()));
                }
            }
            What::State(call) => self.state(at, call),
            What::Traffic(sample) => {
                let sent = i64::try_from(sample.sent.0).unwrap();
                self.samples
                    .push((sample.client.clone(), sent, sample.outcome));
            }
            // Changes made by the clean-up are not part of the story.
            What::StepStart { .. } => {
                self.end = i64::MAX;
                for (at, object) in std::mem::take(&mut self.since_end) {
                    self.watch(at, &object);
                }
            }
            What::StepEnd { .. } => self.end = at,
            _ => {}
        }
    }

    fn bind(&mut self, subject: &str, pods: &[BoundPod]) {
        for (number, pod) in pods.iter().enumerate() {
            self.bound
                .insert(pod.uid.clone(), format!("{subject}#{number}"));
        }
    }

    // The story begins with the states known at the steady state.
    fn begin(&mut self, at: i64) {
        self.steady = true;
        for (object, state) in self.now.clone() {
            self.changes.push(Step { at, object, state });
        }
    }

    fn watch(&mut self, at: i64, object: &WatchedObject) {
        match object.kind() {
            "Pod" => self.pod(at, &object.value()),
            "EndpointSlice" => self.slice(at, &object.value()),
            "Deployment" => {
                let state = deployment(&object.value());
                self.deployments.insert(object.name().to_owned(), state);
            }
            _ => {}
        }
    }

    // Until subjects are bound, any Pod may become a bound one; Pods get their names then.
    fn pod(&mut self, at: i64, pod: &Value) {
        // A deleted Pod leaves its Services at once. Its containers end at a time of their own;
        // `latencies` looks at that.
        if !pod["metadata"]["deletionTimestamp"].is_null() {
            return;
        }
        let uid = text(&pod["metadata"]["uid"]);
        let name = self.bound.get(&uid).cloned().unwrap_or(uid);
        let statuses: Vec<&Value> = array(&pod["status"]["containerStatuses"]).collect();
        for status in &statuses {
            let container = format!("{name}/{}", text(&status["name"]));
            self.set(at, container, container_state(status));
        }
        let ready = statuses
            .iter()
            .filter(|status| status["ready"] == true)
            .count();
        let condition = array(&pod["status"]["conditions"])
            .find(|condition| condition["type"] == "Ready")
            .map_or("absent".into(), |condition| text(&condition["status"]));
        let state = format!("{ready}/{} Ready={condition}", statuses.len());
        self.set(at, name, state);
    }

    fn slice(&mut self, at: i64, slice: &Value) {
        let service = text(&slice["metadata"]["labels"]["kubernetes.io/service-name"]);
        for endpoint in array(&slice["endpoints"]) {
            let uid = text(&endpoint["targetRef"]["uid"]);
            // Pods created later are not part of the story.
            if self.steady && !self.bound.contains_key(&uid) {
                continue;
            }
            let pod = self.bound.get(&uid).cloned().unwrap_or(uid);
            let state = format!(
                "ready={} serving={}",
                endpoint["conditions"]["ready"], endpoint["conditions"]["serving"]
            );
            self.set(at, format!("svc/{service} {pod}"), state);
        }
    }

    fn set(&mut self, at: i64, object: String, state: String) {
        if self.now.get(&object) == Some(&state) {
            return;
        }
        self.now.insert(object.clone(), state.clone());
        if self.steady {
            self.changes.push(Step { at, object, state });
        }
    }

    // The call with the smallest round trip gives the most accurate clock offset.
    fn state(&mut self, received: i64, call: &StateCall) {
        let sent = i64::try_from(call.sent.0).unwrap();
        let offset = i64::midpoint(sent, received) - i64::try_from(call.uptime.0).unwrap();
        let best = self
            .offsets
            .entry(call.target.container.clone())
            .or_insert((i64::MAX, 0));
        *best = (*best).min((received - sent, offset));
    }

    fn finish(mut self) -> Story {
        self.add_traffic();
        self.name_pods();
        let steps = without_skippable(self.changes);
        let mut ends = self.deployments;
        ends.extend(
            steps
                .iter()
                .map(|step| (step.object.clone(), step.state.clone())),
        );
        Story {
            chains: chains(&steps, &self.users),
            ends,
        }
    }

    fn add_traffic(&mut self) {
        let Some(steady) = self.changes.first().map(|step| step.at) else {
            return;
        };
        let mut last: BTreeMap<&str, &str> = BTreeMap::new();
        for (client, sent, request) in &self.samples {
            let at = sent + self.offsets.get(client).map_or(0, |(_, offset)| *offset);
            let outcome = outcome(request.word());
            if self.end < at || last.insert(client, outcome) == Some(outcome) {
                continue;
            }
            // The story begins with the last request before the steady state.
            if at < steady {
                self.changes
                    .retain(|step| step.object != format!("user {client}"));
            }
            self.changes.push(Step {
                at: at.max(steady),
                object: format!("user {client}"),
                state: outcome.to_owned(),
            });
        }
        self.changes.sort_by_key(|step| (step.at, step.kind()));
    }

    // States from before the binding are named by UID. Objects of Pods that were not bound are not
    // part of the story.
    fn name_pods(&mut self) {
        for step in &mut self.changes {
            for (uid, name) in &self.bound {
                step.object = step.object.replace(uid.as_str(), name);
            }
        }
        self.changes
            .retain(|step| step.object.contains('#') || step.object.starts_with("user "));
        // The binding repeats states under the new names; drops the repetitions.
        let mut now: BTreeMap<String, String> = BTreeMap::new();
        self.changes.retain(|step| {
            now.insert(step.object.clone(), step.state.clone()) != Some(step.state.clone())
        });
    }
}

/// Each traffic client and its Service, found by the address in the client's arguments.
fn users(timeline: &Timeline) -> BTreeMap<String, String> {
    let mut services = BTreeMap::new();
    let mut addresses = BTreeMap::new();
    for record in timeline.records() {
        let What::Watch { object, .. } = &record.what else {
            continue;
        };
        match object.kind() {
            "Service" => {
                let object = object.value();
                let name = text(&object["metadata"]["name"]);
                services.insert(text(&object["spec"]["clusterIP"]), name);
            }
            "Pod" if object.name() == "probeflip-traffic" => {
                let object = object.value();
                for container in array(&object["spec"]["containers"]) {
                    let args = array(&container["args"]).map(text);
                    addresses.insert(text(&container["name"]), args.collect::<Vec<_>>());
                }
            }
            _ => {}
        }
    }
    let of = |args: Vec<String>| {
        args.iter()
            .find_map(|word| services.get(word.rsplit_once(':')?.0).cloned())
    };
    addresses
        .into_iter()
        .filter_map(|(client, args)| Some((client, of(args)?)))
        .collect()
}

fn container_state(status: &Value) -> String {
    let phase = status["state"]
        .as_object()
        .and_then(|state| state.keys().next().cloned());
    format!(
        "{} {} restarts={}",
        phase.unwrap_or_default(),
        if status["ready"] == true {
            "ready"
        } else {
            "unready"
        },
        status["restartCount"]
    )
}

fn deployment(deployment: &Value) -> String {
    let status = &deployment["status"];
    let count = |field: &str| status[field].as_i64().unwrap_or_default();
    let progressing = array(&status["conditions"])
        .find(|condition| condition["type"] == "Progressing")
        .map_or_else(String::new, |condition| text(&condition["reason"]));
    format!(
        "replicas={} updated={} ready={} available={} {progressing}",
        count("replicas"),
        count("updatedReplicas"),
        count("readyReplicas"),
        count("availableReplicas"),
    )
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
