//! State of one expectation along the timeline: its condition's history and its operator's answer.

use super::baseline::Baseline;
use super::evaluate::look;
use super::expected_text;
use super::object_operators;
use super::observed_text;
use super::trace::Trace;
use super::traffic_operators::{Certainty, Requests};
use super::verdict::Answer;
use super::window::{Becoming, Lasting, Window};
use crate::input::experiment::{Condition, ObjectKind, Operator};
use crate::timeline::Micros;
use crate::timeline::view::{Outdated, View, WatchGap};

/// A condition, the baseline it is compared with, and its history so far.
#[derive(Debug)]
pub(super) struct ExpectationState {
    claim: Condition,
    baseline: Baseline,
    trace: Trace,
    /// Whether the condition held just before the step's action was sent.
    held_before: bool,
    /// The last answer about traffic, with the traffic revision and window it was computed for. It
    /// is reused while both are the same.
    answered: Option<(u64, Window, Answer)>,
}

impl ExpectationState {
    /// Starts to follow a condition. The present state becomes its baseline.
    pub(super) fn new(claim: &Condition, view: &View, at: Micros) -> Self {
        let baseline = Baseline::of(claim, view);
        let mut tracked = Self {
            claim: claim.clone(),
            baseline,
            trace: Trace::default(),
            held_before: false,
            answered: None,
        };
        tracked.look(view, at);
        tracked
    }

    /// Records that the step's action is about to be sent.
    pub(super) fn sending(&mut self) {
        self.held_before = self.trace.last().is_some_and(|point| point.look.holds);
    }

    /// Evaluates the condition again if it depends on objects of this kind.
    pub(super) fn changed(&mut self, kind: &str, view: &View, at: Micros) {
        if self.kinds().contains(&kind) {
            self.look(view, at);
        }
    }

    fn look(&mut self, view: &View, at: Micros) {
        if !matches!(self.claim, Condition::Traffic { .. }) {
            self.trace.push(at, look(&self.claim, &self.baseline, view));
        }
    }

