//! The page: its head, one section an experiment, the legend.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::percentiles;
use super::section::verdict_mark;
use super::shown::Text;
use super::svg::{MARKS, SPANS, swatch};
use crate::judge::Verdict;
use crate::report::paint::marked;
use crate::report::repetition::Repetition;

/// Written by hand, and the only script and style.
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
const SYMBOLS: &str = include_str!("symbols.svg");

/// Nothing is loaded, whatever the page contains.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/// The section of one experiment.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The section's place.
    pub(super) id: String,
    /// The experiment's name.
    pub(super) name: String,
    /// Of several runs, that of the run which is shown.
    pub(super) verdict: Verdict,
    /// The sum of several runs; empty for one.
    pub(super) sum: String,
    pub(super) body: String,
}

impl Entry {
    /// The section with the sum of all runs.
    pub(crate) fn with_sum(self, repetition: &Repetition) -> Self {
        Self {
            sum: percentiles::sum(repetition).into_string(),
            ..self
        }
    }

    /// `two-services: ✔ pass`
    fn title(&self) -> String {
        format!("{}: {}", self.name, marked(Some(self.verdict)))
    }
}

/// A whole document with this title. It has the script, the style and the symbols of the lanes.
pub(crate) fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (Text(title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (PreEscaped(SYMBOLS))
                (body)
                footer {
                    p { "Written by probeflip " (env!("CARGO_PKG_VERSION")) "." }
                }
                div.record role="status" aria-live="polite" hidden {
                    strong {} span {} small {}
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

/// How a command ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End<'e> {
    /// The total, a sentence.
    pub(crate) total: &'e str,
    /// The names of the experiments that did not run.
    pub(crate) not_run: &'e [&'e str],
    /// Everything that went wrong.
    pub(crate) errors: &'e [String],
}

/// The whole page.
pub(super) fn page(entries: &[Entry], end: &End<'_>) -> Markup {
    let title = match entries {
        [one] => format!("{} – probeflip", one.title()),
        _ => "probeflip report".to_owned(),
    };
    let body = html! {
        header {
            h1 { "probeflip report" }
            p { (Text(end.total)) }
            @if entries.len() > 1 {
                nav aria-label="Experiments" {
                    ol {
                        @for entry in entries {
                            li { a href={ "#" (entry.id) } { (Text(&entry.title())) } }
                        }
                    }
                }
            }
            @if !end.not_run.is_empty() {
                p { "Not run: " (Text(&end.not_run.join(", "))) }
            }
            @if !end.errors.is_empty() {
                h2 { "Errors" }
                ul { @for error in end.errors { li { (Text(error)) } } }
            }
        }
        main {
            @for entry in entries {
                section id=(entry.id) aria-label=(Text(&entry.title())) {
                    h2 {
                        (Text(&entry.name))
                        @if entry.sum.is_empty() { " " (verdict_mark(entry.verdict)) }
                    }
                    (PreEscaped(&entry.sum))
                    (PreEscaped(&entry.body))
                }
            }
            (legend())
        }
    };
    document(&title, &body)
}

fn legend() -> Markup {
    html! {
        section id="legend" aria-label="Legend" {
            h2 { "Legend" }
            ul.legend {
                @for (class, meaning) in SPANS {
                    li { (swatch(class)) (meaning) }
                }
                @for (name, meaning) in MARKS {
                    li {
                        svg aria-hidden="true" {
                            use href={ "#m-" (name) } x="16" y="7" {}
                        }
                        (meaning)
                    }
                }
            }
            p {
                "Each lane is one object over the time of the run; its text says what was recorded \
                 and when. Dashed lines are the times at which a step's action was acknowledged. \
                 Answers of a target are drawn where its journal was read: that of a flipped \
                 target."
            }
        }
    }
}
