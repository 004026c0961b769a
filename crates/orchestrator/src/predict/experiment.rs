//! The experiment that asks a question: its text, which `run` takes, and what its measures mean.

use std::time::Duration;

use probe_target::model::duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::question::{Mode, Question, Scope};
use crate::{
    input::{
        experiment::{Condition, Mark, Measure, ObjectKind, Rate},
        kubernetes_yaml,
        load::API_VERSION,
    },
    targets::flip_plan::FlipAction,
};

/// The longest name of an experiment, and of a measure: a DNS label.
const NAME: usize = 63;

/// How long the workload may take to become ready. Virtual time costs nothing.
const STEADY: &str = "30m";

/// An experiment as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Written {
    /// Its name.
    pub(crate) name: String,
    /// Its YAML.
    pub(crate) text: String,
    /// What each of its measures is the time of, in their order.
    pub(crate) effects: Vec<Effect>,
}

/// Something that may follow, whose time is measured from the fault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "effect", content = "of", rename_all = "camelCase")]
pub(crate) enum Effect {
    /// The Pods are not ready.
    NotReady,
    /// This container of the Pods has been restarted.
    Restarted(String),
    /// This container of the Pods waits in back-off.
    BackOff(String),
    /// The Pods are ready again.
    ReadyAgain,
    /// This Service has fewer ready endpoints.
    #[serde(rename = "fewerEndpoints")]
    Fewer(String),
    /// This Service has no ready endpoint.
    #[serde(rename = "noEndpoint")]
    None(String),
    /// This Service has one again; from when it had none.
    #[serde(rename = "endpointAgain")]
    Some(String),
    /// Fewer Pods are available than wanted.
    FewerPods,
    /// No Pod is available.
    NoPod,
    /// The rollout is complete.
    Complete,
    /// The Deployment's rollout is reported as stuck: its progress deadline has passed.
    Stalled,
    /// The rollout of the former template is complete; from its revert.
    Reverted,
}

impl Effect {
    /// The Service that it is about.
    pub(crate) fn service(&self) -> Option<&str> {
        match self {
            Self::Fewer(service) | Self::None(service) | Self::Some(service) => Some(service),
            _ => None,
        }
    }

    /// The name of its measure: `web-has-fewer`. What it is about loses the beginning of its name
    /// where both are longer than a label.
    fn name(&self) -> String {
        let of = match self {
            Self::Restarted(name)
            | Self::BackOff(name)
            | Self::Fewer(name)
            | Self::None(name)
            | Self::Some(name) => Some(name),
            _ => None,
        };
        match of {
            Some(of) => label_of(&format!("{of}-{}", self.words())),
            None => self.words().to_owned(),
        }
    }

    /// What happens, as the end of its measure's name.
    fn words(&self) -> &'static str {
        match self {
            Self::NotReady => "not-ready",
            Self::Restarted(_) => "restarted",
            Self::BackOff(_) => "backs-off",
            Self::ReadyAgain => "ready-again",
            Self::Fewer(_) => "has-fewer",
            Self::None(_) => "has-none",
            Self::Some(_) => "has-some",
            Self::FewerPods => "fewer-pods",
            Self::NoPod => "no-pod",
            Self::Complete => "complete",
            Self::Stalled => "given-up",
            Self::Reverted => "reverted",
        }
    }

    /// The effect that this measure is the time of.
    pub(super) fn of_measure(measure: &Measure) -> Option<Self> {
        let of = match &measure.to {
            Mark::Change(Condition::Endpoints { services, .. }) => &services.first()?.value,
            Mark::Change(Condition::Container { container, .. }) => &container.value,
            _ => "",
        };
        let of = || of.to_owned();
        let known = [
            Self::NotReady,
            Self::Restarted(of()),
            Self::BackOff(of()),
            Self::ReadyAgain,
            Self::Fewer(of()),
            Self::None(of()),
            Self::Some(of()),
            Self::FewerPods,
            Self::NoPod,
            Self::Complete,
            Self::Stalled,
            Self::Reverted,
        ];
        let mut known = known.into_iter();
        known.find(|effect| effect.name() == measure.name.value)
    }
}

/// Writes the experiment of a question. `rate` is that of the requests to each Service: `10/s`,
/// `settle` the least time in which they succeed before something happens.
pub(crate) fn written(question: &Question<'_>, rate: Rate, settle: Duration) -> Written {
    let name = name(question);
    let clients = clients(question);
    let traffic: Vec<Value> = clients
        .iter()
        .map(|(name, port)| json!({ "name": name, "service": name, "port": port, "rate": rate.to_string() }))
        .collect();
    let effects = effects(question);
    let measures: Vec<Value> = effects
        .iter()
        .map(|effect| measure(question, effect))
        .collect();
    let mut spec = json!({
        "description": description(question),
        "workload": { "objects": objects(question) },
        "steadyState": {
            "within": STEADY,
            "hold": duration::format(settle + question.settles_for()),
            "require": required(question, &clients),
        },
        "steps": steps(question, &clients),
        "measure": measures,
    });
    if !traffic.is_empty() {
        spec["traffic"] = traffic.into();
    }
    let experiment = json!({
        "apiVersion": API_VERSION,
        "kind": "Experiment",
        "metadata": { "name": name },
        "spec": spec,
    });
    Written {
        name,
        text: kubernetes_yaml::text(&experiment),
        effects,
    }
}

