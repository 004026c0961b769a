//! The journal: a ring buffer of numbered records that readers can page through and wait for.

use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::sync::watch;

use crate::model::answer::Recorded;
use crate::mutex::lock;

/// A ring buffer of records that tasks share.
#[derive(Debug)]
pub(crate) struct Journal<R> {
    ring: Mutex<Ring<R>>,
    /// Notifies waiting readers of each record.
    grown: watch::Sender<()>,
}

/// The records from some number on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Page<R> {
    /// The number of requested records that were overwritten.
    pub(crate) lost: u64,
    /// The number that the next record will have.
    pub(crate) next: u64,
    /// The requested records that are left.
    pub(crate) records: Vec<R>,
}

#[derive(Debug)]
struct Ring<R> {
    records: VecDeque<R>,
    next: u64,
    size: usize,
}

impl<R: Clone> Journal<R> {
    /// A journal that keeps the last `size` records.
    pub(crate) fn new(size: usize) -> Self {
        Self {
            ring: Mutex::new(Ring {
                records: VecDeque::new(),
                next: 0,
                size,
            }),
            grown: watch::Sender::new(()),
        }
    }

    /// Appends the record that `make` creates from its number.
    pub(crate) fn push(&self, make: impl FnOnce(u64) -> R) {
        lock(&self.ring).push(make);
        // Usually there is no reader waiting.
        if self.grown.receiver_count() > 0 {
            self.grown.send_replace(());
        }
    }

    /// The records numbered `since` and above.
    pub(crate) fn since(&self, since: u64) -> Page<R> {
        lock(&self.ring).since(since)
    }

    /// The number that the next record will have.
    pub(crate) fn next(&self) -> u64 {
        lock(&self.ring).next
    }

    /// The number of records written and of those overwritten.
    pub(crate) fn recorded(&self) -> Recorded {
        let ring = lock(&self.ring);
        Recorded {
            written: ring.next,
            lost: ring.next - ring.records.len() as u64,
        }
    }

    /// The number of records that the journal keeps.
    pub(crate) fn size(&self) -> u64 {
        lock(&self.ring).size as u64
    }

    /// Waits until a record numbered `since` or above exists.
    pub(crate) async fn reached(&self, since: u64) {
        let mut grown = self.grown.subscribe();
        while self.next() <= since {
            // The channel closes only with the journal, which `self` keeps alive.
            _ = grown.changed().await;
        }
    }
}

impl<R: Clone> Ring<R> {
    fn push(&mut self, make: impl FnOnce(u64) -> R) {
        if self.records.len() == self.size {
            self.records.pop_front();
        }
        self.records.push_back(make(self.next));
        self.next += 1;
    }

    fn since(&self, since: u64) -> Page<R> {
        let oldest = self.next - self.records.len() as u64;
        let skipped = since.saturating_sub(oldest);
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        Page {
            lost: oldest.saturating_sub(since),
            next: self.next,
            records: self.records.iter().skip(skipped).cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pushed: u64, since: u64, lost: u64, records: &[u64]) {
        let journal = Journal::new(3);
        (0..pushed).for_each(|_| journal.push(|seq| seq));
        let records = records.to_vec();
        let next = pushed;
        assert_eq!(
            journal.since(since),
            Page {
                lost,
                next,
                records
            }
        );
    }

    #[test]
    fn a_ring_counts_what_it_loses() {
        check(0, 0, 0, &[]);
        check(2, 0, 0, &[0, 1]);
        check(2, 1, 0, &[1]);
        check(2, 2, 0, &[]);
        check(2, 9, 0, &[]);
        check(5, 0, 2, &[2, 3, 4]);
        check(5, 1, 1, &[2, 3, 4]);
        check(5, 3, 0, &[3, 4]);
    }
}
