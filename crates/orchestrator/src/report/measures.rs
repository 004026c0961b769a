//! Text for measures: a table of those of the experiment, and the chain of each step's effects.

use std::time::Duration;

use probe_target::model::duration::format;

use super::paint::marked;
use super::table::{bare_table, is_narrow};
use super::wrap::{columns, hanging, wrapped};
use crate::judge::{Judgement, MeasureJudgement};
use crate::printable::one_line;

/// A table with a row for each measure or, on narrow terminals, two lines; none without measures.
pub(crate) fn measures(judgement: &Judgement, width: Option<u16>) -> Option<String> {
    if judgement.measures.is_empty() {
        return None;
    }
    if is_narrow(width) {
        let measures = judgement.measures.iter();
        let lines: Vec<String> = measures
            .flat_map(|measure| lines(&row(measure), columns(width)))
            .collect();
        return Some(lines.join("\n"));
    }
    let mut table = bare_table(width);
    table.set_header(["measure", "verdict", "took", "at most", "between"]);
    for measure in &judgement.measures {
        table.add_row(row(measure));
    }
    Some(table.trim_fmt())
}

/// `✔ pass outage 4.000 s, at most 10s`, and below it the rest.
fn lines([name, verdict, took, at_most, between]: &[String; 5], columns: usize) -> Vec<String> {
    let at_most = match at_most.as_str() {
        "" => String::new(),
        at_most => format!(", at most {at_most}"),
    };
    let took = match took.as_str() {
        "" => String::new(),
        took => format!(" {took}"),
    };
    let mut lines = wrapped(&format!("{verdict} {name}{took}{at_most}"), columns);
    lines.extend(
        between
            .lines()
            .flat_map(|line| hanging("    ", line, columns)),
    );
    lines
}

fn row(measure: &MeasureJudgement) -> [String; 5] {
    let MeasureJudgement {
        name,
        from,
        to,
        took,
        at_most,
        verdict,
        why,
    } = measure;
    let verdict = match (verdict, took, why) {
        (Some(_), _, _) => marked(*verdict),
        (None, Some(_), _) => "· measured".into(),
        (None, None, Some(_)) => "· not seen".into(),
        (None, None, None) => marked(None),
    };
    let why = why.iter().map(|why| format!("\n{}", one_line(why)));
    let between = format!("{} → {}", one_line(from), one_line(to));
    [
        one_line(name).into_owned(),
        verdict,
        took.map_or_else(String::new, |took| format!("{took} s")),
        at_most.map_or_else(String::new, |most| format(Duration::from(most))),
        between + &why.collect::<String>(),
    ]
}

/// A paragraph for each step whose flips had effects; none without any.
pub(crate) fn chains(judgement: &Judgement, width: Option<u16>) -> Option<String> {
    let steps = judgement.steps.iter().filter_map(|step| {
        step.acknowledged?;
        let links = step.chain?.links().into_iter().filter_map(|(name, at)| {
            let since = step.since_acknowledged(at)?;
            Some(format!("{name} {since} s"))
        });
        let name = format!("{}: flip", one_line(&step.name));
        let parts: Vec<String> = [name].into_iter().chain(links).collect();
        Some(joined(&parts, columns(width)))
    });
    let steps: Vec<String> = steps.collect();
    (!steps.is_empty()).then(|| steps.join("\n"))
}

/// Joins the parts by arrows; a line that would be wider than `width` breaks before one.
fn joined(parts: &[String], width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        let next = format!(" → {part}");
        match lines.last_mut() {
            None => lines.extend(wrapped(part, width)),
            Some(line) if line.chars().count() + next.chars().count() <= width => *line += &next,
            Some(_) => lines.extend(hanging("  → ", part, width)),
        }
    }
    lines.join("\n")
}
