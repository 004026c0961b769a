//! The answers as JSON. Times are microseconds.

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;

use super::{answer::Answer, basis::Basis, finding::Finding};
use crate::exit::Exit;

/// The version of this format.
const FORMAT: u32 = 1;

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
}

/// The answers as JSON.
pub(crate) fn json(basis: &Basis, answers: &[Answer], findings: &[Finding], exit: Exit) -> String {
    let report = PredictReport {
        predict: FORMAT,
        probeflip: env!("CARGO_PKG_VERSION"),
        exit: exit as u8,
        basis,
        rows: answers,
        findings,
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
