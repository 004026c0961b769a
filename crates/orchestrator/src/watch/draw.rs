//! The screen: a heading, the lanes, the time axis, records of the selected lane, and a last line.

mod footer;
mod help;
mod lane_lines;
mod records;

use ratatui::{
    Frame,
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
};
use unicode_width::UnicodeWidthStr as _;

use super::{
    axis::Axis,
    listed::{listed, selected},
    signs::Signs,
    view::{Dialog, View},
};
use crate::{
    report::{lanes::Lanes, start},
    timeline::Micros,
};
use lane_lines::LaneLines;

/// The height from which on there is a time axis, and from which on records are below the lanes
/// instead of in their place.
const TALL: u16 = 8;
const VERY_TALL: u16 = 14;

/// Draws the view of these lanes at this time.
pub(crate) fn draw(view: &View, lanes: &Lanes, now: Micros, signs: Signs, frame: &mut Frame<'_>) {
    let area = frame.area();
    let mut page = Page {
        signs,
        buffer: frame.buffer_mut(),
    };
    page.whole(view, lanes, now, area);
}

/// Where text is drawn.
struct Page<'b> {
    signs: Signs,
    buffer: &'b mut Buffer,
}

/// The columns of lines: names, the present state, and the time axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Columns {
    name: u16,
    state: u16,
    axis: u16,
}

impl Columns {
    /// Those of a terminal of this width, if the longest name has this one. A narrow terminal shows
    /// no states.
    fn of(width: u16, longest: u16) -> Self {
        // The sign of the selected lane, and a space before the axis.
        let rest = width.saturating_sub(2);
        let name = longest.min(rest / 3).clamp(6, 36).min(rest);
        let state = match width {
            ..50 => 0,
            50..100 => 17,
            100.. => 20,
        };
        let axis = rest.saturating_sub(name + state);
        Self { name, state, axis }
    }

    /// Whether there is no room for the kinds of objects.
    fn is_narrow(self) -> bool {
        self.state == 0
    }
}

impl Page<'_> {
    fn whole(&mut self, view: &View, lanes: &Lanes, now: Micros, area: Rect) {
        if area.is_empty() {
            return;
        }
        if view.dialog == Dialog::Help {
            return self.help(area);
        }
        // What is listed depends on the length of the axis alone.
        let names = Columns::of(area.width, u16::MAX);
        let listed = listed(view, lanes, &view.axis(now, names.axis).extent());
        let place = selected(view, &listed);
        let [heading, middle, footer] = parts(area, self.footer_height(view, area));
        let (list, records) = shares(middle, view.details);
        let (list, scale) = if area.height >= TALL && list.height > 1 {
            split(list, list.height - 1)
        } else {
            (list, Rect { height: 0, ..list })
        };
        let end = view.paused.unwrap_or(now);
        let rows = LaneLines::new(&listed, lanes, end, names.is_narrow(), self.signs);
        let columns = Columns::of(area.width, rows.longest());
        let axis = view.axis(now, columns.axis);
        let shown = rows.draw(self, list, columns, &axis, place);
        self.heading(view, mode(view, lanes), heading, (shown, listed.len()));
        self.scale(view, scale, columns, &axis);
        if let Some(lane) = listed.get(place).filter(|_| records.height > 0) {
            self.records(lane, lanes, end, records);
        }
        self.footer(view, footer);
    }

    fn heading(&mut self, view: &View, mode: &str, area: Rect, (shown, all): (usize, usize)) {
        let mut right = format!("{} s  {mode} ", view.zoom.length().as_secs());
        let mut add = |text: String| {
            if text.width() + right.width() + 2 <= area.width.into() {
                right = format!("{text}  {right}");
            }
        };
        if shown < all {
            add(format!("{shown} of {all} lanes"));
        }
        if !view.filter.is_empty() && view.dialog == Dialog::None {
            add(format!("/{}", self.signs.text(&view.filter)));
        }
        let style = Style::new().add_modifier(Modifier::REVERSED);
        self.buffer.set_style(area, style);
        let width = usize::from(area.width);
        let right = start(&right, width).to_owned();
        let left = format!(" {}", self.signs.text(&view.place));
        let room = width.saturating_sub(right.width() + 1);
        self.put(area, 0, &fitted(&left, room, self.signs.ascii), style);
        let column = area.width.saturating_sub(cells_of(&right));
        self.put(area, column, &right, style);
    }

    /// The time axis below the lanes.
    fn scale(&mut self, view: &View, area: Rect, columns: Columns, axis: &Axis) {
        if area.height == 0 {
            return;
        }
        let left = area.width - columns.axis;
        let dim = self.signs.style(Color::DarkGray);
        let tick = if self.signs.ascii { '|' } else { '╵' };
        for (column, age) in axis.marks() {
            self.put(area, left + column, &format!("{tick}-{age} s"), dim);
        }
        let end = if view.paused.is_some() {
            "paused"
        } else {
            "now"
        };
        let column = area.width.saturating_sub(cells_of(end));
        if columns.axis > 2 * cells_of(end) {
            self.put(area, column, end, dim);
        }
    }

    /// Puts a text into the first line of an area, from this column on.
    fn put(&mut self, area: Rect, column: u16, text: &str, style: Style) {
        if area.height == 0 || column >= area.width {
            return;
        }
        let room = usize::from(area.width - column);
        self.buffer
            .set_stringn(area.x + column, area.y, text, room, style);
    }
}

/// Whether the lanes flow, and whether they show the present.
fn mode(view: &View, lanes: &Lanes) -> &'static str {
    match view.paused {
        Some(_) => "PAUSED",
        None if lanes.snapshot().is_broken() => "OUT OF REACH",
        None => "live",
    }
}

/// The heading, what is between, and the footer. The lanes give way last.
fn parts(area: Rect, footer: u16) -> [Rect; 3] {
    let heading = u16::from(area.height > 2);
    let footer = footer.min(area.height.saturating_sub(heading + 1));
    let (heading, rest) = split(area, heading);
    let (middle, footer) = split(rest, rest.height - footer);
    [heading, middle, footer]
}

/// The lanes, and the records of one of them.
fn shares(area: Rect, records: bool) -> (Rect, Rect) {
    match (records, area.height) {
        (false, height) => split(area, height),
        (true, ..VERY_TALL) => split(area, 2.min(area.height)),
        (true, height) => split(area, height - (height / 3).clamp(5, 12)),
    }
}

/// The first lines of an area, and the others.
fn split(area: Rect, first: u16) -> (Rect, Rect) {
    let first = first.min(area.height);
    let above = Rect {
        height: first,
        ..area
    };
    let below = Rect {
        y: area.y + first,
        height: area.height - first,
        ..area
    };
    (above, below)
}

/// A text of at most this width. What is left out is in the middle: names of Pods differ at their
/// ends.
fn fitted(text: &str, width: usize, ascii: bool) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let gap = if ascii { "~" } else { "…" };
    let tail = ((width / 3).min(8)).min(width.saturating_sub(1));
    let mut end = text;
    while end.width() > tail {
        end = &end[end.chars().next().map_or(0, char::len_utf8)..];
    }
    let begin = start(text, width.saturating_sub(1 + end.width()));
    let fitted = format!("{begin}{gap}{end}");
    start(&fitted, width).to_owned()
}

/// The columns of a text, as far as a terminal can be wide.
fn cells_of(text: &str) -> u16 {
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}
