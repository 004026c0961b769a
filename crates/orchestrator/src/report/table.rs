//! The table of verdicts, and details of expectations that did not hold or were only observed.

use comfy_table::{ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle};

use super::paint::{mark, marked};
use crate::judge::{Finding, Judgement, StepJudgement, Verdict};
use crate::printable::one_line;

/// A table style whose only line is the one below the header.
const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none())
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .content_lines(ContentLineStyle::none());

/// A table with a row for each expectation.
pub(crate) fn table(judgement: &Judgement, width: Option<u16>) -> String {
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
pub(crate) fn details(judgement: &Judgement) -> Vec<String> {
    let missing = judgement
        .missing
        .iter()
        .map(|missing| format!("the steady state was not reached: {}", one_line(missing)));
    let causes = judgement.causes.iter().map(|cause| one_line(cause));
    let causes: Vec<_> = causes.map(|cause| format!("\n  {cause}")).collect();
    let causes = (!causes.is_empty()).then(|| format!("possible causes:{}", causes.concat()));
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
    missing
        .chain(causes)
        .chain(unreached)
        .chain(shown.map(|(step, finding)| detail(step, finding)))
        .collect()
}

fn detail(step: &StepJudgement, finding: &Finding) -> String {
    let Finding { id, seen, .. } = finding;
    let expected = if finding.observed {
        String::new()
    } else {
        format!("\n  expected  {}", one_line(&finding.expected))
    };
    let (mark, id, step, seen) = (
        mark(finding),
        one_line(id),
        one_line(&step.name),
        one_line(seen),
    );
    format!("{mark} {id} ({step}){expected}\n  seen      {seen}")
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
