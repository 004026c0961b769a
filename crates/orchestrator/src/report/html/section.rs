//! The section of one run: verdicts, measures, lanes, changes as text, and its files.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::picture::picture;
use super::shown::{Lines, Text};
use super::svg::{chart, lane_id, row_id};
use crate::input::experiment::{Experiment, Source};
use crate::judge::{Becoming, Finding, Judgement, Lasting, StepJudgement, Verdict, Window};
use crate::report::lanes::USERS;
use crate::report::line::relative;
use crate::report::paint::{mark, marked};
use crate::report::{Section, sections};
use crate::timeline::{Micros, Timeline};

/// The first section, which alone lists the keys.
const FIRST: &str = "x1";

/// Length in characters from which a text is folded.
const FOLDED: usize = 400;

/// A judged run, and what it was made from.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) experiment: &'a Experiment,
    pub(crate) timeline: &'a Timeline,
    pub(crate) judgement: &'a Judgement,
    /// The files of the workload.
    pub(crate) files: &'a [&'a Source],
    /// The command that makes the run again.
    pub(crate) again: &'a str,
}

/// The body of the section with this ID.
pub(super) fn section(run: &Run<'_>, id: &str) -> Markup {
    let Run {
        experiment,
        timeline,
        judgement,
        ..
    } = run;
    let picture = picture(experiment, timeline, judgement);
    html! {
        @if let Some(description) = &experiment.description { p { (Text(description)) } }
        (facts(run))
        (unsteady(judgement))
        h3 { "Verdicts" }
        (verdicts(run, id))
        (measures(judgement))
        (chains(judgement))
        h3 id={ (id) "-lanes" } { "Lanes" }
        (tools("whole run", (id == FIRST).then(keys)))
        (chart(&picture, id))
        p { small {
            "Records of one row and shape within the same " (picture.resolution) " s (answers to \
             users: " (Micros(picture.resolution.0 * USERS)) " s) are one mark with a dashed edge, \
             which says how many."
        } }
        (changes(&sections(experiment, timeline)))
        (files(run))
    }
}

/// What zooms the chart below it. `whole` names all of the time.
pub(crate) fn tools(whole: &str, help: Option<Markup>) -> Markup {
    html! {
        div.tools hidden {
            button type="button" data-key="-" aria-label="Zoom out" { "−" }
            button type="button" data-key="+" aria-label="Zoom in" { "+" }
            button type="button" data-key="0" { (whole) }
            output aria-label="Zoom" { "1×" }
            @if let Some(help) = help { (help) }
        }
    }
}

/// The keys of a chart.
pub(crate) fn keys() -> Markup {
    html! {
        span {
            "Zoom: " kbd { "+" } " " kbd { "-" } " " kbd { "0" } " or Ctrl and the wheel. Pan: \
             drag or scroll. In a lane: " kbd { "←" } " " kbd { "→" } " records, " kbd { "↑" }
            " " kbd { "↓" } " lanes, " kbd { "R" } " its row in the table, " kbd { "Enter" }
            " or click pins, " kbd { "Esc" } " lets go."
        }
    }
}

/// A verdict as sign and word.
pub(super) fn verdict_mark(verdict: Verdict) -> Markup {
    html! { span class={ "verdict " (verdict.word()) } { (marked(Some(verdict))) } }
}

fn facts(run: &Run<'_>) -> Markup {
    let header = run.timeline.header();
    let seed = header.seed.map(|seed| seed.to_string());
    html! {
        dl.facts {
            dt { "Cluster" }
            dd { (Text(&header.place.to_string())) ", Kubernetes " (Text(&header.kubernetes)) }
            dt { "Started" }
            dd { (Text(&header.started)) ", took " (run.timeline.last()) " s" }
            dt { "Run" }
            dd {
                (Text(&header.run)) " in namespace " (Text(&header.namespace))
                @if let Some(seed) = seed { ", seed " (seed) }
                ", probeflip " (Text(&header.probeflip))
            }
            dt { "Again" }
            dd { code { (Text(run.again)) } }
        }
    }
}

fn unsteady(judgement: &Judgement) -> Markup {
    html! {
        @for missing in &judgement.missing {
            p { "The steady state was not reached: " (Text(missing)) }
        }
        @if !judgement.causes.is_empty() {
            p { "Possible causes:" }
            ul { @for cause in &judgement.causes { li { (Text(cause)) } } }
        }
    }
}

fn verdicts(run: &Run<'_>, id: &str) -> Markup {
    html! {
        div.table { table {
            caption {
                "Times are seconds since the step's action was acknowledged. A link shows an \
                 expectation in the lanes."
            }
            thead { tr {
                th scope="col" { "Verdict" }
                th scope="col" { "Expectation" }
                th scope="col" { "Window" }
                th.number scope="col" { "At" }
                th scope="col" { "Expected and observed" }
            } }
            tbody {
                @for (number, step) in run.judgement.steps.iter().enumerate() {
                    tr { th colspan="5" scope="rowgroup" {
                        "Step " (number + 1) ", " (Text(&step.name))
                        @for flip in &step.unreached { small { (Text(flip)) } }
                        @if let Some(other) = &step.other_action { small { (Text(other)) } }
                    } }
                    @for (index, finding) in step.findings.iter().enumerate() {
                        (verdict(run, step, finding, (number, index), id))
                    }
                }
            }
        } }
    }
}

