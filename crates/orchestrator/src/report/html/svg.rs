//! Lanes as markup: a label, the names of the rows, and one SVG a lane.
//!
//! Times are percentages of the time axis, so that the page zooms by making it wider.

use maud::{Markup, html};

use super::picture::Picture;
use super::shown::Text;
use super::when::When;
use crate::report::lanes::{Group, Lane, Mark, MarkLook, Row, Span, SpanLook, Subject};
use crate::timeline::Micros;

/// Height of a row in pixels, and of one whose spans have levels.
const HEIGHT: u32 = 18;
const TALL: u32 = 40;

/// Space above and below what a row shows.
const PAD: u32 = 3;

/// A span with a label takes at least one part in so many of the time axis.
const LABELLED: u64 = 400;

/// Number of texts that a mark lists.
const LISTED: usize = 8;

/// Number of parts of the time axis.
const TICKS: u64 = 10;

/// The lanes of a picture, with its time axis. `id` is the section's.
pub(crate) fn chart(picture: &Picture, id: &str) -> Markup {
    let Picture {
        end, when, groups, ..
    } = picture;
    let place = Place { end: *end, when };
    html! {
        div.chart tabindex="0" role="region" aria-label="Lanes over time" data-end=(end.0) {
            div.canvas {
                (place.lines())
                div.row.axis {
                    div.name { "seconds" }
                    (place.axis())
                }
                @for group in groups {
                    h4 { span { (Text(&group.title)) } }
                    (place.group(group, id))
                }
            }
        }
    }
}

/// The place of the lane in the page whose row of a table has this part and number.
pub(crate) fn lane_id(section: &str, (step, number): (usize, usize)) -> String {
    format!("{section}-{}-{}", step + 1, number + 1)
}

/// The part and number of the row of the table that a lane is of.
fn listed(lane: &Lane) -> Option<(usize, usize)> {
    match lane.subject {
        Subject::Expectation(step, number) => Some((step, number)),
        Subject::Answer(table, number) => Some((table, number)),
        _ => None,
    }
}

/// The place of the row whose lane is there.
pub(crate) fn row_id(lane: &str) -> String {
    format!("{lane}-row")
}

/// How a span looks, for a legend.
pub(crate) fn symbol(look: SpanLook) -> Markup {
    swatch(span_class(look))
}

/// A small span of this class.
pub(super) fn swatch(class: &str) -> Markup {
    html! {
        svg aria-hidden="true" {
            rect class={ "s " (class) } x="1" y="1" width="30" height="12" {}
        }
    }
}

/// From times to places and texts.
struct Place<'a> {
    end: Micros,
    when: &'a When,
}

