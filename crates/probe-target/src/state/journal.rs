//! The journal: a ring of numbered records that can be read from any number on and waited for. What is recorded is no concern of it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use crate::model::answer::Recorded;

/// A ring of records, written and read from anywhere.
#[derive(Debug)]
pub(crate) struct Journal<R> {
    ring: Mutex<Ring<R>>,
    /// Told of every record, where anybody waits.
    grown: watch::Sender<()>,
}

/// Records from some number on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Page<R> {
    /// How many of those asked for are no longer there.
    pub(crate) lost: u64,
    /// The number of the first that does not exist yet.
    pub(crate) next: u64,
    /// Those that are there.
    pub(crate) records: Vec<R>,
}

#[derive(Debug)]
struct Ring<R> {
    records: VecDeque<R>,
    next: u64,
    size: usize,
}

impl<R: Clone> Journal<R> {
    /// Keeps the last `size` records.
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

    /// Appends the record that `make` makes with its number.
    pub(crate) fn push(&self, make: impl FnOnce(u64) -> R) {
        self.lock().push(make);
        // Most of the time nobody does.
        if self.grown.receiver_count() > 0 {
            self.grown.send_replace(());
        }
    }

    /// The records from number `since` on.
    pub(crate) fn since(&self, since: u64) -> Page<R> {
        self.lock().since(since)
    }

    /// The number of the first record that does not exist yet.
    pub(crate) fn next(&self) -> u64 {
        self.lock().next
    }

    /// How many records there have been, and how many of them are gone.
    pub(crate) fn recorded(&self) -> Recorded {
        let ring = self.lock();
        Recorded {
            written: ring.next,
            lost: ring.next - ring.records.len() as u64,
        }
    }

    /// How many records it keeps.
    pub(crate) fn size(&self) -> u64 {
        self.lock().size as u64
    }

    /// Waits until there is a record with number `since` or above.
    pub(crate) async fn reached(&self, since: u64) {
        let mut grown = self.grown.subscribe();
        while self.next() <= since {
            // It fails only when the log is gone, and with it whoever waits.
            _ = grown.changed().await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Ring<R>> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
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
        let log = Journal::new(3);
        (0..pushed).for_each(|_| log.push(|seq| seq));
        let records = records.to_vec();
        let next = pushed;
        assert_eq!(
            log.since(since),
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