fn verdict(
    run: &Run<'_>,
    step: &StepJudgement,
    finding: &Finding,
    place: (usize, usize),
    id: &str,
) -> Markup {
    let expectation = run.experiment.steps.get(place.0);
    let expectation = expectation.and_then(|step| step.expect.get(place.1));
    let is_predicted =
        expectation.is_some_and(|expectation| !expectation.operator.predicted().is_empty());
    let zero = step.acknowledged.unwrap_or_default();
    let since = |at: Micros| relative(at, zero);
    let bounds = bounds(finding, step, run.timeline.last());
    let lane = bounds.map(|_| lane_id(id, place));
    let word = finding.verdict.filter(|_| !finding.observed);
    html! {
        tr id=[lane.as_deref().map(row_id)] data-lane=[lane.as_deref()] data-from=[bounds.map(|(from, _)| from.0)]
            data-to=[bounds.map(|(_, to)| to.0)] data-at=[finding.at.map(|at| at.0)]
        {
            td { span class={ "verdict " (word.map_or("", Verdict::word)) } { (mark(finding)) } }
            td {
                @if let Some(lane) = &lane {
                    a href={ "#" (lane) } { (Text(&finding.id)) }
                } @else { (Text(&finding.id)) }
            }
            td.window {
                @if let Some((from, to)) = bounds { (since(from)) " to " (since(to)) }
                @if is_predicted { small { "predicted" } }
            }
            td.number {
                @if let Some(at) = finding.at { (since(at)) }
                @if finding.already_true { small { "already true" } }
            }
            td {
                (Text(&finding.expected))
                (observed(&finding.seen))
                @for requests in &finding.requests {
                    small { (Text(&requests.to_string())) }
                }
            }
        }
    }
}

/// What was observed; a long text is folded behind its beginning.
fn observed(seen: &str) -> Markup {
    let start: String = seen.chars().take(FOLDED).collect();
    html! {
        @if start.len() < seen.len() {
            details { summary { small { "observed: " (Text(&start)) "…" } } small { (Text(seen)) } }
        } @else if !seen.is_empty() {
            small { "observed: " (Text(seen)) }
        }
    }
}

/// From when to when the condition had to become true, or to be true.
fn bounds(finding: &Finding, step: &StepJudgement, end: Micros) -> Option<(Micros, Micros)> {
    Some(match finding.window? {
        Window::Becoming(Becoming {
            sent,
            not_before,
            within,
            ..
        }) => (not_before.unwrap_or(sent), within),
        Window::Lasting(Lasting { from, to }) => (from, to.or(step.ended).unwrap_or(end)),
    })
}

fn measures(judgement: &Judgement) -> Markup {
    html! {
        @if !judgement.measures.is_empty() {
            h3 { "Measures" }
            div.table { table {
                thead { tr {
                    th scope="col" { "Measure" }
                    th scope="col" { "Verdict" }
                    th.number scope="col" { "Took" }
                    th.number scope="col" { "At most" }
                    th scope="col" { "From and to" }
                } }
                tbody { @for measure in &judgement.measures { tr {
                    td { (Text(&measure.name)) }
                    td { @if let Some(verdict) = measure.verdict { (verdict_mark(verdict)) } }
                    td.number { @if let Some(took) = measure.took { (took) " s" } }
                    td.number { @if let Some(most) = measure.at_most { (most) " s" } }
                    td {
                        (Text(&measure.from)) " → " (Text(&measure.to))
                        @if let Some(why) = &measure.why { small { (Text(why)) } }
                    }
                } } }
            } }
        }
    }
}

fn chains(judgement: &Judgement) -> Markup {
    let chains: Vec<_> = judgement
        .steps
        .iter()
        .filter_map(|step| Some((step, step.chain?)))
        .filter(|(step, _)| step.acknowledged.is_some())
        .collect();
    html! {
        @if !chains.is_empty() {
            h3 { "What followed the flips" }
            @for (step, chain) in chains {
                p { (Text(&step.name)) ":" }
                ol.chain {
                    li { "flip" }
                    @for (name, at) in chain.links() {
                        @if let Some(since) = step.since_acknowledged(at) {
                            li { (name) " " b { (since) " s" } }
                        }
                    }
                }
            }
        }
    }
}

fn changes(sections: &[Section]) -> Markup {
    html! {
        details {
            summary { "All changes as text" }
            @for section in sections {
                h4 { (Text(&section.title)) }
                div.table { table.changes {
                    thead { tr {
                        th.number scope="col" { "Seconds" }
                        th scope="col" { "Object" }
                        th scope="col" { "Change" }
                    } }
                    tbody { @for line in &section.lines { tr {
                        td.number { (relative(line.at, section.zero)) }
                        td { (Text(&line.object)) }
                        td { (Text(&line.change)) }
                    } } }
                } }
            }
        }
    }
}

/// The files of manifests, each once, by path.
pub(crate) fn sources(files: &[&Source]) -> Markup {
    let files = files
        .iter()
        .map(|file| (file.path.display().to_string(), &*file.text));
    let files: BTreeMap<String, &str> = files.collect();
    html! {
        @for (path, text) in &files {
            details {
                summary { "A manifest: " code { (Text(path)) } }
                pre { (Lines(text)) }
            }
        }
    }
}

fn files(run: &Run<'_>) -> Markup {
    let own = &run.experiment.source;
    let others = run.files.iter().filter(|file| file.path != own.path);
    let others: Vec<&Source> = others.copied().collect();
    html! {
        details {
            summary { "The experiment: " code { (Text(&own.path.display().to_string())) } }
            pre { (Lines(&own.text)) }
        }
        (sources(&others))
    }
}