impl Place<'_> {
    /// A time as a part of the axis: `12.3456%`.
    fn at(&self, at: Micros) -> String {
        percent(at, self.end)
    }

    /// Lines through all lanes at each time 0 of a step.
    fn lines(&self) -> Markup {
        html! {
            svg.lines aria-hidden="true" {
                g.grid {
                    @for tick in ticks(self.end) {
                        @let x = self.at(tick);
                        line x1=(x) x2=(x) y1="0" y2="100%" {}
                    }
                }
                @for (zero, _) in self.when.zeros() {
                    @let x = self.at(*zero);
                    line.zero x1=(x) x2=(x) y1="0" y2="100%" {}
                }
                rect.chosen x="0" y="0" width="0" height="100%" {}
                line.chosen x1="-9" x2="-9" y1="0" y2="100%" {}
            }
        }
    }

    fn axis(&self) -> Markup {
        html! {
            svg.track height=(HEIGHT) paint-order="stroke" role="img" aria-label="Time axis in seconds" {
                @for tick in ticks(self.end) {
                    text.tick.first[tick == Micros::ZERO] x=(self.at(tick)) y="13" {
                        (seconds(tick))
                    }
                }
                @for (zero, step) in self.when.zeros() {
                    text.zero x=(self.at(*zero)) y="13" { "▾ step " (step) }
                }
            }
        }
    }

    fn group(&self, group: &Group, section: &str) -> Markup {
        html! {
            @for lane in &group.lanes {
                @let id = listed(lane).map(|place| lane_id(section, place));
                (self.lane(lane, id.as_deref()))
            }
        }
    }

    fn lane(&self, lane: &Lane, id: Option<&str>) -> Markup {
        let height: u32 = lane.rows.iter().map(height_of).sum();
        let (spans, marks) = counts(lane);
        html! {
            div.row.lane id=[id] tabindex="-1" role="group"
                style=[(height != HEIGHT).then(|| format!("--high:{}px", height + 1))]
                aria-label={ (Text(&lane.label)) ": " (spans) " states, " (marks) " records" }
            {
                div.name {
                    span.label {
                        @if let Some(id) = id {
                            a href={ "#" (row_id(id)) } { (Text(&lane.label)) }
                        } @else { (Text(&lane.label)) }
                    }
                    span.rows {
                        @for row in &lane.rows {
                            span style={ "height:" (height_of(row)) "px" } { (Text(&row.name)) }
                        }
                    }
                }
                svg.track height=(height) paint-order="stroke" aria-hidden="true" { (self.rows(&lane.rows)) }
            }
        }
    }

    fn rows(&self, rows: &[Row]) -> Markup {
        let mut below = 0;
        let placed = rows.iter().map(|row| {
            let (top, height) = (below, height_of(row));
            below += height;
            (row, top, height)
        });
        html! {
            @for (row, top, height) in placed {
                @for span in &row.spans { (self.span(span, top, height)) }
                @for mark in &row.marks { (self.mark(mark, top + height / 2)) }
            }
        }
    }

    fn span(&self, span: &Span, top: u32, height: u32) -> Markup {
        let Span {
            from,
            to,
            look,
            level,
            label,
            text,
        } = span;
        let inner = height - 2 * PAD;
        let of = level.of.max(1);
        let tall = (inner * (level.high - level.low) / of).max(2);
        let y = top + PAD + inner - (inner * level.high / of).max(2);
        let (x, width) = (
            self.at(*from),
            percent(Micros::from(to.since(*from)), self.end),
        );
        let title = html! {
            title {
                (Text(text)) " · " (self.when.text(*from)) " to " (self.when.text(*to))
            }
        };
        let class = span_class(*look);
        let is_wide = to.since(*from).as_micros() * u128::from(LABELLED) >= u128::from(self.end.0);
        if !is_wide || label.is_empty() || tall < 10 {
            return html! {
                rect class={ "s " (class) } x=(x) y=(y) width=(width) height=(tall)
                    data-t=(from.0) { (title) }
            };
        }
        html! {
            svg class={ "s " (class) } x=(x) y=(y) width=(width) height=(tall)
                data-t=(from.0)
            {
                (title)
                rect width="100%" height="100%" {}
                text x="7" y="10" { (Text(label)) }
            }
        }
    }

    fn mark(&self, mark: &Mark, y: u32) -> Markup {
        let Mark {
            at,
            until,
            number,
            look,
            texts,
        } = mark;
        let more = texts.len().saturating_sub(LISTED);
        html! {
            use class=[(*number > 1).then_some("many")] href={ "#m-" (mark_name(*look)) } x=(self.at(*at)) y=(y)
                data-t=(at.0)
            {
                title {
                    (self.when.text(*at))
                    @if at != until { " to " (until) " s" }
                    @if *number > 1 { ", " (number) " records" }
                    ": "
                    @for (index, text) in texts.iter().take(LISTED).enumerate() {
                        @if index > 0 { "; " }
                        (Text(text))
                    }
                    @if more > 0 { "; and " (more) " more" }
                }
            }
        }
    }
}

