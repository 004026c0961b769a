//! A prediction as one HTML page: findings, rows with their severity, and when effects follow as
//! lanes.
//!
//! The page has the style, the script and the lanes of a run's report.

mod lanes;
mod rows;

use maud::{Markup, html};

use super::{
    answer::Answer, answer_text::counts, basis::Basis, comparison::Comparison, finding::Finding,
};
use crate::{
    input::source::Source,
    report::html::{Lines, Text, chart, document, keys, sources, symbol, tools},
};
use lanes::{LOOKS, SubjectRows, by_subject, picture};
use rows::{compared, row_link, rows};

/// What the places of tables and lanes begin with.
const PAGE: &str = "p";

/// What the page shows.
#[derive(Debug)]
pub(crate) struct PredictionPage<'a> {
    pub(crate) basis: &'a Basis,
    pub(crate) answers: &'a [Answer],
    pub(crate) findings: &'a [Finding],
    /// The rows before and after `--set`.
    pub(crate) comparison: Option<&'a [Comparison]>,
    /// What `--advise` found, in lines, and the patches.
    pub(crate) advice: Option<(&'a str, &'a str)>,
    /// What stand-ins do not keep.
    pub(crate) notes: &'a [String],
    /// The files of the manifests.
    pub(crate) files: &'a [&'a Source],
    /// The command that predicts it again.
    pub(crate) again: &'a str,
}

impl PredictionPage<'_> {
    /// The whole page.
    pub(crate) fn html(&self) -> String {
        let title = format!("{} – probeflip predict", counts(self.answers));
        document(&title, &self.body()).into_string()
    }

    fn body(&self) -> Markup {
        let subjects = by_subject(self.answers);
        html! {
            header {
                h1 { "probeflip prediction" }
                p { (Text(&counts(self.answers))) }
                dl.facts {
                    dt { "Again" }
                    dd { code { (Text(self.again)) } }
                }
                p { (Text(&self.basis.text())) }
            }
            main {
                (self.findings(&subjects))
                (self.advice())
                @if let Some(comparison) = self.comparison { (compared(comparison)) }
                @for (number, subject) in subjects.iter().enumerate() {
                    section aria-label=(Text(&subject.name)) {
                        h2 { (Text(&subject.name)) }
                        (rows(number, subject, PAGE))
                        (lanes(number, subject))
                    }
                }
                h2 { "Input" }
                (self.notes())
                (sources(self.files))
                (legend())
            }
        }
    }

    fn findings(&self, subjects: &[SubjectRows<'_>]) -> Markup {
        html! {
            @if !self.findings.is_empty() {
                h2 { "What to change" }
                ol { @for finding in self.findings { li {
                    (Text(&finding.message))
                    small {
                        "Rows: "
                        @for (index, row) in finding.rows.iter().enumerate() {
                            @if index > 0 { "; " }
                            (row_link(subjects, *row, PAGE))
                        }
                    }
                } } }
            }
        }
    }

    fn advice(&self) -> Markup {
        html! {
            @if let Some((advice, patches)) = self.advice {
                h2 { "Changes that were tried" }
                pre { (Lines(advice.trim())) }
                @if !patches.is_empty() {
                    details {
                        summary { "All of them as patches" }
                        pre { (Lines(patches)) }
                    }
                }
            }
        }
    }

    fn notes(&self) -> Markup {
        html! {
            @if !self.notes.is_empty() {
                details {
                    summary { "What stand-ins do not keep: " (self.notes.len()) " notes" }
                    ul { @for note in self.notes { li { (Text(note)) } } }
                }
            }
        }
    }
}

/// The lanes of a subject; the first one says how they are read.
fn lanes(number: usize, subject: &SubjectRows<'_>) -> Markup {
    let picture = picture(number, subject);
    let is_empty = picture.groups.iter().all(|group| group.lanes.is_empty());
    html! {
        @if !is_empty {
            h3 { "Lanes" }
            @if number == 0 { p { small {
                "Seconds since the fault. A bar reaches from the earliest to the latest run, a \
                 dashed one from the first to the last moment that the closed formula of a probe \
                 allows."
            } } }
            (tools("whole time", (number == 0).then(keys)))
            (chart(&picture, PAGE))
        }
    }
}

fn legend() -> Markup {
    html! {
        section id="legend" aria-label="Legend" {
            h2 { "Legend" }
            ul.legend { @for (look, meaning) in LOOKS { li { (symbol(look)) (meaning) } } }
            p {
                "Outage: no request to a Service succeeds for at least 1 s. Unnoticed: users or \
                 work suffer, and nothing in Kubernetes shows it. Restart: a container is \
                 restarted. Degraded: some requests fail, Pods are not ready, or, without a \
                 Service, fewer Pods are available."
            }
        }
    }
}

#[cfg(test)]
mod tests;
