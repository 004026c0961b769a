//! The answers as JSON. Times are microseconds.

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;

use super::{
    advice::TriedChange, answer::Answer, basis::Basis, comparison::Comparison, experiment::Written,
    finding::Finding,
};
use crate::exit::Exit;

/// The version of this format.
pub(super) const FORMAT: u32 = 1;

/// What `probeflip predict --output json` writes.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PredictReport<'a> {
    /// The version of this format: 1. A later version may add fields.
    predict: u32,
    /// Version of this program.
    probeflip: &'static str,
    /// The exit code of the command.
    exit: u8,
    /// What the answers rest on.
    #[serde(flatten)]
    basis: &'a Basis,
    /// The answers, in the order of the table.
    rows: &'a [Answer],
    /// The worst findings, the worst first.
    findings: &'a [Finding],
    /// What `--set` changes, row by row; null without it. `rows` are those after the change.
    comparison: Option<Vec<ComparedRow<'a>>>,
    /// Changes that were tried and lower a finding; null without `--advise`.
    advice: Option<&'a [TriedChange]>,
    /// The experiments of the rows, which `probeflip diff` needs.
    experiments: &'a [&'a Written],
}

/// A row before and after a change.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ComparedRow<'a> {
    /// Whether the change makes a difference beyond chance.
    differs: bool,
    /// The answer before the change; null if there was no such question.
    before: Option<&'a Answer>,
    /// The answer after the change; null if there is no such question any more.
    after: Option<&'a Answer>,
}

impl<'a> ComparedRow<'a> {
    fn of(row: &'a Comparison) -> Self {
        Self {
            differs: row.differs(),
            before: row.before.as_ref(),
            after: row.after.as_ref(),
        }
    }
}

/// What is reported beside the rows.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Extras<'a> {
    /// The rows before and after `--set`.
    pub(crate) comparison: Option<&'a [Comparison]>,
    /// What `--advise` found.
    pub(crate) advice: Option<&'a [TriedChange]>,
    /// The experiments of the rows.
    pub(crate) experiments: &'a [&'a Written],
}

/// The answers as JSON.
pub(crate) fn json(
    basis: &Basis,
    answers: &[Answer],
    findings: &[Finding],
    extras: Extras<'_>,
    exit: Exit,
) -> String {
    let report = PredictReport {
        predict: FORMAT,
        probeflip: env!("CARGO_PKG_VERSION"),
        exit: exit as u8,
        basis,
        rows: answers,
        findings,
        comparison: extras
            .comparison
            .map(|rows| rows.iter().map(ComparedRow::of).collect()),
        advice: extras.advice,
        experiments: extras.experiments,
    };
    let text = serde_json::to_string_pretty(&report);
    text.expect("a report must be JSON") + "\n"
}

/// The schema of what [`json`] writes: what may be null is there.
pub(crate) fn schema() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings
        .into_generator()
        .into_root_schema_for::<PredictReport<'_>>()
}
