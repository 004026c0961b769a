//! Results as Markdown, such as for the summary of a CI job: the total, a table of experiments, and
//! details of those that did not pass.

use std::fmt::Write as _;

use super::json::{Chain, Error, Expectation, Repeat, Report, Run, Step};
use super::markdown_table::markdown_table;
use super::markdown_text::markdown_text as escaped;
use super::outcomes::Outcomes;
use super::paint::marked;
use super::repetition::HEADS;
use crate::judge::Verdict;
use crate::timeline::Micros;

/// The results of a command.
pub(crate) fn markdown(report: &Report) -> String {
    let mut parts = vec![format!("## {}\n", escaped(&report.total().text(None)))];
    if !report.repeats.is_empty() {
        parts.push(repeats(&report.repeats));
    } else if !report.experiments.is_empty() {
        parts.push(experiments(&report.experiments));
    }
    let measured = report.repeats.iter().filter(|it| !it.measures.is_empty());
    parts.extend(measured.map(percentiles));
    let runs = report.experiments.iter();
    let mut not_passed: Vec<&Run> = runs.filter(|run| run.verdict != Verdict::Pass).collect();
    // Of repeated runs of an experiment, the first that did not pass.
    not_passed.dedup_by_key(|run| &run.experiment);
    let details = |run| details(run, &report.outcomes);
    parts.extend(not_passed.into_iter().map(details));
    let not_run: Vec<&str> = report.outcomes.not_run().collect();
    if !not_run.is_empty() {
        parts.push(format!("Not run: {}\n", escaped(&not_run.join(", "))));
    }
    if !report.errors.is_empty() {
        parts.push(errors(&report.errors));
    }
    parts.join("\n")
}

/// A table with a row for each experiment.
fn experiments(runs: &[Run]) -> String {
    let rows = runs.iter().map(|run| {
        let (held, all) = run.counts();
        [
            marked(Some(run.verdict)),
            escaped(&run.experiment),
            escaped(&run.place.to_string()),
            format!("{} s", run.took),
            format!("{held} of {all} held"),
        ]
    });
    markdown_table(
        ["verdict", "experiment", "on", "time", "expectations"],
        rows,
    )
}

/// A table with a row for the runs of each experiment.
fn repeats(repeats: &[Repeat]) -> String {
    let rows = repeats.iter().map(|repeat| {
        let Repeat {
            runs,
            passed,
            failed,
            inconclusive,
            errors,
            ..
        } = repeat;
        let counts = [runs, passed, failed, inconclusive, errors].map(ToString::to_string);
        let [runs, passed, failed, inconclusive, errors] = counts;
        [
            escaped(&repeat.experiment),
            runs,
            passed,
            failed,
            inconclusive,
            errors,
        ]
    });
    let columns = [
        "experiment",
        "runs",
        "passed",
        "failed",
        "inconclusive",
        "errors",
    ];
    markdown_table(columns, rows)
}

/// The percentiles of the runs of an experiment.
fn percentiles(repeat: &Repeat) -> String {
    let rows = repeat.measures.iter().map(|measure| {
        let times = measure
            .named()
            .map(|(_, at)| at.map_or_else(String::new, |at| at.to_string()));
        let [min, p50, p90, p99, max] = times;
        let step = measure.step.as_deref().unwrap_or("measures");
        let samples = measure.samples.to_string();
        [
            escaped(step),
            escaped(&measure.name),
            samples,
            min,
            p50,
            p90,
            p99,
            max,
        ]
    });
    let [min, p50, p90, p99, max] = HEADS;
    let columns = ["step", "measure", "n", min, p50, p90, p99, max];
    let title = escaped(&repeat.experiment);
    let table = markdown_table(columns, rows);
    format!(
        "### {title}: times of {} runs in seconds\n\n{table}",
        repeat.runs
    )
}

/// All expectations of a run, and what was seen.
fn details(run: &Run, outcomes: &Outcomes) -> String {
    let mark = marked(Some(run.verdict));
    let seed = run
        .seed
        .map_or_else(String::new, |seed| format!(", seed {seed}"));
    let (name, file) = (escaped(&run.experiment), escaped(&run.file));
    let mut text = format!("### {mark} {name}{seed}\n\n{file}\n\n");
    if outcomes.is_interrupted(&run.experiment) {
        text += "- a signal ended the run\n";
    }
    for missing in &run.missing {
        writeln!(
            text,
            "- the steady state was not reached: {}",
            escaped(missing)
        )
        .expect("a String must take text");
    }
    for cause in &run.causes {
        writeln!(text, "- possible cause: {}", escaped(cause)).expect("a String must take text");
    }
    let unreached = run.steps.iter().flat_map(|step| &step.unreached);
    for flip in unreached {
        writeln!(text, "- {}", escaped(flip)).expect("a String must take text");
    }
    if !text.ends_with("\n\n") {
        text.push('\n');
    }
    let rows = run.steps.iter().flat_map(|step| {
        step.expectations.iter().map(|it| {
            [
                escaped(&step.name),
                escaped(&it.id),
                verdict(step, it),
                it.at.map_or_else(String::new, |at| format!("{at} s")),
                escaped(&it.expected),
                escaped(&it.seen),
            ]
        })
    });
    text += &markdown_table(
        ["step", "expectation", "verdict", "at", "expected", "seen"],
        rows,
    );
    for step in &run.steps {
        let links = step.chain.iter().flat_map(Chain::links);
        let links = links.filter_map(|(link, at)| Some(format!(" → {link} {} s", at?)));
        let links: String = links.collect();
        if !links.is_empty() {
            write!(text, "\n{}: flip{links}\n", escaped(&step.name))
                .expect("a String must take text");
        }
    }
    if !run.measures.is_empty() {
        text.push('\n');
        text += &measures(run);
    }
    text
}

fn verdict(step: &Step, expectation: &Expectation) -> String {
    if expectation.observed && step.verdict.is_some() {
        "· observed".to_owned()
    } else {
        marked(expectation.verdict)
    }
}

fn measures(run: &Run) -> String {
    let seconds = |time: Option<Micros>| time.map_or_else(String::new, |time| format!("{time} s"));
    let rows = run.measures.iter().map(|measure| {
        let verdict = measure
            .verdict
            .map_or_else(String::new, |it| marked(Some(it)));
        let between = format!("{} → {}", measure.from, measure.to);
        let why = measure.why.as_deref().unwrap_or_default();
        let (took, at_most) = (seconds(measure.took), seconds(measure.at_most));
        [
            escaped(&measure.name),
            verdict,
            took,
            at_most,
            escaped(&between),
            escaped(why),
        ]
    });
    markdown_table(
        ["measure", "verdict", "took", "at most", "between", "why"],
        rows,
    )
}

fn errors(errors: &[Error]) -> String {
    let mut text = "### Errors\n\n".to_owned();
    for error in errors {
        let experiment = error
            .experiment
            .iter()
            .map(|name| format!("{}: ", escaped(name)));
        let lines = [&error.message].into_iter().chain(&error.hints);
        let lines: Vec<String> = lines.map(|line| escaped(line)).collect();
        writeln!(
            text,
            "- {}{}",
            experiment.collect::<String>(),
            lines.join("; ")
        )
        .expect("a String must take text");
    }
    text
}

#[cfg(test)]
mod tests;
