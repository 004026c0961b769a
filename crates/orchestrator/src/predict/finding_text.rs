//! The sentences of a finding: what happens and when, why, and what to change.

use k8s_openapi::api::core::v1::{Container, Probe as ProbeSettings};

use super::{
    answer::Answer,
    answer_text::{lost, range, reason, windows},
    cause::Cause,
    experiment::Effect,
    impact_severity::{SeverityReason, outage_from},
    question::{Lasting, Mode, Question},
};
use crate::{
    input::experiment::{ObjectKind, Probe},
    lint,
};

/// Why something happens and what to change; either may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Advice {
    pub(super) why: String,
    pub(super) change: String,
}

impl Advice {
    fn new(why: &str, change: &str) -> Self {
        Self {
            why: why.to_owned(),
            change: change.to_owned(),
        }
    }
}

/// A probe that notices that a process is frozen.
const LIVENESS: &str = "Give it a liveness probe that the process itself answers: httpGet, grpc, \
                        or a command that asks it.";

/// What happens, and when.
pub(super) fn event(question: &Question<'_>, answer: &Answer, cause: Cause) -> String {
    let (workload, subject) = (&answer.workload, answer.subject());
    let follows = consequence(answer);
    let when = when(answer);
    let pods = pods(question);
    match cause {
        Cause::Unnoticed => match &answer.reason {
            SeverityReason::NoProbeNotices => {
                format!(
                    "When {subject} freezes in {pods}, no probe notices{}.",
                    lost_too(answer)
                )
            }
            _ => format!("When {subject} freezes in {pods}, no probe notices, and {follows}."),
        },
        Cause::BrokenRelease => {
            let takes = match answer.effect(&Effect::Complete) {
                Some(times) => {
                    let time = range(times.earliest, times.latest);
                    format!("is rolled out to the end in {time}")
                }
                None => "takes former Pods down before its own are ready".to_owned(),
            };
            let follows = match answer.reason {
                SeverityReason::RolloutCompletes => "and nothing in Kubernetes shows it".to_owned(),
                _ => format!("and {follows}"),
            };
            let helps = match answer.effect(&Effect::Reverted) {
                Some(_) => "",
                None => " Bringing the former template back does not help.",
            };
            format!(
                "A release of {workload} whose Pods never open a port {takes}, {follows}.{helps}"
            )
        }
        Cause::Rollout => format!("During a healthy rollout of {workload}, {follows}."),
        Cause::LonePod => format!(
            "{workload} runs one Pod: when {} {}{}, {follows}{when}.",
            container(question),
            happens(question),
            lasting(question)
        ),
        Cause::SharedEndpoint => format!(
            "When what readiness and liveness of {subject} both ask fails in {pods}, \
             {follows}{when}."
        ),
        Cause::NeverRestarted
        | Cause::Frozen
        | Cause::Readiness
        | Cause::Liveness
        | Cause::Crash => {
            format!(
                "When {subject} {} in {pods}{}, {follows}{when}.",
                happens(question),
                lasting(question)
            )
        }
    }
}

/// Why it happens, and what to change.
pub(super) fn advice(question: &Question<'_>, answer: &Answer, cause: Cause) -> Advice {
    match cause {
        Cause::Unnoticed => unnoticed(question),
        Cause::BrokenRelease => broken_release(question, answer),
        Cause::Rollout => rollout(question, answer),
        Cause::LonePod => Advice::new("", "Run two replicas or more, if it can."),
        Cause::SharedEndpoint => Advice::new(
            "A failure that a restart does not mend should take Pods out of their Services only.",
            "Give liveness an endpoint of its own that depends on nothing but the process.",
        ),
        Cause::NeverRestarted => never_restarted(question),
        Cause::Frozen => Advice::new(
            "",
            "A smaller periodSeconds × failureThreshold notices it sooner.",
        ),
        Cause::Readiness if question.workload.replicas == 1 => {
            Advice::new("", "Run two replicas or more, if it can.")
        }
        Cause::Readiness => Advice::new(
            "",
            "Let readiness depend on the Pod alone: what all Pods share takes all of them out.",
        ),
        Cause::Liveness => Advice::new(
            "All Pods are restarted at a time.",
            "Let liveness depend on nothing but the process.",
        ),
        Cause::Crash => Advice::new("", "A quicker start shortens it."),
    }
}