/// A name of the question that is a DNS label: `web-app-readiness-one`; with a number for all but
/// the first of the same name.
pub(crate) fn name(question: &Question<'_>) -> String {
    let container = question
        .container
        .map_or("", |container| container.name.as_str());
    let scope = match question.scope {
        Scope::One => "one",
        Scope::All => "all",
    };
    let what = question.what().replace(['+', ' '], "-").replace(',', "");
    let number = match question.namesakes {
        0 => String::new(),
        before => (before + 1).to_string(),
    };
    let workload = &question.workload.reference.name;
    let parts = [workload, container, &what, scope, &number];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let name = parts.join("-").replace('.', "-");
    label_of(&name)
}

/// The name itself, or a hash and its end: what distinguishes questions of one workload stands
/// there.
fn label_of(name: &str) -> String {
    if name.len() <= NAME {
        return name.to_owned();
    }
    let digest = Sha256::digest(name);
    let hash = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    let mut label = format!("{hash:08x}");
    label += &name[name.len() - (NAME - label.len())..];
    label
}

/// The objects, without the probes that do not notice.
fn objects(question: &Question<'_>) -> Vec<Value> {
    let mut objects = question.workload.objects.clone();
    let template = match question.workload.reference.kind {
        ObjectKind::Pod => &mut objects[0],
        _ => &mut objects[0]["spec"]["template"],
    };
    let name = question
        .container
        .map_or("", |container| container.name.as_str());
    for list in ["containers", "initContainers"] {
        let containers = template["spec"].get_mut(list).and_then(Value::as_array_mut);
        let containers = containers.into_iter().flatten();
        let failing = containers.filter(|container| container["name"] == name);
        for container in failing.filter_map(Value::as_object_mut) {
            for probe in &question.blind {
                container.remove(&format!("{probe}Probe"));
            }
            if question.fails_again()
                && let Some(args) = container.get_mut("args").and_then(Value::as_array_mut)
            {
                args.extend(of_later_boots(question).map(Value::from));
            }
        }
    }
    objects
}

/// The arguments with which a container fails at each start but the first. Only the Pods that are
/// flipped come to a second start.
fn of_later_boots(question: &Question<'_>) -> Option<String> {
    const LATER: &str = "@2-";
    if question.mode == Mode::Crash {
        return Some(format!("--process=exit code=1 {LATER}"));
    }
    let plan = question.plan()?;
    let port = plan.port?;
    match &plan.act {
        FlipAction::Route { path, .. } => Some(format!("--route={port}{path}=503{LATER}")),
        FlipAction::Port(spec) => Some(format!("--route={port}={}{LATER}", spec.state.name())),
        FlipAction::Process(_) => None,
    }
}

fn description(question: &Question<'_>) -> String {
    let (subject, pods) = (question.subject(), question.pods());
    let happens = match question.mode {
        Mode::Readiness | Mode::Liveness => {
            let probes: Vec<&str> = question.probes.iter().map(|probe| probe.word()).collect();
            let fails = if probes.len() == 1 { "fails" } else { "fail" };
            format!("{} {fails}{}", probes.join(" and "), lasting(question))
        }
        Mode::Startup => "the Pods of a new template never open a port".to_owned(),
        Mode::Crash => format!("the process exits with 1{}", lasting(question)),
        Mode::Frozen => "the process accepts no connection any more".to_owned(),
        Mode::Rollout => "a new, healthy template".to_owned(),
    };
    format!("What follows in {subject} ({pods}): {happens}.")
}

