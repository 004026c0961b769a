//! The page: predicted and observed, side by side.

use std::fmt::Write as _;

use serde_json::Value;

use super::row::{Recording, Row, effect_name, seconds};

pub(super) fn page(recording: &Recording) -> String {
    let Recording {
        kubernetes,
        machine,
        samples,
        rows,
    } = recording;
    let runs = rows.iter().map(|row| row.observed.len()).min().unwrap();
    let times: Vec<_> = rows.iter().flat_map(Row::bounded_times).collect();
    let within = times.iter().filter(|time| time.is_within()).count();
    let alike = rows
        .iter()
        .filter(|row| row.severity() == row.observed_severity())
        .count();
    let (count, all) = (rows.len(), times.len());
    let is_rollout = |row: &&Row| row.predicted["mode"] == "rollout";
    let of_rollouts = loads(rows.iter().filter(is_rollout));
    let of_others = loads(rows.iter().filter(|row| !is_rollout(row)));
    let rollouts = rows.iter().filter(is_rollout);
    let losses: usize = rollouts.map(|row| row.requests().count()).sum();
    let other: usize = rows.iter().map(|row| row.unexpected_losses().len()).sum();
    let expected = losses - other;
    let mut page = format!(
        "# Predictions on a node\n\
         \n\
         What `probeflip predict` says of the charts in `tests/shapes`, beside what a node of\n\
         Kubernetes {kubernetes} shows ({machine}).\n\
         `just predictions-on-node` runs the experiments that predict writes there, several at\n\
         once, each in a namespace of its own; a test writes this page\n\
         (`tests/it/predictions.rs`) from what was recorded.\n\
         \n\
         - {count} rows, each with {samples} runs in virtual time and at least {runs} on the node.\n\
         - {alike} of {count} severities are as predicted.\n\
         - {within} of {all} times with a closed formula lie within its bounds.\n\
         - {expected} of {losses} Services lose as many requests in a rollout as predicted, give or\n\
         \x20 take 3 or 30 %.\n\
         - The load average of the machine was {of_rollouts} after rollouts, {of_others} after the\n\
         \x20 others.\n\
         \n\
         `bounds` are the closed formula of the probes, and of a restart, with the way to the API.\n\
         Times are in seconds after the fault, those of `endpointAgain` and `reverted` after the\n\
         loss and the revert. Requests are sent at 10/s to each Service.\n\
         \n\
         | experiment | follows | bounds | predicted | observed |\n\
         |---|---|---|---|---|\n"
    );
    for row in rows {
        let (severity, observed) = (words(row.severity()), words(row.observed_severity()));
        let name = format!("{} {}", row.shape, row.name());
        writeln!(page, "| {name} | severity | | {severity} | {observed} |").unwrap();
        for effect in row.effects() {
            effect_line(&mut page, row, effect);
        }
        for requests in row.requests() {
            requests_line(&mut page, row, requests);
        }
    }
    page
}

/// The least and the highest load average after the runs of rows.
fn loads<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let loads: Vec<f64> = rows.flat_map(|row| row.loads.iter().copied()).collect();
    let least = loads.iter().copied().fold(f64::INFINITY, f64::min);
    let most = loads.iter().copied().fold(0.0, f64::max);
    format!("{least:.1} to {most:.1}")
}

fn effect_line(page: &mut String, row: &Row, effect: &Value) {
    let micros = |value: &Value| value.as_u64().unwrap();
    let bounds = &effect["bounds"];
    let bounds = if bounds.is_null() {
        String::new()
    } else {
        range(
            micros(&bounds["afterMicros"]),
            micros(&bounds["withinMicros"]),
        )
    };
    let predicted = range(
        micros(&effect["earliestMicros"]),
        micros(&effect["latestMicros"]),
    );
    let predicted = seen(
        &predicted,
        micros(&effect["seen"]),
        micros(&row.predicted["runs"]),
    );
    let times = row.times(effect);
    let observed = match (times.iter().min(), times.iter().max()) {
        (Some(least), Some(most)) => range(*least, *most),
        _ => "–".to_owned(),
    };
    let observed = seen(&observed, times.len() as u64, row.observed.len() as u64);
    let name = effect_name(effect);
    writeln!(page, "| | {name} | {bounds} | {predicted} | {observed} |").unwrap();
}

fn requests_line(page: &mut String, row: &Row, requests: &Value) {
    let number = |field: &str| requests[field].as_u64().unwrap();
    let count = |least: u64, most: u64| {
        if least == most {
            format!("{most} fail")
        } else {
            format!("{least}–{most} fail")
        }
    };
    let predicted = count(number("leastFailed"), number("mostFailed"));
    let lost = row.lost(requests);
    let observed = count(
        lost.iter().copied().min().unwrap_or_default(),
        lost.iter().copied().max().unwrap_or_default(),
    );
    let service = requests["service"].as_str().unwrap();
    writeln!(
        page,
        "| | requests to {service} | | {predicted} | {observed} |"
    )
    .unwrap();
}

fn range(least: u64, most: u64) -> String {
    format!("{}–{}", seconds(least), seconds(most))
}

/// A range that was not seen in every run says so.
fn seen(range: &str, seen: u64, runs: u64) -> String {
    if seen == runs {
        range.to_owned()
    } else {
        format!("{range} (in {seen} of {runs})")
    }
}

fn words(severity: &str) -> &str {
    match severity {
        "notJudged" => "not judged",
        word => word,
    }
}
