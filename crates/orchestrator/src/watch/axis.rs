//! The time axis: the last seconds, in columns of equal length.

use std::time::Duration;

use crate::{report::lanes::Extent, timeline::Micros};

/// The lengths of the axis that can be chosen, in seconds.
const LENGTHS: [u64; 7] = [10, 20, 30, 60, 120, 300, 600];

/// The longest of them.
pub(crate) const LONGEST: Duration = Duration::from_secs(LENGTHS[LENGTHS.len() - 1]);

/// Distances between the marks of the axis that may be chosen, in seconds.
const STEPS: [u64; 11] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200];

/// Columns that a mark of the axis takes at least.
const MARK_WIDTH: u64 = 10;

/// Which of the lengths is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Zoom(usize);

/// The columns of the axis. They begin at whole multiples of their length, so that marks keep their
/// distances while they flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Axis {
    pub(super) columns: u16,
    /// Length of a column in microseconds.
    each: u64,
    /// The right end.
    end: Micros,
}

impl Default for Zoom {
    fn default() -> Self {
        Self(3)
    }
}

impl Zoom {
    /// A shorter axis, if there is one.
    pub(super) fn closer(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// A longer axis, if there is one.
    pub(super) fn wider(self) -> Self {
        Self((self.0 + 1).min(LENGTHS.len() - 1))
    }

    /// The length of the axis.
    pub(super) fn length(self) -> Duration {
        Duration::from_secs(LENGTHS[self.0])
    }
}

impl Axis {
    /// An axis of this length up to `end`.
    pub(super) fn new(zoom: Zoom, end: Micros, columns: u16) -> Self {
        let columns = columns.max(1);
        let each = Micros::from(zoom.length()).0 / u64::from(columns);
        Self { columns, each, end }
    }

    /// The times that are seen.
    pub(super) fn extent(&self) -> Extent {
        let first = self.number(self.end) + 1 - i64::from(self.columns);
        let each = Micros(self.each).signed();
        Extent {
            from: Micros::from_signed(first * each),
            to: self.end,
            interval: Micros(self.each),
        }
    }

    /// The column of a time; negative before the first one.
    pub(super) fn column(&self, at: Micros) -> i64 {
        self.number(at) - self.number(self.end) + i64::from(self.columns) - 1
    }

    /// The marks of the axis: columns, and how many seconds ago they were.
    pub(super) fn marks(&self) -> Vec<(u16, u64)> {
        let room = self.each * MARK_WIDTH;
        let step = STEPS.iter().find(|step| **step * 1_000_000 >= room);
        let Some(step) = step else { return Vec::new() };
        let ages = (1..).map(|number| number * step);
        let columns = ages.map_while(|age| {
            let back = u16::try_from(age * 1_000_000 / self.each).ok()?;
            Some((self.columns.checked_sub(back + 1)?, age))
        });
        columns.collect()
    }

    fn number(&self, at: Micros) -> i64 {
        Micros(at.0 / self.each).signed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(end: u64) -> Axis {
        Axis::new(Zoom::default(), Micros(end * 1_000_000), 60)
    }

    #[test]
    fn what_is_recorded_stays_in_its_column_and_flows_left() {
        let at = |seconds: u64| Micros(seconds * 1_000_000);
        assert_eq!(axis(100).column(at(100)), 59);
        assert_eq!(axis(101).column(at(100)), 58);
        assert_eq!(axis(159).column(at(100)), 0);
        assert_eq!(axis(160).column(at(100)), -1);
        let extent = axis(100).extent();
        assert_eq!((extent.from, extent.to), (at(41), at(100)));
        assert_eq!(axis(10).extent().from, Micros::ZERO);
    }

    #[test]
    fn its_marks_have_room() {
        assert_eq!(
            axis(100).marks(),
            [(49, 10), (39, 20), (29, 30), (19, 40), (9, 50)]
        );
        let narrow = Axis::new(Zoom::default(), Micros::ZERO, 8);
        assert_eq!(narrow.marks(), []);
        let long = Axis::new(Zoom(6), Micros::ZERO, 50);
        assert_eq!(long.marks(), [(39, 120), (29, 240), (19, 360), (9, 480)]);
    }

    #[test]
    fn zoom_ends_at_both_sides() {
        let mut zoom = Zoom::default();
        for _ in 0..20 {
            zoom = zoom.wider();
        }
        assert_eq!(zoom.length(), LONGEST);
        for _ in 0..20 {
            zoom = zoom.closer();
        }
        assert_eq!(zoom.length(), Duration::from_secs(10));
    }
}
