//! Evaluates a condition against the present state: whether it holds, and what is observed.
//!
//! Conditions about traffic have no present state; `traffic_operators` evaluates them. One about an
//! Event holds only at the moment at which the Event is seen.

use serde_json::Value;

use super::baseline::Baseline;
use super::expected_text::{either, joined, restarts_seen};
use crate::input::experiment::{
    Addresses, Condition, ConditionStatus, ContainerThat, ControllerThat, EndpointsReady,
    EndpointsThat, PodReady, PodThat, Restarts, Which,
};
use crate::timeline::snapshot::{
    ContainerFacts, ControllerFacts, EndpointFacts, PodFacts, Snapshot,
};
use crate::timeline::{BoundPod, WatchedObject};

/// The result of evaluating a condition once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Evaluation {
    /// Whether the condition holds.
    pub(super) holds: bool,
    /// The observed fields that the condition names: `web-abc ready 1/2`.
    pub(super) observed: String,
}

impl Evaluation {
    /// The condition does not hold, as there is nothing that it is about.
    fn absent(observed: String) -> Self {
        let holds = false;
        Self { holds, observed }
    }
}

/// Evaluates a condition that is not about Pods. A list of subjects holds if it is not empty and
/// every subject in it holds.
pub(super) fn evaluate(
    condition: &Condition,
    baseline: &Baseline,
    snapshot: &Snapshot,
) -> Evaluation {
    match condition {
        Condition::Endpoints { services, that } => all(services
            .iter()
            .map(|service| endpoints(service, that, baseline, &snapshot.endpoints(service)))),
        Condition::Controller { kind, name, that } => match snapshot.controller(*kind, name) {
            Some(facts) => controller(name, that, facts),
            None => Evaluation::absent(format!("no {} {}", kind.name(), name.value)),
        },
        Condition::Event { reason, of } => {
            Evaluation::absent(format!("no {reason} of {}", of.value))
        }
        // `PodEvaluations` evaluates the first two, `traffic_operators` the last.
        Condition::Pod { .. } | Condition::Container { .. } | Condition::Traffic { .. } => {
            Evaluation::absent(String::new())
        }
    }
}

/// Evaluates a condition about an Event that was just seen; none if it is another Event.
pub(super) fn evaluate_event(
    condition: &Condition,
    event: &WatchedObject,
    snapshot: &Snapshot,
) -> Option<Evaluation> {
    let Condition::Event { reason, of } = condition else {
        return None;
    };
    if event.field("reason") != **reason {
        return None;
    }
    let about = event.field("involvedObject");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (kind, name) = (text(&about["kind"]), text(&about["name"]));
    let is_about = of.is(&kind, &name) || snapshot.grew_from(event, &snapshot.uids(of));
    is_about.then(|| Evaluation {
        holds: true,
        observed: format!(
            "{reason} of {} {name}: {}",
            kind.to_lowercase(),
            text(&event.field("message"))
        ),
    })
}

fn all(evaluations: impl Iterator<Item = Evaluation>) -> Evaluation {
    let evaluations: Vec<Evaluation> = evaluations.collect();
    let observed: Vec<String> = evaluations
        .iter()
        .map(|evaluation| evaluation.observed.clone())
        .collect();
    Evaluation {
        holds: !evaluations.is_empty() && evaluations.iter().all(|evaluation| evaluation.holds),
        observed: observed.join(", "),
    }
}

/// Evaluates a condition about Pods for one of them.
pub(super) fn evaluate_pod(
    condition: &Condition,
    baseline: &Baseline,
    pod: Result<&PodFacts, &BoundPod>,
) -> Evaluation {
    let pod = match pod {
        Ok(pod) if !pod.gone => pod,
        // A bound Pod that was replaced counts as deleted.
        Ok(PodFacts { name, .. }) => return Evaluation::absent(format!("{name} deleted")),
        Err(bound) => return Evaluation::absent(format!("{} not seen", bound.name)),
    };
    match condition {
        Condition::Pod { that, .. } => pod_holds(that, baseline, pod),
        Condition::Container {
            container, that, ..
        } => container_of(pod, container, that, baseline),
        _ => Evaluation::absent(String::new()),
    }
}

/// The evaluation of a condition about Pods when there are none.
pub(super) fn without_pods(condition: &Condition) -> Evaluation {
    let (Condition::Pod { pod, which, .. } | Condition::Container { pod, which, .. }) = condition
    else {
        return Evaluation::absent(String::new());
    };
    Evaluation::absent(match which.value {
        Which::All => format!("no Pod of {}", pod.value),
        Which::Flipped => format!("no flipped Pod of {}", pod.value),
        Which::Others => format!("no other Pod of {}", pod.value),
    })
}

