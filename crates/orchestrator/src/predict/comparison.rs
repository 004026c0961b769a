//! Two predictions row by row: what a change of the manifests changes.
//!
//! Rows are paired by what they ask. Two answers are alike if their severity, closed formulas and
//! effects are equal, and no time or count has moved further than chance moves it.

use super::answer::{Answer, EffectTimes, ServiceRequests};
use crate::timeline::Micros;

/// A row of two predictions; at least one has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// The answer before the change.
    pub(crate) before: Option<Answer>,
    /// The answer after it.
    pub(crate) after: Option<Answer>,
}

/// The least time that counts as moved.
const LEAST_TIME: Micros = Micros(500_000);

/// The fewest requests that count as moved.
const FEWEST_REQUESTS: u64 = 3;

/// The rows of two predictions: those before the change in their order, then the new ones.
pub(crate) fn compare(before: Vec<Answer>, mut after: Vec<Answer>) -> Vec<Comparison> {
    let paired = before.into_iter().map(|before| {
        let same = after.iter().position(|after| before.asks_as(after));
        Comparison {
            after: same.map(|index| after.remove(index)),
            before: Some(before),
        }
    });
    let mut rows: Vec<Comparison> = paired.collect();
    rows.extend(after.into_iter().map(|after| Comparison {
        before: None,
        after: Some(after),
    }));
    rows
}

/// The rows of a table: what is alike once, and what differs with `-` before the change and with
/// `+` after it.
pub(crate) fn marked(rows: &[Comparison]) -> Vec<Answer> {
    let marked = |answer: &Answer, mark: char| Answer {
        fails: format!("{mark} {}", answer.fails),
        ..answer.clone()
    };
    let lines = rows.iter().flat_map(|row| {
        let (before, after) = (row.before.as_ref(), row.after.as_ref());
        if row.differs() {
            let before = before.map(|answer| marked(answer, '-'));
            [before, after.map(|answer| marked(answer, '+'))]
        } else {
            [after.map(|answer| marked(answer, ' ')), None]
        }
    });
    lines.flatten().collect()
}

impl Comparison {
    /// Whether the change makes a difference.
    pub(crate) fn differs(&self) -> bool {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => !is_alike(before, after),
            _ => true,
        }
    }
}

impl Answer {
    /// Whether both answer the same question.
    pub(crate) fn asks_as(&self, other: &Self) -> bool {
        let Self {
            workload,
            container,
            fails,
            scope,
            ..
        } = self;
        (workload, container, fails, scope)
            == (
                &other.workload,
                &other.container,
                &other.fails,
                &other.scope,
            )
    }

    /// The most requests that fail, to all Services together.
    pub(crate) fn failed(&self) -> u64 {
        self.requests.iter().map(|counts| counts.most_failed).sum()
    }
}

/// Whether so many failed requests are more than so many before, by more than chance.
pub(crate) fn are_more(after: u64, before: u64) -> bool {
    after > before + chance(before)
}

/// By how much chance moves a count of failed requests: by 3 or by 30 %.
pub(super) fn chance(requests: u64) -> u64 {
    FEWEST_REQUESTS.max(requests * 3 / 10)
}

fn is_alike(one: &Answer, other: &Answer) -> bool {
    let kinds = |answer: &Answer| -> Vec<_> {
        answer
            .effects
            .iter()
            .map(|times| times.effect.clone())
            .collect()
    };
    let effects = one.effects.iter().zip(&other.effects);
    let requests = one.requests.iter().zip(&other.requests);
    one.severity == other.severity
        && one.windows == other.windows
        && one.requests.len() == other.requests.len()
        && kinds(one) == kinds(other)
        && effects.into_iter().all(|(one, other)| are_near(one, other))
        && requests
            .into_iter()
            .all(|(one, other)| are_as_many(one, other))
}

/// Whether the ends of two ranges are closer than a quarter of the wider one.
fn are_near(one: &EffectTimes, other: &EffectTimes) -> bool {
    let width = |times: &EffectTimes| times.latest.0 - times.earliest.0;
    let most = LEAST_TIME.0.max(width(one).max(width(other)) / 4);
    one.earliest.0.abs_diff(other.earliest.0) <= most
        && one.latest.0.abs_diff(other.latest.0) <= most
}

fn are_as_many(one: &ServiceRequests, other: &ServiceRequests) -> bool {
    let same = |one: u64, other: u64| !are_more(one, other) && !are_more(other, one);
    one.service == other.service
        && same(one.least_failed, other.least_failed)
        && same(one.most_failed, other.most_failed)
}
