//! The evaluation of a condition about Pods, kept Pod by Pod: a change costs the same however many
//! Pods there are.

use std::collections::BTreeMap;

use super::baseline::Baseline;
use super::evaluate::{Evaluation, evaluate_pod, without_pods};
use crate::input::experiment::{Condition, ObjectRef, Which};
use crate::timeline::BoundPod;
use crate::timeline::snapshot::{PodFacts, Snapshot};

/// Maximum number of Pods that are described one by one. More are counted by what is observed.
const MAX_DESCRIBED: usize = 10;

/// The present evaluation of each Pod that a condition selects.
#[derive(Debug, Default)]
pub(super) struct PodEvaluations {
    /// By name and UID.
    each: BTreeMap<(String, String), Evaluation>,
    /// Number of Pods for which the condition does not hold.
    failing: usize,
    /// Number of Pods by what is observed of them, without their names.
    alike: BTreeMap<String, usize>,
}

impl PodEvaluations {
    /// Evaluates every selected Pod.
    pub(super) fn of(condition: &Condition, baseline: &Baseline, snapshot: &Snapshot) -> Self {
        let mut evaluations = Self::default();
        if let Some((subject, which)) = selection(condition) {
            for pod in snapshot.pods(subject) {
                if baseline.selects(uid(pod), which) {
                    evaluations.insert(pod, evaluate_pod(condition, baseline, pod));
                }
            }
        }
        evaluations
    }

    /// Evaluates a Pod that has changed.
    pub(super) fn update(
        &mut self,
        changed: &str,
        condition: &Condition,
        baseline: &Baseline,
        snapshot: &Snapshot,
    ) {
        let Some((subject, which)) = selection(condition) else {
            return;
        };
        if let Some(facts) = snapshot.pod(changed) {
            self.remove(&(facts.name.clone(), changed.to_owned()));
        }
        let selected = snapshot.pod_of(subject, changed);
        if let Some(pod) = selected.filter(|_| baseline.selects(changed, which)) {
            self.insert(Ok(pod), evaluate_pod(condition, baseline, Ok(pod)));
        }
    }

    /// The evaluation of all Pods together. It holds if there are any and it holds for each.
    pub(super) fn evaluation(&self, condition: &Condition) -> Evaluation {
        if self.each.is_empty() {
            return without_pods(condition);
        }
        let observed: Vec<String> = if self.each.len() > MAX_DESCRIBED {
            let alike = self.alike.iter();
            alike
                .map(|(observed, pods)| counted(*pods, observed))
                .collect()
        } else {
            self.each.values().map(|pod| pod.observed.clone()).collect()
        };
        Evaluation {
            holds: self.failing == 0,
            observed: observed.join(", "),
        }
    }

    /// Whether `which` selects none of the subject's Pods.
    pub(super) fn is_empty_selection(&self, condition: &Condition) -> bool {
        let which = selection(condition).map(|(_, which)| which);
        self.each.is_empty() && which.is_some_and(|which| which != Which::All)
    }

    fn insert(&mut self, pod: Result<&PodFacts, &BoundPod>, evaluation: Evaluation) {
        let name = pod.map_or_else(|bound| &bound.name, |pod| &pod.name);
        self.failing += usize::from(!evaluation.holds);
        *self.alike.entry(nameless(name, &evaluation)).or_default() += 1;
        self.each
            .insert((name.clone(), uid(pod).to_owned()), evaluation);
    }

    fn remove(&mut self, pod: &(String, String)) {
        let Some(evaluation) = self.each.remove(pod) else {
            return;
        };
        self.failing -= usize::from(!evaluation.holds);
        let observed = nameless(&pod.0, &evaluation);
        if let Some(pods) = self.alike.get_mut(&observed) {
            *pods -= 1;
            if *pods == 0 {
                self.alike.remove(&observed);
            }
        }
    }
}

/// Whether Pods are selected, and none of them exists any more.
pub(super) fn are_gone(condition: &Condition, baseline: &Baseline, snapshot: &Snapshot) -> bool {
    let Some((subject, which)) = selection(condition) else {
        return false;
    };
    let pods = snapshot.pods(subject).into_iter();
    let mut pods = pods
        .filter(|pod| baseline.selects(uid(*pod), which))
        .peekable();
    pods.peek().is_some() && pods.all(|pod| pod.is_ok_and(|facts| facts.gone))
}

fn selection(condition: &Condition) -> Option<(&ObjectRef, Which)> {
    match condition {
        Condition::Pod { pod, which, .. } | Condition::Container { pod, which, .. } => {
            Some((&pod.value, which.value))
        }
        _ => None,
    }
}

fn counted(pods: usize, observed: &str) -> String {
    let plural = if pods == 1 { "" } else { "s" };
    format!("{pods} Pod{plural}{observed}")
}

fn uid<'p>(pod: Result<&'p PodFacts, &'p BoundPod>) -> &'p str {
    pod.map_or_else(|bound| &bound.uid, |pod| &pod.uid)
}

/// What is observed of a Pod without its name: ` ready 1/2`, `/a not ready`.
fn nameless(name: &str, evaluation: &Evaluation) -> String {
    let observed = &evaluation.observed;
    observed.strip_prefix(name).unwrap_or(observed).to_owned()
}
