//! The answers as a table for people, and as Markdown.

use super::{
    answer::Answer,
    answer_text::{follows, reason},
};
use crate::{printable::one_line, report::bare_table};

/// The columns.
const COLUMNS: [&str; 5] = ["container", "fails", "Pods", "severity", "what follows"];

/// A table with a row for each answer.
pub(crate) fn text(answers: &[Answer], width: Option<u16>) -> String {
    let mut table = bare_table(width);
    table.set_header(COLUMNS);
    for answer in answers {
        let [subject, fails, pods, severity, reason, follows] = cells(answer, "\n");
        table.add_row([
            subject,
            fails,
            pods,
            format!("{severity}: {reason}"),
            follows,
        ]);
    }
    table.trim_fmt() + "\n"
}

/// The answers as a Markdown table.
pub(crate) fn markdown(answers: &[Answer]) -> String {
    let line = |cells: [&str; 5]| format!("| {} |\n", cells.join(" | "));
    let head = line(COLUMNS) + "|---|---|---|---|---|\n";
    let rows = answers.iter().map(|answer| {
        let cells = cells(answer, "; ");
        let [subject, fails, pods, severity, reason, follows] =
            cells.map(|cell| cell.replace('|', r"\|"));
        let severity = format!("{severity}: {reason}");
        line([&subject, &fails, &pods, &severity, &follows])
    });
    head + &rows.collect::<String>()
}

/// The cells of an answer, each line escaped: the severity apart from its reason.
fn cells(answer: &Answer, between: &str) -> [String; 6] {
    let line = |text: &str| one_line(text).into_owned();
    let follows: Vec<String> = follows(answer).iter().map(|text| line(text)).collect();
    [
        line(&answer.subject()),
        answer.fails.clone(),
        answer.pods.clone(),
        answer.severity.to_string(),
        line(&reason(&answer.reason)),
        follows.join(between),
    ]
}
