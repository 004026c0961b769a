//! Reports of a run: a timeline as text, a table of verdicts, a summary, and JSON.
//!
//! Pure functions from a timeline and its judgement to text or values. Text has quoted strings on
//! one line and without control characters; values have them unchanged. Colour carries no
//! information of its own.

mod alike;
pub(crate) mod json;
mod line;
pub(crate) mod lint;
mod measures;
mod paint;
pub mod printer;
mod record_changes;
pub(crate) mod repetition;
mod sections;
mod table;
mod wrap;

pub(crate) use measures::{chains, measures};
pub(crate) use paint::Paint;
pub(crate) use sections::{Section, SectionBuilder, sections};
pub(crate) use table::{bare_table, details, table};
pub(crate) use wrap::{hanging, wrapped};

use crate::input::experiment::Experiment;
use crate::judge::{Judgement, Unsteady, Verdict};
use crate::printable::one_line;
use crate::timeline::Timeline;

/// The whole report of one experiment for a terminal. The table wraps its cells to `width` columns.
pub(crate) fn text(
    experiment: &Experiment,
    sections: &[Section],
    timeline: &Timeline,
    judgement: &Judgement,
    width: Option<u16>,
) -> String {
    let mut parts: Vec<String> = sections.iter().map(Section::to_string).collect();
    parts.push(table(judgement, width));
    parts.extend(measures(judgement, width));
    parts.extend(chains(judgement, width));
    parts.extend(details(judgement));
    parts.push(summary(experiment, timeline, judgement));
    parts.join("\n\n") + "\n"
}

/// One line: the verdict, the experiment, the cluster, the duration and the counts of expectations.
pub(crate) fn summary(
    experiment: &Experiment,
    timeline: &Timeline,
    judgement: &Judgement,
) -> String {
    let verdict = paint::marked(Some(judgement.verdict));
    let place = timeline.header().place.to_string();
    let place = one_line(&place);
    let counts = counts(judgement);
    let took = timeline.last();
    let name = one_line(&experiment.name.value);
    format!("{verdict} {name} on {place} in {took} s: {counts}")
}

fn counts(judgement: &Judgement) -> String {
    if let Some(unsteady) = judgement.unsteady {
        let why = match unsteady {
            Unsteady::NotApplied => "its workload was not applied",
            Unsteady::NeverReached => "the steady state was never reached",
            Unsteady::CutOff => "the timeline ends before the steady state is reached",
        };
        return why.into();
    }
    let verdicts: Vec<Option<Verdict>> = judgement
        .steps
        .iter()
        .flat_map(|step| &step.findings)
        .filter(|finding| !finding.observed)
        .map(|finding| finding.verdict)
        .collect();
    let all = verdicts.len();
    if all == 0 {
        return "nothing was expected".into();
    }
    let count = |wanted: Option<Verdict>| {
        verdicts
            .iter()
            .filter(|verdict| **verdict == wanted)
            .count()
    };
    let mut parts = vec![format!(
        "{} of {all} expectations held",
        count(Some(Verdict::Pass))
    )];
    for (wanted, word) in [
        (Some(Verdict::Fail), "failed"),
        (Some(Verdict::Inconclusive), "inconclusive"),
        (None, "not run"),
    ] {
        if count(wanted) > 0 {
            parts.push(format!("{} {word}", count(wanted)));
        }
    }
    let measures = judgement.measures.iter();
    for (wanted, word) in [
        (Verdict::Fail, "failed"),
        (Verdict::Inconclusive, "inconclusive"),
    ] {
        let of_verdict = measures.clone().filter(|it| it.verdict == Some(wanted));
        match of_verdict.count() {
            0 => {}
            1 => parts.push(format!("1 measure {word}")),
            number => parts.push(format!("{number} measures {word}")),
        }
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests;
