//! The columns of a lane: of all that meets in a column, one sign is seen.

use std::ops::Range;

use super::{
    axis::Axis,
    signs::{Sign, Signs},
};
use crate::{
    report::lanes::{Row, SpanLook, Subject},
    timeline::Micros,
};

/// One column of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cell {
    pub(super) sign: Option<Sign>,
    /// Whether a flip is in force.
    pub(super) flipped: bool,
}

/// The columns of these rows of a lane.
pub(super) fn cells<'r>(
    rows: impl Iterator<Item = &'r Row>,
    of: &Subject,
    axis: &Axis,
    signs: Signs,
) -> Vec<Cell> {
    let mut cells = vec![Cell::default(); usize::from(axis.columns)];
    for row in rows {
        for span in &row.spans {
            let columns = columns((span.from, span.to), axis);
            let sign = signs.of_span(span.look, span.level, of);
            for cell in cells.get_mut(columns).into_iter().flatten() {
                cell.flipped |= span.look == SpanLook::Flip;
                cell.show(sign);
            }
        }
        for mark in &row.marks {
            let columns = columns((mark.at, mark.until), axis);
            for cell in cells.get_mut(columns).into_iter().flatten() {
                cell.show(Some(signs.of_mark(mark.look)));
            }
        }
    }
    cells
}

/// The columns from one time to another, at least one.
fn columns((from, to): (Micros, Micros), axis: &Axis) -> Range<usize> {
    let column = |at| axis.column(at).clamp(0, axis.columns.into());
    let from = column(from);
    let to = if to >= axis.extent().to {
        axis.columns.into()
    } else {
        column(to).max(from + 1)
    };
    let place = |column: i64| usize::try_from(column).unwrap_or_default();
    place(from)..place(to).min(axis.columns.into())
}

impl Cell {
    /// Shows a sign, unless one with a higher rank is seen.
    fn show(&mut self, sign: Option<Sign>) {
        let rank = |sign: Option<Sign>| sign.map_or(0, |sign| sign.rank);
        if rank(sign) >= rank(self.sign) && sign.is_some() {
            self.sign = sign;
        }
    }
}
