//! The marks of one row, of which those that are too close to be told apart are joined.

use std::collections::BTreeMap;

use super::extent::Extent;
use super::lane::{Mark, MarkLook};
use crate::timeline::Micros;

/// Number of texts that a mark of a row without all its records keeps.
const KEPT_TEXTS: usize = 16;

/// The marks of one row so far, in the order of their times.
#[derive(Debug, Default)]
pub(super) struct Marks {
    marks: Vec<Mark>,
    /// Marks of one look in an interval of this length are kept as one; zero keeps each.
    thinned: Micros,
}

impl Marks {
    /// No marks yet.
    pub(super) fn thinned(thinned: Micros) -> Self {
        Self {
            marks: Vec::new(),
            thinned,
        }
    }

    /// Adds a mark. Nearly always it is the last one.
    pub(super) fn push(&mut self, mark: Mark) {
        let place = self.marks.partition_point(|known| known.at <= mark.at);
        if let Some(known) = self.close(place, &mark) {
            known.join(mark, KEPT_TEXTS);
        } else {
            self.marks.insert(place, mark);
        }
    }

    /// The mark before this place that a new one is kept with.
    fn close(&mut self, place: usize, new: &Mark) -> Option<&mut Mark> {
        let each = self.thinned.0;
        let number = new.at.0.checked_div(each)?;
        let before = self.marks[..place].iter_mut().rev();
        let mut close = before.take_while(|mark| mark.at.0 / each == number);
        close.find(|mark| mark.look == new.look)
    }

    /// The marks that are seen, merged in intervals `times` as long as the extent's.
    pub(super) fn seen(&self, extent: &Extent, times: u64) -> Vec<Mark> {
        let from = self.marks.partition_point(|mark| mark.at < extent.from);
        let to = self.marks.partition_point(|mark| mark.at <= extent.to);
        let seen = self.marks[from..to.max(from)].iter();
        merged(seen, Micros(extent.interval.0 * times))
    }

    /// Forgets the marks before this time.
    pub(super) fn forget(&mut self, before: Micros) {
        let first = self.marks.partition_point(|mark| mark.at < before);
        self.marks.drain(..first);
    }

    /// Whether close ones are joined when they are added.
    pub(super) fn are_joined(&self) -> bool {
        self.thinned > Micros::ZERO
    }

    /// Whether it has none.
    pub(super) fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }
}

/// Marks of one look that lie in the same interval of this length are one mark, with their number
/// and each of their texts once.
fn merged<'m>(marks: impl Iterator<Item = &'m Mark>, interval: Micros) -> Vec<Mark> {
    let interval = interval.0.max(1);
    let mut merged: Vec<Mark> = Vec::new();
    // The last mark of each look.
    let mut last: BTreeMap<MarkLook, usize> = BTreeMap::new();
    for mark in marks {
        let place = |mark: &Mark| mark.at.0 / interval;
        let known = last.get(&mark.look).copied();
        if let Some(index) = known.filter(|index| place(&merged[*index]) == place(mark)) {
            merged[index].join(mark.clone(), usize::MAX);
        } else {
            last.insert(mark.look, merged.len());
            merged.push(mark.clone());
        }
    }
    merged
}

impl Mark {
    /// Adds another mark, whose texts are kept up to so many in all.
    fn join(&mut self, other: Self, most: usize) {
        self.until = self.until.max(other.until);
        self.number += other.number;
        for text in other.texts {
            if self.texts.len() < most && !self.texts.contains(&text) {
                self.texts.push(text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(marks: &[Mark]) -> Vec<(u64, u64, usize, String)> {
        let numbers = marks
            .iter()
            .map(|mark| (mark.at.0, mark.until.0, mark.number, mark.texts.join(" ")));
        numbers.collect()
    }

    fn all(interval: u64) -> Extent {
        Extent {
            from: Micros::ZERO,
            to: Micros::MAX,
            interval: Micros(interval),
        }
    }

    fn marks(thinned: u64) -> Marks {
        let mut marks = Marks::thinned(Micros(thinned));
        for (at, look, text) in [
            (12, MarkLook::Passed, "200"),
            (10, MarkLook::Passed, "200"),
            (11, MarkLook::Failed, "503"),
            (19, MarkLook::Passed, "204"),
            (20, MarkLook::Passed, "200"),
        ] {
            marks.push(Mark::new(Micros(at), look, text));
        }
        marks
    }

    #[test]
    fn close_marks_of_one_look_are_one_with_their_number() {
        let expected = [
            (10, 19, 3, "200 204".to_owned()),
            (11, 11, 1, "503".to_owned()),
            (20, 20, 1, "200".to_owned()),
        ];
        assert_eq!(numbers(&marks(0).seen(&all(10), 1)), expected);
        assert_eq!(numbers(&marks(0).seen(&all(5), 2)), expected);
        let each = marks(0).seen(&all(1), 1);
        let times: Vec<u64> = each.iter().map(|mark| mark.at.0).collect();
        assert_eq!(times, [10, 11, 12, 19, 20]);
    }

    #[test]
    fn a_row_without_all_its_records_keeps_one_mark_an_interval() {
        let mut marks = marks(10);
        assert_eq!(marks.marks.len(), 4);
        for number in 0..100 {
            let text = format!("/{number}");
            marks.push(Mark::new(Micros(21), MarkLook::Passed, text));
        }
        assert_eq!(marks.marks.len(), 4);
        let last = &marks.marks[3];
        assert_eq!((last.number, last.texts.len()), (101, KEPT_TEXTS));
        marks.forget(Micros(20));
        assert_eq!(marks.marks.len(), 1);
    }
}
