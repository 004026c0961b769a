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
            self.age(&mark, end, rest);
            for line in lines(&mark) {
                self.put(rest, 14, &self.signs.text(&line), Style::new());
                (_, rest) = split(rest, 1);
            }
        }
    }

    /// The sign of a mark and how long ago it was.
    fn age(&mut self, mark: &Mark, end: Micros, area: Rect) {
        let sign = self.signs.of_mark(mark.look);
        let age = Micros::from(end.since(mark.at));
        let dim = self.signs.style(Color::DarkGray);
        self.put(area, 0, &format!("{:>9} s ", format!("-{age}")), dim);
        let colour = self.signs.style(sign.colour);
        self.put(area, 12, &sign.symbol.to_string(), colour);
    }
}

/// The texts of a mark, each on a line of its own: joined, the later ones would often be cut off.
fn lines(mark: &Mark) -> Vec<String> {
    let mut lines = mark.texts.clone();
    if mark.number > lines.len()
        && let Some(first) = lines.first_mut()
    {
        *first = match mark.texts.len() {
            1 => format!("{} times {first}", mark.number),
            _ => format!("{first} (the first of {} records)", mark.number),
        };
    }
    lines
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::lanes::MarkLook;

    fn mark(number: usize, texts: &[&str]) -> Mark {
        let texts = texts.iter().map(|text| (*text).to_owned());
        Mark {
            number,
            texts: texts.collect(),
            ..Mark::new(Micros::ZERO, MarkLook::Passed, "")
        }
    }

    #[test]
    fn each_text_has_a_line() {
        assert_eq!(lines(&mark(1, &["/livez"])), ["/livez"]);
        assert_eq!(
            lines(&mark(2, &["/livez", "/readyz"])),
            ["/livez", "/readyz"]
        );
        assert_eq!(lines(&mark(3, &["/livez"])), ["3 times /livez"]);
        let many = lines(&mark(3, &["/livez", "/readyz"]));
        assert_eq!(many, ["/livez (the first of 3 records)", "/readyz"]);
    }
}