/// The height of a row: that of one whose spans have levels is larger.
fn height_of(row: &Row) -> u32 {
    let is_tall = |span: &Span| match span.look {
        SpanLook::Endpoints | SpanLook::Requests(_) => span.level.of > 1,
        _ => false,
    };
    if row.spans.iter().any(is_tall) {
        TALL
    } else {
        HEIGHT
    }
}

/// Number of spans and of records.
fn counts(lane: &Lane) -> (usize, usize) {
    let spans = lane.rows.iter().map(|row| row.spans.len()).sum();
    let marks = lane.rows.iter().flat_map(|row| &row.marks);
    (spans, marks.map(|mark| mark.number).sum())
}

/// The part of a whole: `12.3456%`.
fn percent(part: Micros, whole: Micros) -> String {
    let parts = u128::from(part.0) * 1_000_000 / u128::from(whole.0.max(1));
    format!("{}.{:04}%", parts / 10_000, parts % 10_000)
}

/// Round times over the axis.
fn ticks(end: Micros) -> impl Iterator<Item = Micros> {
    let least = (end.0 / TICKS).max(1_000);
    let magnitude = 10_u64.pow(least.ilog10());
    let factor = [1, 2, 5, 10]
        .into_iter()
        .find(|factor| factor * magnitude >= least);
    let step = factor.unwrap_or(10) * magnitude;
    (0..=end.0 / step).map(move |number| Micros(number * step))
}

/// `2.5`, `10`
fn seconds(at: Micros) -> String {
    let text = at.to_string();
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn span_class(look: SpanLook) -> &'static str {
    match look {
        SpanLook::Phase => "phase",
        SpanLook::Flip => "flip",
        SpanLook::TooEarly => "early",
        SpanLook::Window => "window",
        SpanLook::Hold => "hold",
        SpanLook::Waiting => "waiting",
        SpanLook::Starting => "starting",
        SpanLook::Running => "running",
        SpanLook::Terminated => "terminated",
        SpanLook::Ready => "ready",
        SpanLook::NotReady => "unready",
        SpanLook::Deleting => "deleting",
        SpanLook::Endpoints => "endpoints",
        SpanLook::Gap => "gap",
        SpanLook::Requests(outcome) => outcome.word(),
    }
}

fn mark_name(look: MarkLook) -> &'static str {
    match look {
        MarkLook::Change => "change",
        MarkLook::Event => "event",
        MarkLook::Restart => "restart",
        MarkLook::Flip => "flip",
        MarkLook::Passed => "passed",
        MarkLook::Failed => "failed",
        MarkLook::Fault => "fault",
        MarkLook::Held => "held",
        MarkLook::Broken => "broken",
    }
}

/// The looks of spans and marks, with their meaning.
pub(super) const SPANS: [(&str, &str); 20] = [
    ("phase", "part of the run"),
    ("flip", "flip in force"),
    ("early", "too early"),
    ("window", "window of an expectation"),
    ("hold", "must stay true"),
    ("waiting", "container waits"),
    ("starting", "runs, not started"),
    ("running", "runs, started"),
    ("terminated", "terminated"),
    ("ready", "ready"),
    ("unready", "not ready"),
    ("deleting", "being deleted"),
    ("endpoints", "ready endpoints"),
    ("gap", "changes may be missed"),
    ("ok", "requests: ok"),
    ("status", "requests: other status"),
    ("refused", "requests: refused"),
    ("timeout", "requests: timeout"),
    ("reset", "requests: reset"),
    ("error", "requests: other error"),
];

pub(super) const MARKS: [(&str, &str); 9] = [
    ("change", "change of an object"),
    ("event", "warning, or container killed"),
    ("restart", "container started again"),
    ("flip", "flip acknowledged or removed"),
    ("passed", "target answered 200 to 399"),
    ("failed", "target answered another status"),
    ("fault", "target gave a fault"),
    ("held", "expectation became true"),
    ("broken", "expectation was broken"),
];
