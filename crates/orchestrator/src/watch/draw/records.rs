//! The newest records of the selected lane.

use std::cmp::Reverse;

use ratatui::{
    layout::Rect,
    style::{Color, Modifier, Style},
};

use super::{Page, fitted, split};
use crate::{
    report::lanes::{Extent, Lane, Lanes, Mark},
    timeline::Micros,
};

impl Page<'_> {
    /// A heading, and the records up to this time, the newest first.
    pub(super) fn records(&mut self, lane: &Lane, lanes: &Lanes, end: Micros, area: Rect) {
        let (heading, mut rest) = split(area, 1);
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let title = format!(" {}, newest first", self.signs.text(&lane.label));
        let width = usize::from(area.width);
        self.put(heading, 0, &fitted(&title, width, self.signs.ascii), bold);
        let mut marks = marks(lane, lanes, end);
        marks.sort_by_key(|mark| Reverse(mark.at));
        if marks.is_empty() {
            self.put(rest, 1, "no record yet", Style::new());
        }
        for mark in marks {
            if rest.height == 0 {
                return;
            }
            self.record(&mark, end, rest);
            (_, rest) = split(rest, 1);
        }
    }

    fn record(&mut self, mark: &Mark, end: Micros, area: Rect) {
        let sign = self.signs.of_mark(mark.look);
        let age = Micros::from(end.since(mark.at));
        let dim = self.signs.style(Color::DarkGray);
        self.put(area, 0, &format!("{:>9} s ", format!("-{age}")), dim);
        let colour = self.signs.style(sign.colour);
        self.put(area, 12, &sign.symbol.to_string(), colour);
        let mut text = mark.texts.join("; ");
        if mark.number > mark.texts.len() {
            text = format!("{} times {text}", mark.number);
        }
        self.put(area, 14, &self.signs.text(&text), Style::new());
    }
}

/// All marks of the lane that are kept.
fn marks(lane: &Lane, lanes: &Lanes, end: Micros) -> Vec<Mark> {
    let extent = Extent {
        from: Micros::ZERO,
        to: end,
        interval: Micros::ZERO,
    };
    let lane = lanes.lane(&lane.subject, &extent);
    let rows = lane.into_iter().flat_map(|lane| lane.rows);
    rows.flat_map(|row| row.marks).collect()
}
