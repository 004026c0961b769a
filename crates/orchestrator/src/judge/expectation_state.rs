//! State of one expectation along the timeline: its condition's history and its operator's answer.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::baseline::Baseline;
use super::evaluate::{Evaluation, evaluate, evaluate_event};
use super::expected_text;
use super::object_operators;
use super::observed_text;
use super::pod_evaluations::{self, PodEvaluations};
use super::request_counts::RequestCounts;
use super::trace::{Run, Trace};
use super::traffic_operators::{Certainty, Requests};
use super::verdict::Answer;
use super::window::{Becoming, Lasting, Window};
use crate::input::experiment::{Condition, ObjectKind, Operator};
use crate::timeline::snapshot::{Outdated, Snapshot, WatchGap};
use crate::timeline::{Change, Micros, WatchedObject};

/// A condition, the baseline it is compared with, and its history so far.
#[derive(Debug)]
pub(super) struct ExpectationState {
    condition: Condition,
    baseline: Baseline,
    /// The evaluation of each Pod; empty for other conditions.
    pods: PodEvaluations,
    trace: Trace,
    /// Events about Pods that were not seen yet, by the Pod's UID: Events have a watch of their
    /// own.
    early: BTreeMap<String, Vec<WatchedObject>>,
    /// Whether the selected Pods had all been deleted when the step began.
    gone_before: bool,
    /// Whether the condition held just before the step's action was sent.
    held_before: bool,
    /// The last answer about traffic, with the traffic revision and window it was computed for. It
    /// is reused while both are the same.
    answered: Option<(u64, Window, Answer)>,
}

impl ExpectationState {
    /// Starts to follow a condition. The present state becomes its baseline.
    pub(super) fn new(condition: &Condition, snapshot: &Snapshot, at: Micros) -> Self {
        let baseline = Baseline::of(condition, snapshot);
        let mut state = Self {
            condition: condition.clone(),
            pods: PodEvaluations::of(condition, &baseline, snapshot),
            gone_before: pod_evaluations::are_gone(condition, &baseline, snapshot),
            baseline,
            trace: Trace::default(),
            early: BTreeMap::new(),
            held_before: false,
            answered: None,
        };
        state.follow(snapshot, at);
        state
    }

    /// Records that the step's action is about to be sent.
    pub(super) fn sending(&mut self) {
        self.held_before = self
            .trace
            .last()
            .is_some_and(|point| point.evaluation.holds);
    }

    /// Evaluates the condition again if it depends on an object that has changed.
    pub(super) fn changed(
        &mut self,
        change: Change,
        object: &WatchedObject,
        snapshot: &Snapshot,
        at: Micros,
    ) {
        if let Condition::Event { .. } = self.condition {
            return self.events_seen(change, object, snapshot, at);
        }
        let kind = self.kind();
        // Which Pods belong to a Deployment depends on its ReplicaSets.
        let by_owner = kind == Some("Pod") && object.kind() == "ReplicaSet";
        if kind != Some(object.kind()) && !by_owner {
            return;
        }
        let (condition, baseline) = (&self.condition, &self.baseline);
        match object.kind() {
            "Pod" => self
                .pods
                .update(object.uid(), condition, baseline, snapshot),
            "ReplicaSet" => self.pods = PodEvaluations::of(condition, baseline, snapshot),
            _ => {}
        }
        self.follow(snapshot, at);
    }

    /// Takes an Event, or those that arrived before the Pod that they are about.
    fn events_seen(
        &mut self,
        change: Change,
        object: &WatchedObject,
        snapshot: &Snapshot,
        at: Micros,
    ) {
        let events = match (object.kind(), change) {
            ("Pod", Change::Added | Change::Modified) => {
                self.early.remove(object.uid()).unwrap_or_default()
            }
            ("Event", Change::Added | Change::Modified) => vec![object.clone()],
            _ => return,
        };
        for event in events {
            if let Some(seen) = evaluate_event(&self.condition, &event, snapshot) {
                let over = Evaluation {
                    holds: false,
                    ..seen.clone()
                };
                self.trace.push(at, seen);
                self.trace.push(at, over);
            } else if let Some(uid) = unseen_pod(&event, snapshot) {
                self.early.entry(uid).or_default().push(event);
            }
        }
    }

