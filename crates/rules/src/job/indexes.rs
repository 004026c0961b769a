//! Completion indexes of an Indexed Job: sets of them in intervals, and those that need a Pod.
//!
//! Rule: `pkg/controller/job/indexed_job_utils.go`.

use std::collections::BTreeMap;
use std::fmt;

use crate::moment::Moment;

/// The longest prefix of a generated name.
///
/// Rule: `k8s.io/apiserver/pkg/storage/names/generate.go`, `MaxGeneratedNameLength`.
const LONGEST_PREFIX: usize = 58;

/// A set of indexes, as disjoint intervals in increasing order that do not touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Indexes(Vec<(u32, u32)>);

impl Indexes {
    /// Parses `0,2-4`, without the indexes from `completions` on. What is no interval is ignored,
    /// as upstream ignores it.
    ///
    /// Rule: `parseIndexesFromString`.
    pub fn parse(text: &str, completions: u32) -> Self {
        let mut found = Self::default();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) else {
                continue;
            };
            let last = last.min(completions.saturating_sub(1));
            if first < completions && first <= last {
                found.0.push((first, last));
            }
        }
        found.merge();
        found
    }

    /// Adds indexes.
    pub fn extend(&mut self, indexes: impl IntoIterator<Item = u32>) {
        self.0
            .extend(indexes.into_iter().map(|index| (index, index)));
        self.merge();
    }

    /// Adds the indexes of another set.
    pub fn add(&mut self, other: &Self) {
        self.0.extend(&other.0);
        self.merge();
    }

    /// Whether an index is in the set.
    pub fn contains(&self, index: u32) -> bool {
        let before = self.0.partition_point(|(_, last)| *last < index);
        self.0.get(before).is_some_and(|(first, _)| *first <= index)
    }

    /// The number of indexes.
    pub fn total(&self) -> u32 {
        let lengths = self.0.iter().map(|(first, last)| last - first + 1);
        lengths.fold(0, u32::saturating_add)
    }

    /// The number of indexes that both sets have.
    pub fn overlap(&self, other: &Self) -> u32 {
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut number = 0_u32;
        while let (Some((first, last)), Some((other_first, other_last))) =
            (left.peek(), right.peek())
        {
            let (from, to) = (first.max(other_first), last.min(other_last));
            number += (to + 1).saturating_sub(*from);
            if last < other_last {
                left.next();
            } else {
                right.next();
            }
        }
        number
    }

    /// The first `number` indexes below `completions` that are not in the set.
    ///
    /// Rule: `firstPendingIndexes`.
    pub fn first_missing(&self, number: usize, completions: u32) -> Vec<u32> {
        let ends = [(completions, completions)];
        let mut next = 0;
        let mut found = Vec::new();
        for (first, last) in self.0.iter().chain(&ends) {
            let missing = next..(*first).min(completions);
            found.extend(missing.take(number - found.len()));
            next = next.max(last + 1);
        }
        found
    }

    fn merge(&mut self) {
        self.0.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::new();
        for (first, last) in self.0.drain(..) {
            match merged.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        self.0 = merged;
    }
}

/// The form of the status: `0,2,4-6`. Two neighbours are written one by one.
impl fmt::Display for Indexes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (first, last)) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(",")?;
            }
            write!(f, "{first}")?;
            match last - first {
                0 => {}
                1 => write!(f, ",{last}")?,
                _ => write!(f, "-{last}")?,
            }
        }
        Ok(())
    }
}

/// The indexes that get a Pod now, or the moment at which the first of them does. `due` holds the
/// back-off of indexes whose last Pod failed.
///
/// Rule: `pkg/controller/job/job_controller.go`, `getPodCreationInfoForIndependentIndexes`.
pub fn due(
    pending: Vec<u32>,
    due: &BTreeMap<u32, Moment>,
    now: Moment,
) -> Result<Vec<u32>, Moment> {
    let waits = |index: &u32| due.get(index).copied().filter(|due| now < *due);
    let first = pending.iter().filter_map(waits).min();
    let ready: Vec<u32> = pending
        .into_iter()
        .filter(|index| waits(index).is_none())
        .collect();
    match first {
        Some(first) if ready.is_empty() => Err(first),
        _ => Ok(ready),
    }
}

/// The prefix of the generated name of an index's Pod: `job-3-`.
///
/// Rule: `podGenerateNameWithIndex`.
pub fn name_prefix(job: &str, index: u32) -> String {
    let suffix = format!("-{index}-");
    let room = LONGEST_PREFIX - suffix.len();
    // A name of Kubernetes is ASCII.
    let job = job.get(..room).unwrap_or(job);
    format!("{job}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_read_and_written_in_the_form_of_the_status() {
        let check = |text: &str, expected: &str, total: u32| {
            let indexes = Indexes::parse(text, 10);
            assert_eq!(indexes.to_string(), expected, "{text}");
            assert_eq!(indexes.total(), total, "{text}");
        };
        check("", "", 0);
        check("0,1,2", "0-2", 3);
        check("3,4", "3,4", 2);
        check("1-2,4-20", "1,2,4-9", 8);
        check("a,5,10,7-6", "5", 1);
    }

    #[test]
    fn indexes_are_added_and_found() {
        let mut indexes = Indexes::parse("1,5", 10);
        indexes.extend([3, 2, 9]);
        assert_eq!(indexes.to_string(), "1-3,5,9");
        let found: Vec<u32> = (0..10).filter(|index| indexes.contains(*index)).collect();
        assert_eq!(found, [1, 2, 3, 5, 9]);
        let overlap = |text| indexes.overlap(&Indexes::parse(text, 10));
        assert_eq!(["0-9", "2-5", "0,4", "9"].map(overlap), [5, 3, 0, 1]);
        assert_eq!(indexes.first_missing(9, 10), [0, 4, 6, 7, 8]);
        assert_eq!(indexes.first_missing(2, 10), [0, 4]);
        assert_eq!(indexes.first_missing(9, 5), [0, 4]);
        assert_eq!(Indexes::default().first_missing(2, 3), [0, 1]);
    }

    #[test]
    fn an_index_waits_for_its_own_back_off() {
        let at = Moment::from_secs;
        let waiting = BTreeMap::from([(0, at(20)), (1, at(15))]);
        assert_eq!(due(vec![0, 1, 2], &waiting, at(10)), Ok(vec![2]));
        assert_eq!(due(vec![0, 1], &waiting, at(10)), Err(at(15)));
        assert_eq!(due(vec![0, 1], &waiting, at(15)), Ok(vec![1]));
        assert_eq!(due(Vec::new(), &waiting, at(10)), Ok(Vec::new()));
    }

    #[test]
    fn the_prefix_of_a_name_leaves_room_for_the_index() {
        assert_eq!(name_prefix("sum", 12), "sum-12-");
        let prefix = name_prefix(&"x".repeat(60), 7);
        assert_eq!(prefix, format!("{}-7-", "x".repeat(55)));
    }
}
