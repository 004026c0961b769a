//! The worst findings of a prediction: rows that have one cause, and what to change.

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    answer::Answer,
    cause::{Cause, cause},
    finding_text::{Advice, advice, event},
    impact_severity::ImpactSeverity,
    question::Question,
};

/// How many findings are shown.
const MOST: usize = 3;

/// How many rows of one cause are named.
const NAMED: usize = 3;

/// What is wrong, and what to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Finding {
    /// The severity of its worst row.
    pub(crate) severity: ImpactSeverity,
    /// The rows that show it, by their number from 0: the worst first.
    pub(crate) rows: Vec<usize>,
    /// What, when, why, and what to change.
    pub(crate) message: String,
}

/// The worst findings of these answers to these questions.
pub(crate) fn findings(questions: &[&Question<'_>], answers: &[Answer]) -> Vec<Finding> {
    let rows = questions.iter().zip(answers).enumerate();
    let mut rows: Vec<(usize, Row<'_>)> = rows
        .filter_map(|(index, (question, answer))| Some((index, Row::of(question, answer)?)))
        .collect();
    rows.sort_by_key(|(_, row)| {
        Reverse((row.answer.severity, Reverse(row.cause), &row.answer.reason))
    });
    let mut found: Vec<(Vec<usize>, Vec<&Row<'_>>)> = Vec::new();
    for (index, row) in &rows {
        match found.iter_mut().find(|(_, alike)| alike[0].is_like(row)) {
            Some((indexes, alike)) => {
                indexes.push(*index);
                alike.push(row);
            }
            None => found.push((vec![*index], vec![row])),
        }
    }
    found.truncate(MOST);
    let finding = |(rows, alike): (Vec<usize>, Vec<&Row<'_>>)| Finding {
        severity: alike[0].answer.severity,
        rows,
        message: message(&alike),
    };
    found.into_iter().map(finding).collect()
}

/// A row that shows a finding.
struct Row<'a> {
    answer: &'a Answer,
    cause: Cause,
    event: String,
    advice: Advice,
}

impl<'a> Row<'a> {
    fn of(question: &Question<'_>, answer: &'a Answer) -> Option<Self> {
        let cause = cause(question, answer)?;
        Some(Self {
            answer,
            cause,
            event: event(question, answer, cause),
            advice: advice(question, answer, cause),
        })
    }

    /// Whether one sentence of advice is about both.
    fn is_like(&self, other: &Self) -> bool {
        (self.cause, &self.advice) == (other.cause, &other.advice)
    }
}

/// What, when, why, and what to change, then the other containers and workloads with this cause.
fn message(alike: &[&Row<'_>]) -> String {
    let Row { event, advice, .. } = alike[0];
    let mut names: Vec<String> = Vec::new();
    let severity = alike[0].answer.severity;
    for row in alike.iter().filter(|row| row.answer.severity == severity) {
        let name = match row.cause {
            Cause::LonePod => row.answer.workload.clone(),
            _ => row.answer.subject(),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let others = &names[1..];
    let (shown, more) = others.split_at(others.len().min(NAMED));
    let shown = shown.join(", ");
    let likewise = match more.len() {
        0 if others.is_empty() => String::new(),
        0 => format!(" Likewise: {shown}."),
        more => format!(" Likewise: {shown} and {more} more."),
    };
    let sentences = [event.as_str(), &advice.why, &advice.change];
    let sentences: Vec<&str> = sentences
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect();
    sentences.join(" ") + &likewise
}