fn unnoticed(question: &Question<'_>) -> Advice {
    let container = question.container;
    let probes = container.map(|container| {
        let probes = [&container.liveness_probe, &container.readiness_probe];
        probes
            .into_iter()
            .flatten()
            .collect::<Vec<&ProbeSettings>>()
    });
    let probes = probes.unwrap_or_default();
    let why = if probes.is_empty() {
        "It has neither a liveness nor a readiness probe."
    } else if probes.iter().all(|probe| probe.tcp_socket.is_some()) {
        "Its probes only connect, and the kernel accepts connections for a frozen process."
    } else if question.assumption.is_some() {
        "That is so if the command of its probe does not ask the process."
    } else {
        "Its probes do not ask the process."
    };
    Advice::new(why, LIVENESS)
}

fn never_restarted(question: &Question<'_>) -> Advice {
    let liveness = question
        .container
        .map(|container| &container.liveness_probe);
    let why = match liveness.and_then(Option::as_ref) {
        None => "It has no liveness probe.",
        Some(probe) if probe.tcp_socket.is_some() => {
            "Its liveness probe only connects, and the kernel accepts connections for a frozen \
             process."
        }
        Some(_) => "Its liveness probe does not ask the process.",
    };
    Advice::new(why, LIVENESS)
}

fn broken_release(question: &Question<'_>, answer: &Answer) -> Advice {
    let kind = question.workload.reference.kind;
    if answer.effect(&Effect::Complete).is_some() {
        let mut containers = question.workload.containers();
        if containers.all(|container| container.readiness_probe.is_some()) {
            return Advice::default();
        }
        return Advice::new(
            "No readiness probe holds it up.",
            "Give every container that serves a readiness probe.",
        );
    }
    let by_hand = match answer.effect(&Effect::Reverted) {
        None if kind == ObjectKind::StatefulSet => {
            " After a revert, delete the broken Pod by hand: the controller waits for it."
        }
        _ => "",
    };
    let advice = replaces(question);
    Advice {
        change: advice.change + by_hand,
        ..advice
    }
}

fn rollout(question: &Question<'_>, answer: &Answer) -> Advice {
    let is_gone = |effect: &Effect| matches!(effect, Effect::None(_));
    if answer.effects.iter().any(|times| is_gone(&times.effect)) {
        return replaces(question);
    }
    let lacks_hook = |container: &Container| {
        let lifecycle = container.lifecycle.as_ref();
        lifecycle
            .and_then(|hooks| hooks.pre_stop.as_ref())
            .is_none()
    };
    if question.workload.containers().any(lacks_hook) {
        let sleep = lint::DRAIN.as_secs();
        Advice::new(
            "Its containers close their ports on SIGTERM, before all clients have left the Pod.",
            &format!("Add a preStop sleep of {sleep} s or more to the containers that serve."),
        )
    } else {
        Advice::new(
            "Its preStop hooks end before all clients have left the Pod.",
            "Let them sleep for longer.",
        )
    }
}

/// Why old Pods go before new ones come, and how to change that.
fn replaces(question: &Question<'_>) -> Advice {
    let workload = question.workload;
    let strategy = &workload.objects[0]["spec"]["strategy"]["type"];
    match workload.reference.kind {
        ObjectKind::Deployment if *strategy == "Recreate" => Advice::new(
            "Its strategy Recreate stops every Pod before a new one starts.",
            "Use RollingUpdate with maxUnavailable: 0.",
        ),
        ObjectKind::Deployment => Advice::new(
            "Its maxUnavailable lets former Pods go first.",
            if workload.takes_host_ports {
                "Set maxUnavailable: 0 and maxSurge: 1, if a node more has its host ports free."
            } else {
                "Set maxUnavailable: 0 and maxSurge: 1."
            },
        ),
        ObjectKind::DaemonSet if workload.takes_host_ports => Advice::new(
            "On each node the former Pod goes first, and two cannot run there, as they listen at \
             the node's address: no maxSurge helps.",
            "Replace few nodes at a time (maxUnavailable), and have clients ask other nodes \
             meanwhile.",
        ),
        ObjectKind::DaemonSet => Advice::new(
            "On each node the former Pod goes first.",
            "Set maxSurge: 1 and maxUnavailable: 0, if two Pods can run on one node.",
        ),
        ObjectKind::StatefulSet if workload.replicas == 1 => Advice::new(
            "A StatefulSet deletes a Pod before it creates the next, and this is the only one.",
            "Run two replicas or more, if it can.",
        ),
        ObjectKind::StatefulSet => Advice::new(
            "A StatefulSet deletes a Pod before it creates the next.",
            "Try releases on one Pod first, with a partition.",
        ),
        _ => Advice::default(),
    }
}

