//! The verdicts as a table or, on narrow terminals, as a list, and details of expectations that did
//! not hold or were only observed.

use comfy_table::{ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle};

use super::paint::{mark, marked};
use super::wrap::{columns, hanging, wrapped};
use crate::judge::{Finding, Judgement, StepJudgement, Verdict};
use crate::printable::one_line;

/// A table style whose only line is the one below the header.
const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none())
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .content_lines(ContentLineStyle::none());

/// On narrower terminals a table's row becomes two lines.
const MIN_TABLE: u16 = 100;

/// All expectations with their verdicts.
pub(super) fn verdicts(judgement: &Judgement, width: Option<u16>) -> String {
    if is_narrow(width) {
        list(judgement, columns(width))
    } else {
        table(judgement, width)
    }
}

/// Whether a terminal is too narrow for tables.
pub(crate) fn is_narrow(width: Option<u16>) -> bool {
    width.is_some_and(|width| width < MIN_TABLE)
}

/// A heading for each step, and below it two lines or more for each expectation.
fn list(judgement: &Judgement, columns: usize) -> String {
    let findings = judgement.steps.iter().flat_map(|step| &step.findings);
    let marks = findings.map(|finding| verdict(finding).chars().count());
    let widest = marks.max().unwrap_or(0);
    let mut lines = Vec::new();
    for step in judgement
        .steps
        .iter()
        .filter(|step| !step.findings.is_empty())
    {
        lines.extend(wrapped(&one_line(&step.name), columns));
        for finding in &step.findings {
            let at = at(step, finding);
            let at = if at.is_empty() {
                at
            } else {
                format!(" at {at}")
            };
            let start = format!("  {:widest$}  ", verdict(finding));
            lines.extend(hanging(
                &start,
                &format!("{}{at}", one_line(&finding.id)),
                columns,
            ));
            for line in expected(finding).lines() {
                lines.extend(hanging("      ", line, columns));
            }
        }
    }
    lines.join("\n")
}

/// A table with a row for each expectation.
fn table(judgement: &Judgement, width: Option<u16>) -> String {
    let mut table = bare_table(width);
    table.set_header(["step", "expectation", "verdict", "at", "expected"]);
    for step in &judgement.steps {
        for (index, finding) in step.findings.iter().enumerate() {
            let name = if index == 0 { step.name.as_str() } else { "" };
            let verdict = verdict(finding);
            table.add_row([
                one_line(name),
                one_line(&finding.id),
                verdict.into(),
                at(step, finding).into(),
                expected(finding).into(),
            ]);
        }
    }
    table.trim_fmt()
}

/// A table without rows that wraps its cells to `width` columns.
pub(crate) fn bare_table(width: Option<u16>) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE);
    if let Some(width) = width {
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width);
    }
    table
}

/// A paragraph for each expectation that did not hold, with what was observed instead, and for each
/// `observe`.
pub(crate) fn details(judgement: &Judgement, width: Option<u16>) -> Vec<String> {
    let columns = columns(width);
    let paragraph = |text: String| wrapped(&text, columns).join("\n");
    let missing = judgement
        .missing
        .iter()
        .map(|missing| format!("the steady state was not reached: {}", one_line(missing)));
    let causes = judgement.causes.iter().map(|cause| one_line(cause));
    let causes: Vec<_> = causes
        .flat_map(|cause| hanging("  ", &cause, columns))
        .collect();
    let causes = (!causes.is_empty()).then(|| format!("possible causes:\n{}", causes.join("\n")));
    let unreached = judgement.steps.iter().flat_map(|step| {
        let mark = marked(Some(Verdict::Inconclusive));
        let flips = step.unreached.iter().map(|flip| one_line(flip));
        flips.map(move |flip| format!("{mark} step {}: {flip}", one_line(&step.name)))
    });
    let findings = judgement
        .steps
        .iter()
        .flat_map(|step| step.findings.iter().map(move |finding| (step, finding)));
    let shown = findings.filter(|(_, finding)| {
        finding
            .verdict
            .is_some_and(|verdict| finding.observed || verdict != Verdict::Pass)
    });
    let missing = missing.map(paragraph).chain(causes);
    missing
        .chain(unreached.map(paragraph))
        .chain(shown.map(|(step, finding)| detail(step, finding, columns)))
        .collect()
}

fn detail(step: &StepJudgement, finding: &Finding, columns: usize) -> String {
    let Finding {
        id, expected, seen, ..
    } = finding;
    let head = format!(
        "{} {} ({})",
        mark(finding),
        one_line(id),
        one_line(&step.name)
    );
    let mut lines = wrapped(&head, columns);
    if !finding.observed {
        lines.extend(hanging("  expected  ", &one_line(expected), columns));
    }
    lines.extend(hanging("  seen      ", &one_line(seen), columns));
    lines.join("\n")
}

/// What was expected, then a line for each client's requests.
fn expected(finding: &Finding) -> String {
    let requests = finding.requests.iter().map(ToString::to_string);
    let lines = [finding.expected.clone()].into_iter().chain(requests);
    let lines: Vec<String> = lines.map(|line| one_line(&line).into_owned()).collect();
    lines.join("\n")
}

/// The verdict of a finding as a mark and, if its condition was true before the step began, the
/// words `already true`.
fn verdict(finding: &Finding) -> String {
    let mark = mark(finding);
    if finding.already_true {
        format!("{mark}, already true")
    } else {
        mark
    }
}

fn at(step: &StepJudgement, finding: &Finding) -> String {
    let since = step.since_acknowledged(finding.at);
    since.map_or_else(String::new, |since| format!("{since} s"))
}