    fn kinds(&self) -> &'static [&'static str] {
        match self.claim {
            // Which Pods belong to a Deployment depends on its ReplicaSets.
            Condition::Pod { .. } | Condition::Container { .. } => &["Pod", "ReplicaSet"],
            Condition::Endpoints { .. } => &["EndpointSlice"],
            Condition::Deployment { .. } => &["Deployment"],
            Condition::Traffic { .. } => &[],
        }
    }

    fn gaps<'v>(&self, view: &'v View) -> Vec<&'v WatchGap> {
        self.kinds()
            .iter()
            .take(1)
            .flat_map(|kind| view.gaps(kind))
            .collect()
    }

    /// The times in which the subject's status is of a generation before a patch. Only a Deployment
    /// or a Pod named directly has such times: a patch of a Deployment says nothing about its Pods'
    /// status, nor one of a Service about its endpoints.
    fn outdated<'v>(&self, view: &'v View) -> Vec<&'v Outdated> {
        let (kind, name) = match &self.claim {
            Condition::Deployment { name, .. } => (ObjectKind::Deployment, &name.value),
            Condition::Pod { pod, .. } | Condition::Container { pod, .. }
                if pod.kind == ObjectKind::Pod =>
            {
                (ObjectKind::Pod, &pod.name)
            }
            Condition::Pod { .. }
            | Condition::Container { .. }
            | Condition::Endpoints { .. }
            | Condition::Traffic { .. } => return Vec::new(),
        };
        view.outdated(kind, name).collect()
    }

    /// The trace, where the condition is assumed to be `holds` while the status is outdated.
    fn known_trace(&self, view: &View, holds: bool) -> Trace {
        let outdated = self.outdated(view).into_iter();
        outdated.fold(self.trace.clone(), |trace, outdated| {
            trace.without(outdated, holds)
        })
    }

    fn requests<'v>(&'v self, view: &'v View) -> Option<Requests<'v>> {
        let Condition::Traffic { clients, that } = &self.claim else {
            return None;
        };
        let clients = clients
            .iter()
            .filter_map(|name| view.client(name))
            .collect();
        Some(Requests::new(clients, that))
    }

    /// The operator's answer at `now`, given that everything up to `known` has been recorded.
    pub(super) fn answer(
        &mut self,
        operator: &Operator,
        window: Window,
        view: &View,
        known: Micros,
        now: Micros,
    ) -> Answer {
        if let Some(answer) = self.remembered(window, view, now) {
            return answer;
        }
        let answer = self.find(operator, window, view, known, now);
        self.answered = Some((view.traffic_revision(), window, answer.clone()));
        answer
    }

    fn remembered(&self, window: Window, view: &View, now: Micros) -> Option<Answer> {
        let (revision, of, answer) = self.answered.as_ref()?;
        let traffic = matches!(self.claim, Condition::Traffic { .. });
        let waiting = !matches!(answer, Answer::Open(Some(at)) if *at <= now);
        (traffic && *revision == view.traffic_revision() && *of == window && waiting)
            .then(|| answer.clone())
    }

    fn find(
        &self,
        operator: &Operator,
        window: Window,
        view: &View,
        known: Micros,
        now: Micros,
    ) -> Answer {
        let requests = self.requests(view);
        match (window, wanted(operator)) {
            (Window::Becoming(window), _) => match requests {
                Some(requests) => requests.eventually(&window, now),
                None => self.eventually(view, &window, known),
            },
            (Window::Lasting(window), Some(wanted)) => match requests {
                Some(requests) => requests.lasting(&window, wanted, now),
                None => self.lasting(view, &window, wanted, known),
            },
            // `observe` neither fails nor stays open.
            (Window::Lasting(_), None) => Answer::Pass(None),
        }
    }

    // An unknown state counts as not yet true.
    fn eventually(&self, view: &View, window: &Becoming, known: Micros) -> Answer {
        let trace = self.known_trace(view, false);
        object_operators::eventually(&trace, &self.gaps(view), window, known)
    }

    // Unknown states are skipped, but at least one state must be known.
    fn lasting(&self, view: &View, window: &Lasting, wanted: bool, known: Micros) -> Answer {
        let trace = self.known_trace(view, wanted);
        let answer = object_operators::lasting(&trace, &self.gaps(view), window, wanted, known);
        let outdated = self.outdated(view);
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

    /// Whether an `eventually` that became true at `at` had been true since before the step's
    /// action was sent.
    pub(super) fn was_true_before(&self, window: &Becoming, at: Micros, view: &View) -> bool {
        if let Some(requests) = self.requests(view) {
            return requests.were_good_before(window.sent, at);
        }
        let runs = self.trace.runs();
        let mut unbroken = runs
            .iter()
            .filter(|run| run.start <= window.sent && run.end.is_none_or(|end| end > at));
        self.held_before && at == window.zero && unbroken.next().is_some()
    }

    /// When `always` or `never` was first violated.
    pub(super) fn first_breach(
        &self,
        operator: &Operator,
        window: Window,
        view: &View,
    ) -> Option<Micros> {
        let (Window::Lasting(window), Some(wanted)) = (window, wanted(operator)) else {
            return None;
        };
        match self.requests(view) {
            Some(requests) => requests.first_breach(&window, wanted, Certainty::Yes),
            None => {
                object_operators::first_breach(&self.known_trace(view, wanted), &window, wanted)
            }
        }
    }

    /// Text of what was observed in the window, with times relative to `zero`.
    pub(super) fn story(&self, window: &Lasting, zero: Micros, view: &View) -> String {
        let Condition::Traffic { clients, .. } = &self.claim else {
            return observed_text::history(&self.trace, window, zero);
        };
        let told = clients.iter().filter_map(|name| {
            view.client(name)
                .map(|client| observed_text::outcomes(name, client, window, zero))
        });
        told.collect::<Vec<_>>().join("; ")
    }

    /// Since when the condition holds without interruption; none if it does not hold now. A watch
    /// gap is an interruption.
    pub(super) fn since(&self, view: &View, from: Micros) -> Option<Micros> {
        if let Some(requests) = self.requests(view) {
            return requests.good_since(from);
        }
        let run = self
            .trace
            .runs()
            .last()
            .filter(|run| run.end.is_none())?
            .start;
        let gaps = self.gaps(view);
        let seen = gaps.iter().map(|gap| gap.to).fold(run, Micros::max);
        (seen < Micros::MAX).then_some(seen)
    }

    /// Whether a condition about traffic certainly holds from `at` for `hold`. True for all other
    /// conditions, as [`Self::since`] decides those.
    pub(super) fn surely_holds(&self, at: Micros, hold: std::time::Duration, view: &View) -> bool {
        self.requests(view)
            .is_none_or(|requests| requests.surely_holds(at, hold))
    }

    /// The condition and what is observed instead: `expected …, saw …`.
    pub(super) fn missing(&self, view: &View) -> String {
        let seen = match (&self.claim, self.trace.last()) {
            (Condition::Traffic { clients, .. }, _) => {
                let last = clients.iter().filter_map(|name| {
                    let last = view
                        .client(name)?
                        .between(i64::MIN / 4, i64::MAX / 4)
                        .next_back();
                    Some(format!(
                        "{} {}",
                        name.value,
                        last.map_or("sent nothing", |sent| sent.outcome.word())
                    ))
                });
                last.collect::<Vec<_>>().join(", ")
            }
            (_, Some(point)) => point.look.saw.clone(),
            (_, None) => "nothing".into(),
        };
        format!("expected {}, saw {seen}", expected_text::claim(&self.claim))
    }
}

// The value that `always` and `never` require of the condition; none for the other operators.
fn wanted(operator: &Operator) -> Option<bool> {
    match operator {
        Operator::Always { .. } => Some(true),
        Operator::Never { .. } => Some(false),
        Operator::Eventually { .. } | Operator::Observe { .. } => None,
    }
}