/// What users see.
fn consequence(answer: &Answer) -> String {
    match &answer.reason {
        SeverityReason::SomeRequestsFail { .. } => {
            let failing = answer.requests.iter();
            let failing = failing.filter(|requests| requests.most_failed > 0);
            let failing: Vec<String> = failing.map(lost).collect();
            format!("{} fail", failing.join(" and "))
        }
        SeverityReason::NoRequestSucceeds { .. } | SeverityReason::NoEndpoint { .. } => {
            let (asked, headless) = others_out(answer);
            let mut parts = vec![reason(answer)];
            if !asked.is_empty() {
                parts.push(format!("likewise to {}", asked.join(" and ")));
            }
            if !headless.is_empty() {
                let resolve = if headless.len() == 1 {
                    "resolves"
                } else {
                    "resolve"
                };
                parts.push(format!("{} {resolve} to no Pod", headless.join(" and ")));
            }
            parts.join(", ")
        }
        _ => reason(answer),
    }
}

/// The other Services of an outage: those to which no request succeeds, and headless ones without
/// an endpoint.
fn others_out(answer: &Answer) -> (Vec<&str>, Vec<&str>) {
    let named = answer.reason.service().unwrap_or_default();
    let is_gone = |service: &str| answer.effect(&Effect::None(service.to_owned())).is_some();
    let asked = answer.requests.iter().filter(|requests| {
        let shortest = outage_from(is_gone(&requests.service));
        requests.longest_failure >= shortest && requests.service != named
    });
    let asked = asked.map(|requests| requests.service.as_str());
    let effects = answer.effects.iter();
    let headless = effects.filter_map(|times| match &times.effect {
        Effect::None(service) => {
            let has_requests = answer.requests.iter().any(|it| it.service == *service);
            (!has_requests && service != named).then_some(service.as_str())
        }
        _ => None,
    });
    (asked.collect(), headless.collect())
}

/// The requests that fail while no probe notices.
fn lost_too(answer: &Answer) -> String {
    let mut failing = answer.requests.iter();
    let failing = failing.find(|requests| requests.most_failed > 0);
    failing.map_or_else(String::new, |requests| {
        format!(", and {} fail", lost(requests))
    })
}

/// When probes decide and when the Pods are ready again: ` (liveness decides in (20, 30] s)`.
fn when(answer: &Answer) -> String {
    let mut times = windows(&answer.windows);
    if let Some(again) = answer.effect(&Effect::ReadyAgain) {
        times.push(format!(
            "ready again after {}",
            range(again.earliest, again.latest)
        ));
    }
    if times.is_empty() {
        return String::new();
    }
    format!(" ({})", times.join("; "))
}

fn container<'q>(question: &'q Question<'_>) -> &'q str {
    question
        .container
        .map_or("it", |container| container.name.as_str())
}

/// What the container does: `crashes`.
fn happens(question: &Question<'_>) -> String {
    match question.mode {
        Mode::Crash => "crashes".to_owned(),
        Mode::Frozen => "freezes".to_owned(),
        _ => {
            let probes: Vec<&str> = question.probes.iter().map(|probe| probe.word()).collect();
            format!("fails {}", probes.join(" and "))
        }
    }
}

/// How long it fails its liveness probe.
fn lasting(question: &Question<'_>) -> &'static str {
    match (question.probes.contains(&Probe::Liveness), question.lasting) {
        (false, _) => "",
        (true, Lasting::UntilRestart) => " until its restart",
        (true, Lasting::ForGood) => " for good",
    }
}

/// To which Pods it happens: `all 3 Pods`.
fn pods(question: &Question<'_>) -> String {
    match (question.workload.reference.kind, question.workload.replicas) {
        (ObjectKind::DaemonSet, _) => "the Pod of a node".to_owned(),
        (_, 1) => "its only Pod".to_owned(),
        _ => format!("{} Pods", question.pods()),
    }
}
