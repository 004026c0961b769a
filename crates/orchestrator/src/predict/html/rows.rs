//! The rows of a prediction as tables, each linked to its lane.

use maud::{Markup, html};

use super::{
    super::{
        answer::Answer,
        answer_text::{follows, reason},
        comparison::{Comparison, marked},
        impact_severity::ImpactSeverity,
    },
    lanes::{SubjectRows, by_subject, first, label},
};
use crate::report::html::{Text, lane_id, row_id};

/// A row for each answer about a subject, which has this number.
pub(super) fn rows(number: usize, subject: &SubjectRows<'_>, page: &str) -> Markup {
    html! {
        div.table { table {
            (head())
            tbody {
                @for (index, answer) in &subject.rows {
                    (row(answer, &lane_id(page, (number, *index))))
                }
            }
        } }
    }
}

fn head() -> Markup {
    html! {
        thead { tr {
            th scope="col" { "Fails" }
            th scope="col" { "Pods" }
            th scope="col" { "Severity" }
            th scope="col" { "Why, and what follows" }
        } }
    }
}

fn row(answer: &Answer, lane: &str) -> Markup {
    let first = first(answer);
    html! {
        tr id=(row_id(lane)) data-lane=[first.map(|_| lane)]
            data-from=[first.map(|first| first.from.0)] data-to=[first.map(|first| first.to.0)]
            data-at=[first.and_then(|first| first.at).map(|at| at.0)]
        {
            td {
                @if first.is_some() {
                    a href={ "#" (lane) } { (Text(&answer.fails)) }
                } @else { (Text(&answer.fails)) }
            }
            (cells(answer))
        }
    }
}

/// What is alike in both tables.
fn cells(answer: &Answer) -> Markup {
    let reason = reason(answer);
    let follows = follows(answer).into_iter().filter(|line| *line != reason);
    let follows: Vec<String> = follows.collect();
    html! {
        td { (Text(&answer.pods)) }
        td { (severity(answer.severity)) }
        td {
            (Text(&reason))
            @if !follows.is_empty() { small { (Text(&follows.join("; "))) } }
            @if let Some(assumption) = answer.assumption { small { (Text(assumption)) } }
            @if let Some(experiment) = &answer.experiment {
                small { "experiment " code { (Text(experiment)) } }
            }
        }
    }
}

fn severity(severity: ImpactSeverity) -> Markup {
    let class = match severity {
        ImpactSeverity::Outage | ImpactSeverity::Unnoticed => "fail",
        ImpactSeverity::None => "pass",
        _ => "",
    };
    html! { span class={ "verdict " (class) } { (severity) } }
}

/// A link to the row with this number.
pub(super) fn row_link(subjects: &[SubjectRows<'_>], row: usize, page: &str) -> Markup {
    let numbered = subjects.iter().enumerate().find_map(|(number, subject)| {
        let found = subject.rows.iter().find(|(index, _)| *index == row)?;
        Some((number, subject, found.1))
    });
    html! {
        @if let Some((number, subject, answer)) = numbered {
            a href={ "#" (row_id(&lane_id(page, (number, row)))) } {
                (Text(&subject.name)) " " (Text(&label(answer)))
            }
        }
    }
}

/// The rows that differ, before the change and after it.
pub(super) fn compared(rows: &[Comparison]) -> Markup {
    let differing: Vec<Comparison> = rows.iter().filter(|row| row.differs()).cloned().collect();
    html! {
        h2 { "What the change makes different" }
        @if differing.is_empty() { p { "No row differs by more than chance." } }
        @else { div.table { table {
            caption { "A row with - is before the change, one with + after it." }
            (head())
            @for subject in by_subject(&marked(&differing)) {
                tbody {
                    tr { th colspan="4" scope="rowgroup" { (Text(&subject.name)) } }
                    @for (_, answer) in subject.rows {
                        tr { td { (Text(&answer.fails)) } (cells(answer)) }
                    }
                }
            }
        } } }
    }
}
