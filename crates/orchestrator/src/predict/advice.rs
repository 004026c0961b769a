//! Advice: small changes that were tried, and lower a finding without making another row worse.

mod candidate;

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    answer::Answer, comparison::are_more, impact_severity::ImpactSeverity, question::Mode,
    table::sentences,
};
pub(crate) use candidate::{Candidate, Subject, candidates};

/// A change that lowers a finding, with the row before and after it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TriedChange {
    /// The change.
    #[serde(flatten)]
    pub(crate) candidate: Candidate,
    /// The finding.
    pub(crate) before: Answer,
    /// The same row after the change.
    pub(crate) after: Answer,
}

impl TriedChange {
    /// The change, and below it what it needs and the row before and after it.
    pub(crate) fn text(&self) -> (String, Vec<String>) {
        let Self {
            candidate,
            before,
            after,
        } = self;
        let row = |when: &str, answer: &Answer| {
            format!("{when}: {}: {}", answer.severity, sentences(answer))
        };
        let subject = before.subject();
        let head = format!(
            "{subject}, {} ({}): {}",
            before.fails, before.pods, candidate.what
        );
        let needs = candidate
            .needs
            .as_ref()
            .map(|needs| format!("needs {needs}"));
        let rows = [row("before", before), row("after", after)];
        (head, needs.into_iter().chain(rows).collect())
    }
}

/// Whether an answer is a finding: of one of the three worst severities, or a healthy rollout that
/// loses requests.
pub(crate) fn is_finding(answer: &Answer) -> bool {
    let loses = answer.mode == Mode::Rollout && answer.failed() > 0;
    answer.severity >= ImpactSeverity::Restart || loses
}

/// Whether a change lowers a finding: its severity, or its failed requests by half.
pub(crate) fn lowers(before: &Answer, after: &Answer) -> bool {
    if after.severity == ImpactSeverity::NotJudged {
        return false;
    }
    let halves = before.failed() > 0 && after.failed() * 2 <= before.failed();
    after.severity < before.severity || after.severity == before.severity && halves
}

/// Whether no answer is worse after a change than before.
pub(crate) fn none_is_worse(before: &[Answer], after: &[Answer]) -> bool {
    let mut counterparts = before
        .iter()
        .filter_map(|row| Some((row, counterpart(row, after)?)));
    counterparts.all(|(before, after)| {
        let is_lost =
            after.severity == ImpactSeverity::NotJudged && before.severity != after.severity;
        let fails_more =
            after.severity == before.severity && are_more(after.failed(), before.failed());
        !(is_lost || after.severity > before.severity || fails_more)
    })
}

/// The answer after a change that corresponds to one before: to the same question, or, if its
/// probes no longer fail together, to that about the first of them.
pub(crate) fn counterpart<'a>(before: &Answer, after: &'a [Answer]) -> Option<&'a Answer> {
    let same = after.iter().find(|after| before.asks_as(after));
    let parted = |after: &&Answer| {
        let is_there = (&after.workload, &after.container) == (&before.workload, &before.container);
        let is_first = before.probes.len() > 1 && after.probes == before.probes[..1];
        is_there && is_first && after.scope == before.scope
    };
    same.or_else(|| after.iter().find(parted))
}