fn pod_holds(that: &PodThat, baseline: &Baseline, pod: &PodFacts) -> Evaluation {
    let mut seen = Seen::of(&pod.name);
    let (ready, of) = pod.ready_count();
    match that.ready {
        Some(PodReady::Count {
            ready: wanted,
            of: wanted_of,
        }) => {
            seen.note(
                (ready, of) == (wanted, wanted_of),
                format!("ready {ready}/{of}"),
            );
        }
        Some(PodReady::Condition(wanted)) => {
            seen.note(pod.is_ready() == wanted, either(pod.is_ready(), "ready"));
        }
        None => {}
    }
    let start = baseline.pod(&pod.uid);
    seen.restarts(
        that.restarts,
        pod.restarts(),
        start.map_or(0, |then| then.restarts),
    );
    if that.same_uid {
        seen.note(true, "same UID".into());
    }
    if that.same_ip {
        let same = start.is_some_and(|then| then.ip == pod.ip);
        seen.note(same, format!("IP {}", pod.ip.as_deref().unwrap_or("none")));
    }
    for (name, wanted) in &that.conditions {
        let status = pod
            .conditions
            .get(name)
            .copied()
            .unwrap_or(ConditionStatus::False);
        seen.note(status == *wanted, format!("{name} {status:?}"));
    }
    seen.evaluation()
}

fn container_of(
    pod: &PodFacts,
    name: &str,
    that: &ContainerThat,
    baseline: &Baseline,
) -> Evaluation {
    let subject = format!("{}/{name}", pod.name);
    match pod.containers.get(name) {
        Some(facts) => {
            let start = baseline.pod(&pod.uid).map_or(0, |then| then.restarts);
            container_holds(&subject, that, facts, start)
        }
        None => Evaluation::absent(format!("no container {subject}")),
    }
}

fn container_holds(
    subject: &str,
    that: &ContainerThat,
    facts: &ContainerFacts,
    start: i64,
) -> Evaluation {
    let mut seen = Seen::of(subject);
    if let Some(wanted) = that.ready {
        seen.note(facts.ready == wanted, either(facts.ready, "ready"));
    }
    if let Some(wanted) = that.started {
        seen.note(facts.started == wanted, either(facts.started, "started"));
    }
    seen.restarts(that.restarts, facts.restarts, start);
    if let Some(wanted) = that.state {
        let phase = facts.phase.map_or("in no state".to_owned(), |phase| {
            format!("{phase:?}").to_lowercase()
        });
        seen.note(facts.phase == Some(wanted), phase);
    }
    if let Some(wanted) = &that.reason {
        let reason = facts.reason.as_ref();
        seen.note(
            reason == Some(wanted),
            format!("reason {}", reason.map_or("none", String::as_str)),
        );
    }
    seen.evaluation()
}

fn endpoints(
    service: &str,
    that: &EndpointsThat,
    baseline: &Baseline,
    facts: &EndpointFacts,
) -> Evaluation {
    let mut seen = Seen::of(service);
    let (ready, of) = facts.ready_count();
    if let Some(wanted) = that.ready {
        let holds = match wanted {
            EndpointsReady::All => ready == of && of > 0,
            EndpointsReady::None => ready == 0,
            EndpointsReady::Number(wanted) => wanted.contains(ready.into()),
            EndpointsReady::Count {
                ready: wanted,
                of: wanted_of,
            } => (ready, of) == (wanted, wanted_of),
        };
        seen.note(holds, format!("ready {ready}/{of}"));
    }
    match &that.addresses {
        Some(Addresses::Unchanged) => {
            let addresses = facts.addresses();
            let same = baseline.addresses(service) == Some(addresses.as_slice());
            seen.note(same, format!("addresses {}", joined(&addresses)));
        }
        Some(Addresses::Count(wanted)) => {
            seen.note(wanted.contains(of.into()), format!("{of} addresses"));
        }
        None => {}
    }
    seen.evaluation()
}

fn controller(name: &str, that: &ControllerThat, facts: &ControllerFacts) -> Evaluation {
    let mut seen = Seen::of(name);
    for (field, wanted) in &that.counts {
        let is = facts.count(field);
        seen.note(wanted.contains(is), format!("{field} {is}"));
    }
    if let Some(wanted) = &that.progressing {
        let reason = facts.progressing.as_deref();
        seen.note(
            reason == Some(wanted),
            format!("progressing {}", reason.unwrap_or("none")),
        );
    }
    if !facts.observed {
        seen.note(false, "status not of this generation".into());
    }
    seen.evaluation()
}

/// Collects what is observed of one subject, field by field.
struct Seen<'a> {
    subject: &'a str,
    holds: bool,
    parts: Vec<String>,
}

impl<'a> Seen<'a> {
    fn of(subject: &'a str) -> Self {
        Self {
            subject,
            holds: true,
            parts: Vec::new(),
        }
    }

    fn note(&mut self, holds: bool, observed: String) {
        self.holds &= holds;
        self.parts.push(observed);
    }

    fn restarts(&mut self, wanted: Option<Restarts>, is: i64, start: i64) {
        match wanted {
            Some(Restarts::Total(wanted)) => self.note(wanted.contains(is), restarts_seen(is)),
            Some(Restarts::Delta(wanted)) => {
                self.note(wanted.contains(is - start), restarts_seen(is - start));
            }
            None => {}
        }
    }

    fn evaluation(self) -> Evaluation {
        Evaluation {
            holds: self.holds,
            observed: format!("{} {}", self.subject, self.parts.join(" · ")),
        }
    }
}