    fn follow(&mut self, snapshot: &Snapshot, at: Micros) {
        let evaluation = match &self.condition {
            Condition::Traffic { .. } => return,
            condition @ (Condition::Pod { .. } | Condition::Container { .. }) => {
                self.pods.evaluation(condition)
            }
            condition => evaluate(condition, &self.baseline, snapshot),
        };
        self.trace.push(at, evaluation);
    }

    /// The kind of the objects that the condition is about; `None` if it is about traffic.
    fn kind(&self) -> Option<&'static str> {
        match self.condition {
            Condition::Pod { .. } | Condition::Container { .. } => Some("Pod"),
            Condition::Endpoints { .. } => Some("EndpointSlice"),
            Condition::Controller { kind, .. } => Some(kind.name()),
            Condition::Event { .. } => Some("Event"),
            Condition::Traffic { .. } => None,
        }
    }

    /// Each time at which the condition became true, having been false before.
    pub(super) fn became_true(&self) -> Vec<Micros> {
        let first = self.trace.points().first();
        let held_at_first = first.filter(|point| point.evaluation.holds);
        let held_since = held_at_first.map(|point| point.at);
        let runs = self.trace.runs().into_iter().map(|run| run.start);
        runs.filter(|start| Some(*start) != held_since).collect()
    }

    pub(super) fn gaps<'s>(&self, snapshot: &'s Snapshot) -> Vec<&'s WatchGap> {
        let kind = self.kind().into_iter();
        kind.flat_map(|kind| snapshot.gaps(kind)).collect()
    }

    /// The times in which the subject's status is of a generation before a patch. Only a Deployment
    /// or a Pod named directly has such times: a patch of a Deployment says nothing about its Pods'
    /// status, nor one of a Service about its endpoints. Times before the condition was followed
    /// and after `until` are left out: a run may patch an object in each of a thousand steps.
    fn outdated<'s>(&self, snapshot: &'s Snapshot, until: Micros) -> Vec<&'s Outdated> {
        let (kind, name) = match &self.condition {
            Condition::Controller { kind, name, .. } => (*kind, &name.value),
            Condition::Pod { pod, .. } | Condition::Container { pod, .. }
                if pod.kind == ObjectKind::Pod =>
            {
                (ObjectKind::Pod, &pod.name)
            }
            Condition::Pod { .. }
            | Condition::Container { .. }
            | Condition::Endpoints { .. }
            | Condition::Event { .. }
            | Condition::Traffic { .. } => return Vec::new(),
        };
        let first = self.trace.points().first();
        let from = first.map_or(Micros::ZERO, |point| point.at);
        snapshot.outdated(kind, name, (from, until)).collect()
    }

    /// The trace up to `until`, where the condition is assumed to be `holds` while the status is
    /// outdated.
    fn known_trace(&self, snapshot: &Snapshot, holds: bool, until: Micros) -> Cow<'_, Trace> {
        let outdated = self.outdated(snapshot, until).into_iter();
        outdated.fold(Cow::Borrowed(&self.trace), |trace, outdated| {
            Cow::Owned(trace.without(outdated, holds))
        })
    }

    fn requests<'s>(&'s self, snapshot: &'s Snapshot) -> Option<Requests<'s>> {
        let Condition::Traffic { clients, that } = &self.condition else {
            return None;
        };
        Some(Requests::new(clients, that, snapshot))
    }

    /// The operator's answer at `now`, given that everything up to `known` has been recorded.
    pub(super) fn answer(
        &mut self,
        operator: &Operator,
        window: Window,
        snapshot: &Snapshot,
        known: Micros,
        now: Micros,
    ) -> Answer {
        if let Some(answer) = self.remembered(window, snapshot, now) {
            return answer;
        }
        let answer = self.find(operator, window, snapshot, known, now);
        self.answered = Some((snapshot.traffic_revision(), window, answer.clone()));
        answer
    }

    fn remembered(&self, window: Window, snapshot: &Snapshot, now: Micros) -> Option<Answer> {
        let (revision, of, answer) = self.answered.as_ref()?;
        let traffic = matches!(self.condition, Condition::Traffic { .. });
        let waiting = !matches!(answer, Answer::Open(Some(at)) if *at <= now);
        (traffic && *revision == snapshot.traffic_revision() && *of == window && waiting)
            .then(|| answer.clone())
    }

    fn find(
        &self,
        operator: &Operator,
        window: Window,
        snapshot: &Snapshot,
        known: Micros,
        now: Micros,
    ) -> Answer {
        let requests = self.requests(snapshot);
        match (window, wanted(operator)) {
            (Window::Becoming(window), _) => match requests {
                Some(requests) => requests.eventually(&window, now),
                None => self.eventually(snapshot, &window, known),
            },
            (Window::Lasting(window), Some(wanted)) => match requests {
                Some(requests) => requests.lasting(&window, wanted, now),
                None => self.lasting(snapshot, &window, wanted, known),
            },
            // `observe` neither fails nor stays open.
            (Window::Lasting(_), None) => Answer::Pass(None),
        }
    }

    // An unknown state counts as not yet true.
    fn eventually(&self, snapshot: &Snapshot, window: &Becoming, known: Micros) -> Answer {
        let trace = self.known_trace(snapshot, false, known);
        let mut window = *window;
        if let Condition::Event { .. } = self.condition {
            // A moment between sending and acknowledgement is over when time 0 comes.
            window.zero = window.sent;
        }
        object_operators::eventually(&trace, &self.gaps(snapshot), &window, known)
    }

    // Unknown states are skipped, but at least one state must be known.
    fn lasting(
        &self,
        snapshot: &Snapshot,
        window: &Lasting,
        wanted: bool,
        known: Micros,
    ) -> Answer {
        if !wanted && self.pods.is_empty_selection(&self.condition) {
            return Answer::Unknown("no Pod was selected".into());
        }
        let are_gone = || pod_evaluations::are_gone(&self.condition, &self.baseline, snapshot);
        if !wanted && self.gone_before && are_gone() {
            return Answer::Unknown("the selected Pods had been deleted before".into());
        }
        let trace = self.known_trace(snapshot, wanted, known);
        let answer = object_operators::lasting(&trace, &self.gaps(snapshot), window, wanted, known);
        let outdated = self.outdated(snapshot, known);
        let throughout = outdated.iter().any(|outdated| {
            outdated.from <= window.from && window.to.is_some_and(|to| to <= outdated.to)
        });
        match answer {
            Answer::Pass(_) if throughout => {
                Answer::Unknown("the status was never of the patched generation".into())
            }
            answer => answer,
        }
    }

    /// Whether an `eventually` that became true at `at` had been true since before its time began.
    pub(super) fn was_true_before(
        &self,
        window: &Becoming,
        at: Micros,
        snapshot: &Snapshot,
    ) -> bool {
        if let Some(requests) = self.requests(snapshot) {
            return requests.were_good_before(window.sent, at);
        }
        let began_before = |run: &Run| {
            if window.follows {
                run.start < window.sent
            } else {
                self.held_before && run.start <= window.sent
            }
        };
        let runs = self.trace.runs();
        let mut unbroken = runs
            .iter()
            .filter(|run| began_before(run) && run.end.is_none_or(|end| end > at));
        at == window.zero && unbroken.next().is_some()
    }

    /// When `always` or `never` was first violated.
    pub(super) fn first_breach(
        &self,
        operator: &Operator,
        window: Window,
        snapshot: &Snapshot,
    ) -> Option<Micros> {
        let (Window::Lasting(window), Some(wanted)) = (window, wanted(operator)) else {
            return None;
        };
        if let Some(requests) = self.requests(snapshot) {
            return requests.first_breach(&window, wanted, Certainty::Yes);
        }
        let until = window.to.unwrap_or(Micros::MAX);
        let trace = self.known_trace(snapshot, wanted, until);
        object_operators::first_breach(&trace, &window, wanted)
    }

    /// Text of what was observed in the window, with times relative to `zero`.
    pub(super) fn history(&self, window: &Lasting, zero: Micros, snapshot: &Snapshot) -> String {
        let Condition::Traffic { clients, .. } = &self.condition else {
            return observed_text::history(&self.trace, window, zero);
        };
        let outcomes = clients.iter().filter_map(|name| {
            snapshot
                .client(name)
                .map(|client| observed_text::outcomes(name, client, window, zero))
        });
        outcomes.collect::<Vec<_>>().join("; ")
    }

    /// How many requests were sent in the window and failed, for each client of a condition about
    /// traffic; empty for other conditions.
    pub(super) fn request_counts(
        &self,
        window: &Lasting,
        snapshot: &Snapshot,
    ) -> Vec<RequestCounts> {
        self.requests(snapshot)
            .map_or_else(Vec::new, |requests| requests.counts(window))
    }

    /// Since when the condition holds without interruption; none if it does not hold now. A watch
    /// gap is an interruption.
    pub(super) fn since(&self, snapshot: &Snapshot, from: Micros) -> Option<Micros> {
        if let Some(requests) = self.requests(snapshot) {
            return requests.good_since(from);
        }
        let run = self
            .trace
            .runs()
            .last()
            .filter(|run| run.end.is_none())?
            .start;
        let gaps = self.gaps(snapshot);
        let seen = gaps.iter().map(|gap| gap.to).fold(run, Micros::max);
        (seen < Micros::MAX).then_some(seen)
    }

    /// Whether a condition about traffic holds from `at` for `hold`, whatever the outcome of the
    /// requests that are still unknown. For other conditions it returns true: [`Self::since`]
    /// decides those.
    pub(super) fn surely_holds(
        &self,
        at: Micros,
        hold: std::time::Duration,
        snapshot: &Snapshot,
    ) -> bool {
        self.requests(snapshot)
            .is_none_or(|requests| requests.surely_holds(at, hold))
    }

    /// The condition and what is observed instead: `expected …, saw …`.
    pub(super) fn missing(&self, snapshot: &Snapshot) -> String {
        let seen = match (&self.condition, self.trace.last()) {
            (Condition::Traffic { clients, .. }, _) => {
                let last = clients.iter().filter_map(|name| {
                    let last = snapshot.client(name)?.all().next_back();
                    Some(format!(
                        "{} {}",
                        name.value,
                        last.map_or("sent nothing", |sent| sent.outcome.word())
                    ))
                });
                last.collect::<Vec<_>>().join(", ")
            }
            (_, Some(point)) => point.evaluation.observed.clone(),
            (_, None) => "nothing".into(),
        };
        format!(
            "expected {}, saw {seen}",
            expected_text::condition(&self.condition)
        )
    }
}

/// The UID of the Pod that an Event is about, if the Pod was never seen.
fn unseen_pod(event: &WatchedObject, snapshot: &Snapshot) -> Option<String> {
    let about = event.field("involvedObject");
    let uid = about["uid"].as_str()?;
    (about["kind"] == "Pod" && snapshot.pod(uid).is_none()).then(|| uid.to_owned())
}

// The value that `always` and `never` require of the condition; none for the other operators.
fn wanted(operator: &Operator) -> Option<bool> {
    match operator {
        Operator::Always { .. } => Some(true),
        Operator::Never { .. } => Some(false),
        Operator::Eventually { .. } | Operator::Observe { .. } => None,
    }
}
