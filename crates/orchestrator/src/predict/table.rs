//! The answers as a table for people, as JSON, and as Markdown.

use serde_json::{Value, json};

use super::answer::Answer;
use crate::{printable::one_line, report::bare_table};

/// The columns.
const COLUMNS: [&str; 5] = ["container", "fails", "Pods", "severity", "what follows"];

/// A table with a row for each answer.
pub(crate) fn text(answers: &[Answer], width: Option<u16>) -> String {
    let mut table = bare_table(width);
    table.set_header(COLUMNS);
    for answer in answers {
        let follows: Vec<_> = answer.follows.iter().map(|line| one_line(line)).collect();
        table.add_row([
            one_line(&answer.subject),
            answer.what.as_str().into(),
            answer.pods.as_str().into(),
            answer.severity.to_string().into(),
            follows.join("\n").into(),
        ]);
    }
    table.trim_fmt() + "\n"
}

/// The answers as JSON.
pub(crate) fn json(answers: &[Answer]) -> String {
    let rows: Vec<Value> = answers
        .iter()
        .map(|answer| {
            json!({
                "container": answer.subject,
                "fails": answer.what,
                "pods": answer.pods,
                "severity": answer.severity.to_string(),
                "follows": answer.follows,
            })
        })
        .collect();
    let text = serde_json::to_string_pretty(&json!({ "rows": rows }));
    text.expect("JSON must be printed") + "\n"
}

/// The answers as a Markdown table.
pub(crate) fn markdown(answers: &[Answer]) -> String {
    let line = |cells: [String; 5]| format!("| {} |\n", cells.join(" | "));
    let head = line(COLUMNS.map(str::to_owned)) + "|---|---|---|---|---|\n";
    let rows = answers.iter().map(|answer| {
        let follows: Vec<_> = answer.follows.iter().map(|line| one_line(line)).collect();
        line([
            one_line(&answer.subject).into_owned(),
            answer.what.clone(),
            answer.pods.clone(),
            answer.severity.to_string(),
            follows.join("; "),
        ])
    });
    head + &rows.collect::<String>()
}
