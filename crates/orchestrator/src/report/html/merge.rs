//! Joins marks that are too close to be told apart.

use std::collections::BTreeMap;

use super::lane::{Mark, MarkLook};
use crate::timeline::Micros;

/// The marks in the order of their times. Those of one look that lie in the same interval of this
/// length are one mark, with their number and each of their texts once.
pub(super) fn merged(mut marks: Vec<Mark>, interval: Micros) -> Vec<Mark> {
    marks.sort_by_key(|mark| mark.at);
    let interval = interval.0.max(1);
    let mut merged: Vec<Mark> = Vec::new();
    // The last mark of each look.
    let mut last: BTreeMap<MarkLook, usize> = BTreeMap::new();
    for mark in marks {
        let place = |mark: &Mark| mark.at.0 / interval;
        let known = last.get(&mark.look).copied();
        if let Some(index) = known.filter(|index| place(&merged[*index]) == place(&mark)) {
            merged[index].join(mark);
        } else {
            last.insert(mark.look, merged.len());
            merged.push(mark);
        }
    }
    merged
}

impl Mark {
    fn join(&mut self, other: Self) {
        self.until = self.until.max(other.until);
        self.number += other.number;
        for text in other.texts {
            if !self.texts.contains(&text) {
                self.texts.push(text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_marks_of_one_look_are_one_with_their_number() {
        let mark = |at, look, text: &str| Mark::new(Micros(at), look, text);
        let marks = vec![
            mark(12, MarkLook::Passed, "200"),
            mark(10, MarkLook::Passed, "200"),
            mark(11, MarkLook::Failed, "503"),
            mark(19, MarkLook::Passed, "204"),
            mark(20, MarkLook::Passed, "200"),
        ];
        let found: Vec<_> = merged(marks, Micros(10))
            .into_iter()
            .map(|mark| (mark.at.0, mark.until.0, mark.number, mark.texts.join(" ")))
            .collect();
        let expected = [
            (10, 19, 3, "200 204".to_owned()),
            (11, 11, 1, "503".to_owned()),
            (20, 20, 1, "200".to_owned()),
        ];
        assert_eq!(found, expected);
    }
}
