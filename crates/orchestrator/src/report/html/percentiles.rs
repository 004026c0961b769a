//! The sum of repeated runs: how many passed, and the percentiles of their times.

use maud::{Markup, html};

use super::shown::Text;
use crate::exit::Exit;
use crate::report::repetition::{Repetition, RunSum};

/// The sum, before the section of the one run that is shown.
pub(super) fn sum(repetition: &Repetition) -> Markup {
    let all = repetition.runs.len();
    let counts = [
        ("passed", repetition.count(Exit::Held)),
        ("failed", repetition.count(Exit::Failed)),
        ("inconclusive", repetition.count(Exit::Inconclusive)),
        ("ended by an error", repetition.errors()),
    ];
    let labels = repetition.not_passed().map(RunSum::label);
    let labels: Vec<String> = labels.collect();
    let which = if labels.is_empty() {
        "the first run"
    } else {
        "the first run that did not pass"
    };
    html! {
        p {
            (all) " of " (repetition.asked) " runs"
            @for (word, number) in counts { @if number > 0 { ", " (number) " " (word) } }
            "."
            @if !labels.is_empty() {
                " Did not pass (by seed, else by number): " (Text(&labels.join(", "))) "."
            }
        }
        h3 { "Times of all runs" }
        div.table { table {
            caption {
                "In seconds. Each percentile is a time that was measured, by nearest rank: p50 \
                 from 2 samples on, p90 from 10, p99 from 100."
            }
            thead { tr {
                th scope="col" { "Step" }
                th scope="col" { "From its flip to" }
                @for name in ["n", "min", "p50", "p90", "p99", "max"] {
                    th.number scope="col" { (name) }
                }
            } }
            tbody { @for sampled in repetition.measures() { tr {
                td { (Text(sampled.step.as_deref().unwrap_or("measure"))) }
                td { (Text(&sampled.name)) }
                td.number { (sampled.number()) }
                @for time in sampled.times() {
                    td.number { @if let Some(time) = time { (time) } }
                }
            } } }
        } }
        p { "Below is " (which) "." }
    }
}
