//! The lines of the lanes: a name, the present state, and the columns of the axis.

use ratatui::{
    layout::Rect,
    style::{Color, Modifier, Style},
};

use super::{Columns, Page, cells_of, fitted};
use crate::{
    report::lanes::{Lane, Lanes, Row, SpanLook, Subject},
    timeline::Micros,
    watch::{
        axis::Axis,
        cells::{Cell, cells},
        signs::Signs,
    },
};

/// The row of a lane that has a line of its own.
const USERS: &str = "to users";

/// The lines of all lanes.
pub(super) struct LaneLines<'l> {
    lines: Vec<Line<'l>>,
}

/// One line of a lane.
struct Line<'l> {
    /// The lane's place in the list.
    place: usize,
    lane: &'l Lane,
    name: String,
    state: String,
    is_users: bool,
}

impl<'l> LaneLines<'l> {
    /// The lines of these lanes, with the states at this time.
    pub(super) fn new(
        listed: &'l [Lane],
        lanes: &Lanes,
        at: Micros,
        is_narrow: bool,
        signs: Signs,
    ) -> Self {
        let all = listed.iter().enumerate().flat_map(|(place, lane)| {
            let own = Line {
                place,
                lane,
                name: signs.text(&name(lane, is_narrow)),
                state: signs.text(&state(lane, lanes, at)),
                is_users: false,
            };
            let has_users = lane.rows.iter().any(|row| row.name == USERS);
            let users = has_users.then(|| Line {
                name: format!("    {USERS}"),
                state: String::new(),
                is_users: true,
                ..own
            });
            [Some(own), users].into_iter().flatten()
        });
        Self {
            lines: all.collect(),
        }
    }

    /// The width of the longest name.
    pub(super) fn longest(&self) -> u16 {
        let names = self.lines.iter().map(|line| cells_of(&line.name));
        names.max().unwrap_or(0)
    }

    /// Draws the lines around that of the selected lane. Returns how many lanes are seen.
    pub(super) fn draw(
        &self,
        page: &mut Page<'_>,
        area: Rect,
        columns: Columns,
        axis: &Axis,
        selected: usize,
    ) -> usize {
        let height = usize::from(area.height);
        let lines = &self.lines;
        if lines.is_empty() {
            let text = "nothing here yet, or nothing that the filter leaves";
            page.put(area, 1, text, Style::new());
        }
        let chosen = lines.iter().position(|line| line.place == selected);
        let first = chosen.unwrap_or(0).saturating_sub(height / 2);
        let first = first.min(lines.len().saturating_sub(height));
        let seen = lines.iter().skip(first).take(height);
        let mut places = 0;
        for (line, y) in seen.zip(area.y..) {
            let row = Rect {
                y,
                height: 1,
                ..area
            };
            places += usize::from(!line.is_users);
            line.draw(page, row, columns, axis, line.place == selected);
        }
        places
    }
}

impl Line<'_> {
    fn draw(&self, page: &mut Page<'_>, area: Rect, columns: Columns, axis: &Axis, selected: bool) {
        let signs = page.signs;
        let mut style = Style::new();
        if matches!(self.lane.subject, Subject::Service(_) | Subject::Pod(_)) {
            style = style.add_modifier(Modifier::BOLD);
        }
        if selected {
            style = style.add_modifier(Modifier::REVERSED);
            let rest = Rect {
                width: (1 + columns.name + columns.state).min(area.width),
                ..area
            };
            page.buffer.set_style(rest, style);
            page.put(area, 0, ">", style);
        }
        let fit = |text: &str, width: u16| fitted(text, width.into(), signs.ascii);
        page.put(area, 1, &fit(&self.name, columns.name), style);
        let state = fit(&self.state, columns.state.saturating_sub(1));
        page.put(area, 2 + columns.name, &state, style);
        let rows = self.lane.rows.iter();
        let rows = rows.filter(|row| (row.name == USERS) == self.is_users);
        let left = area.width.saturating_sub(columns.axis);
        let cells = cells(rows, &self.lane.subject, axis, signs);
        for (cell, column) in cells.into_iter().zip(left..) {
            put_cell(page, area, column, cell);
        }
    }
}

fn put_cell(page: &mut Page<'_>, area: Rect, column: u16, cell: Cell) {
    let colour = cell.sign.map_or(Color::Reset, |sign| sign.colour);
    let mut style = page.signs.style(colour);
    if cell.flipped {
        style = style.patch(page.signs.flipped());
    }
    let symbol = cell.sign.map_or(' ', |sign| sign.symbol);
    let mut bytes = [0; 4];
    page.put(area, column, symbol.encode_utf8(&mut bytes), style);
}

/// The name of a lane: a container's is indented below its Pod's.
fn name(lane: &Lane, is_narrow: bool) -> String {
    match &lane.subject {
        Subject::Service(name) | Subject::Pod(name) if is_narrow => name.clone(),
        Subject::Service(name) => format!("svc {name}"),
        Subject::Pod(name) => format!("pod {name}"),
        Subject::Container { container, .. } => format!("  {container}"),
        Subject::Run
        | Subject::Expectation(..)
        | Subject::Answer(..)
        | Subject::Client(_)
        | Subject::Other(_) => lane.label.clone(),
    }
}

/// The state of a lane at a time: `not ready R2 F 503`.
fn state(lane: &Lane, lanes: &Lanes, at: Micros) -> String {
    let now = |row: &Row| row.spans.iter().rfind(|span| span.to >= at).cloned();
    let spans: Vec<_> = lane.rows.iter().filter_map(now).collect();
    let of = |look: SpanLook| spans.iter().find(|span| span.look == look);
    let Subject::Container { pod, container } = &lane.subject else {
        return match spans.first() {
            Some(span) if span.look == SpanLook::Gap => "not watched".to_owned(),
            Some(span) => span.label.clone(),
            None => String::new(),
        };
    };
    let state = spans.iter().find_map(|span| match span.look {
        SpanLook::Running => Some("not ready".to_owned()),
        SpanLook::Starting => Some("starting".to_owned()),
        SpanLook::Waiting | SpanLook::Terminated => Some(reason(&span.label).to_owned()),
        _ => None,
    });
    let state = match (of(SpanLook::Ready), state) {
        (Some(_), _) => "ready".to_owned(),
        (None, state) => state.unwrap_or_default(),
    };
    let restarts = lanes.restarts(pod, container, at);
    let restarts = (restarts > 0).then(|| format!("R{restarts}"));
    let flip = of(SpanLook::Flip).map(|span| format!("F {}", span.label));
    let parts = [Some(state), restarts, flip].into_iter().flatten();
    parts.collect::<Vec<_>>().join(" ")
}

/// What is in the brackets of `waiting (CrashLoopBackOff)`.
fn reason(text: &str) -> &str {
    let inside = text.split_once('(').map(|(_, rest)| rest);
    inside.map_or(text, |rest| rest.trim_end_matches(')'))
}
