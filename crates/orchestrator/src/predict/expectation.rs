//! When the expectations of an experiment become true: by the closed formula, and in runs.

use rules::probe::Window;
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;

use super::{
    answer_text::{range, seconds},
    json::FORMAT,
};
use crate::{
    printable::one_line,
    report::{bare_table, markdown_table, markdown_text},
    timeline::Micros,
};

/// When an `eventually` becomes true, counted from its step's acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExpectationTimes {
    /// The experiment.
    pub(crate) experiment: String,
    /// The step.
    pub(crate) step: String,
    /// The expectation.
    pub(crate) id: String,
    /// What `notBefore: predicted` stands for, in microseconds; null without a closed formula.
    #[serde(rename = "notBeforeMicros")]
    not_before: Option<Micros>,
    /// What `within: predicted` stands for, in microseconds; null without a closed formula.
    #[serde(rename = "withinMicros")]
    within: Option<Micros>,
    /// Why there is no closed formula.
    no_formula: Option<String>,
    /// The earliest time in a run, in microseconds; null if no run shows it.
    #[serde(rename = "earliestMicros")]
    earliest: Option<Micros>,
    /// The latest time in a run, in microseconds.
    #[serde(rename = "latestMicros")]
    latest: Option<Micros>,
    /// In how many runs it becomes true.
    seen: usize,
    /// The number of runs.
    runs: usize,
}

impl ExpectationTimes {
    /// The times of an expectation. `formula` is its window, or why no closed formula bounds it.
    pub(crate) fn new(
        [experiment, step, id]: [&str; 3],
        formula: Result<Window, String>,
        took: &[Option<Micros>],
    ) -> Self {
        let (window, no_formula) = match formula {
            Ok(window) => (Some(window), None),
            Err(why) => (None, Some(why)),
        };
        let seen = || took.iter().flatten().copied();
        Self {
            experiment: experiment.to_owned(),
            step: step.to_owned(),
            id: id.to_owned(),
            not_before: window.map(|window| window.after.into()),
            within: window.map(|window| window.within.into()),
            no_formula,
            earliest: seen().min(),
            latest: seen().max(),
            seen: seen().count(),
            runs: took.len(),
        }
    }

    fn cells(&self) -> [String; 5] {
        let formula = match (self.not_before, self.within, &self.no_formula) {
            (Some(not_before), Some(within), _) => {
                format!("{}–{} s", seconds(not_before), seconds(within))
            }
            (_, _, why) => format!("none: {}", why.clone().unwrap_or_default()),
        };
        let sampled = match (self.earliest, self.latest) {
            (Some(earliest), Some(latest)) => range(earliest, latest),
            _ => "never".to_owned(),
        };
        let sampled = if self.seen == self.runs || self.seen == 0 {
            sampled
        } else {
            format!("{sampled} (in {} of {} runs)", self.seen, self.runs)
        };
        let cells = [&self.experiment, &self.step, &self.id, &formula, &sampled];
        cells.map(|cell| one_line(cell).into_owned())
    }
}

/// The columns.
const COLUMNS: [&str; 5] = ["experiment", "step", "expectation", "predicted", "in runs"];

/// A table with a row for each expectation.
pub(crate) fn expectations_text(rows: &[ExpectationTimes], width: Option<u16>) -> String {
    let mut table = bare_table(width);
    table.set_header(COLUMNS);
    for row in rows {
        table.add_row(row.cells());
    }
    table.trim_fmt() + "\n"
}

/// The same as a Markdown table.
pub(crate) fn expectations_markdown(rows: &[ExpectationTimes]) -> String {
    let rows = rows.iter().map(ExpectationTimes::cells);
    markdown_table(
        COLUMNS,
        rows.map(|cells| cells.map(|cell| markdown_text(&cell))),
    )
}

/// What `probeflip predict EXPERIMENT --output json` writes.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ExpectationsReport<'a> {
    /// The version of this format: 1. A later version may add fields.
    predict: u32,
    /// Version of this program.
    probeflip: &'static str,
    /// Each `eventually` of the experiments, in the order of the files.
    expectations: &'a [ExpectationTimes],
}

/// The same as JSON.
pub(crate) fn expectations_json(rows: &[ExpectationTimes]) -> String {
    let report = ExpectationsReport {
        predict: FORMAT,
        probeflip: env!("CARGO_PKG_VERSION"),
        expectations: rows,
    };
    let text = serde_json::to_string_pretty(&report);
    text.expect("a report must be JSON") + "\n"
}

/// The schema of what [`expectations_json`] writes.
pub(crate) fn expectations_schema() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings
        .into_generator()
        .into_root_schema_for::<ExpectationsReport<'_>>()
}