/// How long a container fails, in words.
fn lasting(question: &Question<'_>) -> &'static str {
    match question.mode {
        _ if !question.fails_again() => "",
        Mode::Crash => ", at every start",
        _ => ", for good",
    }
}

/// The Services that clients ask: each name and its port.
fn clients(question: &Question<'_>) -> Vec<(String, i32)> {
    let services = question.workload.services.iter();
    services
        .filter_map(|service| Some((service.name.clone(), service.port?)))
        .collect()
}

fn pods(question: &Question<'_>, that: &Value) -> Value {
    json!({ "pod": question.workload.reference.to_string(), "that": that })
}

/// What a subject of the failing Pods claims: those of a step that flips only some.
fn failing(question: &Question<'_>, mut claim: Value) -> Value {
    if question.scope == Scope::One {
        claim["which"] = "flipped".into();
    }
    claim
}

fn required(question: &Question<'_>, clients: &[(String, i32)]) -> Vec<Value> {
    let workload = question.workload;
    let count = workload.counted();
    let mut require = vec![pods(
        question,
        &json!({ "ready": format!("{count}/{count}") }),
    )];
    require.extend(controller(question, |kind| match kind {
        ObjectKind::DaemonSet => json!({ "unavailable": 0 }),
        _ => json!({ "available": workload.replicas, "updated": workload.replicas }),
    }));
    for service in &workload.services {
        require.push(json!({ "endpoints": [service.name], "that": { "ready": { "atLeast": 1 } } }));
    }
    if !clients.is_empty() {
        require.push(json!({ "traffic": names(clients), "that": { "outcome": "ok" } }));
    }
    require
}

fn names(clients: &[(String, i32)]) -> Vec<&str> {
    clients.iter().map(|(name, _)| name.as_str()).collect()
}

/// A claim about the workload's controller, if its kind has numbers.
fn controller(question: &Question<'_>, that: impl FnOnce(ObjectKind) -> Value) -> Option<Value> {
    let reference = &question.workload.reference;
    let subject = match reference.kind {
        ObjectKind::Deployment => "deployment",
        ObjectKind::StatefulSet => "statefulset",
        ObjectKind::DaemonSet => "daemonset",
        _ => return None,
    };
    Some(json!({ subject: reference.name, "that": that(reference.kind) }))
}

fn steps(question: &Question<'_>, clients: &[(String, i32)]) -> Vec<Value> {
    let lasts = duration::format(question.observed_for());
    let observe = json!({ "for": lasts });
    let mut expect = vec![];
    if clients.is_empty() {
        let mut watched = pods(question, &json!({ "ready": true }));
        watched["id"] = "watched".into();
        watched["observe"] = observe;
        expect.push(watched);
    } else {
        let every = json!({ "failed": { "atMost": "100%" } });
        expect.push(json!({
            "id": "requests", "traffic": names(clients), "that": every, "observe": observe,
        }));
    }
    let mut step = json!({ "name": step_name(question), "expect": expect });
    match question.mode {
        Mode::Rollout => step["patch"] = patch(question, &"new".into(), |_| None),
        Mode::Startup => {
            step["patch"] = patch(question, &"new".into(), |args| Some(never_open(args)));
        }
        Mode::Readiness | Mode::Liveness | Mode::Crash | Mode::Frozen => {
            step["flip"] = flip(question);
        }
    }
    let mut steps = vec![step.clone()];
    if question.mode == Mode::Startup {
        let mut revert = step;
        revert["name"] = REVERT.into();
        revert["patch"] = patch(question, &Value::Null, |args| Some(args.to_vec()));
        for expectation in revert["expect"].as_array_mut().into_iter().flatten() {
            expectation["id"] =
                format!("{}-then", expectation["id"].as_str().unwrap_or_default()).into();
            expectation["observe"]["for"] = duration::format(question.reverted_for()).into();
        }
        steps.push(revert);
    }
    steps
}

/// The name of the first step: `readiness and liveness, for good`.
fn step_name(question: &Question<'_>) -> String {
    question.what().replace('+', " and ")
}

/// The step that brings the former template back.
const REVERT: &str = "the former template again";

fn flip(question: &Question<'_>) -> Value {
    let container = question.container.map(|container| container.name.clone());
    let mut flip = json!({
        "pod": question.workload.reference.to_string(),
        "container": container.unwrap_or_default(),
    });
    if question.scope == Scope::One {
        flip["pods"] = 1.into();
    }
    match question.mode {
        Mode::Crash => flip["process"] = json!({ "fault": "exit", "code": 1 }),
        Mode::Frozen => flip["process"] = json!({ "fault": "stop-accepting" }),
        _ => {
            flip["probe"] = question
                .probes
                .first()
                .map_or("readiness", |probe| probe.word())
                .into();
            flip["to"] = "fail".into();
            flip["shared"] = true.into();
        }
    }
    flip
}

/// A change of the Pod template: its annotation, and the arguments of its containers if `args`
/// says so.
fn patch(
    question: &Question<'_>,
    annotation: &Value,
    args: impl Fn(&[String]) -> Option<Vec<String>>,
) -> Value {
    let spec = question.workload.pod.spec.as_ref();
    let init = spec.and_then(|spec| spec.init_containers.as_deref());
    let is_sidecar = |name: &str| init.unwrap_or_default().iter().any(|it| it.name == name);
    let changed = question.workload.containers().filter_map(|container| {
        let args = args(container.args.as_deref().unwrap_or_default())?;
        let changed = json!({ "name": container.name, "args": args });
        Some((is_sidecar(&container.name), changed))
    });
    let (sidecars, regular): (Vec<_>, Vec<_>) = changed.partition(|(is_sidecar, _)| *is_sidecar);
    let annotations = json!({ "probeflip.dev/template": annotation });
    let mut template = json!({ "metadata": { "annotations": annotations } });
    for (list, changed) in [("containers", regular), ("initContainers", sidecars)] {
        let changed: Vec<Value> = changed.into_iter().map(|(_, changed)| changed).collect();
        if !changed.is_empty() {
            template["spec"][list] = changed.into();
        }
    }
    json!({
        "object": question.workload.reference.to_string(),
        "merge": { "spec": { "template": template } },
    })
}

/// Arguments with which a stand-in opens no port for a day.
fn never_open(args: &[String]) -> Vec<String> {
    let late = "--start-after=24h".to_owned();
    let others = args
        .iter()
        .filter(|argument| !argument.starts_with("--start-after"));
    others.cloned().chain([late]).collect()
}

/// What may follow, in the order of its rows.
fn effects(question: &Question<'_>) -> Vec<Effect> {
    let workload = question.workload;
    let services = workload.services.iter().map(|service| service.name.clone());
    let is_fault = !matches!(question.mode, Mode::Startup | Mode::Rollout);
    let mut effects = Vec::new();
    if is_fault {
        effects.push(Effect::NotReady);
        let names = workload
            .containers()
            .map(|container| container.name.clone());
        effects.extend(names.map(Effect::Restarted));
        let again = question.container.filter(|_| question.fails_again());
        effects.extend(again.map(|container| Effect::BackOff(container.name.clone())));
        effects.push(Effect::ReadyAgain);
    }
    for service in services {
        if workload.replicas > 1 {
            effects.push(Effect::Fewer(service.clone()));
        }
        effects.push(Effect::None(service.clone()));
        effects.push(Effect::Some(service));
    }
    // A Service shows what becomes of its Pods.
    if !is_fault && workload.services.is_empty() {
        if workload.replicas > 1 {
            effects.push(Effect::FewerPods);
        }
        effects.push(Effect::NoPod);
    }
    if !is_fault {
        effects.push(Effect::Complete);
    }
    if question.mode == Mode::Startup {
        if workload.reference.kind == ObjectKind::Deployment {
            effects.push(Effect::Stalled);
        }
        effects.push(Effect::Reverted);
    }
    effects
}

fn measure(question: &Question<'_>, effect: &Effect) -> Value {
    let replicas = question.workload.replicas;
    let ready = |that: Value| failing(question, pods(question, &that));
    let endpoints = |service: &str, most: u32| json!({ "endpoints": [service], "that": { "ready": { "atMost": most } } });
    let complete = || {
        controller(question, |kind| match kind {
            ObjectKind::DaemonSet => json!({ "updated": { "atLeast": 1 }, "unavailable": 0 }),
            _ => json!({ "updated": replicas, "available": replicas, "replicas": replicas }),
        })
    };
    let available = |most: u32| {
        controller(question, |kind| match kind {
            ObjectKind::DaemonSet => json!({ "unavailable": { "atLeast": 1 } }),
            _ => json!({ "available": { "atMost": most } }),
        })
    };
    let claim = match effect {
        Effect::FewerPods => available(replicas - 1).unwrap_or_default(),
        Effect::NoPod => available(0).unwrap_or_default(),
        Effect::NotReady => ready(json!({ "ready": false })),
        Effect::ReadyAgain => ready(json!({ "ready": true })),
        Effect::Restarted(container) => {
            let mut claim = ready(json!({ "restarts": { "delta": { "atLeast": 1 } } }));
            claim["container"] = container.as_str().into();
            claim
        }
        Effect::BackOff(container) => {
            let mut claim = ready(json!({ "state": "waiting", "reason": "CrashLoopBackOff" }));
            claim["container"] = container.as_str().into();
            claim
        }
        Effect::Fewer(service) => endpoints(service, replicas - 1),
        Effect::None(service) => endpoints(service, 0),
        Effect::Some(service) => {
            json!({ "endpoints": [service], "that": { "ready": { "atLeast": 1 } } })
        }
        Effect::Complete | Effect::Reverted => complete().unwrap_or_default(),
        Effect::Stalled => {
            let given_up = |_| json!({ "progressing": "ProgressDeadlineExceeded" });
            controller(question, given_up).unwrap_or_default()
        }
    };
    let from = match effect {
        Effect::Reverted => REVERT.into(),
        Effect::Some(service) => json!({ "change": endpoints(service, 0) }),
        _ => step_name(question).into(),
    };
    json!({ "name": effect.name(), "from": from, "to": { "change": claim } })
}
