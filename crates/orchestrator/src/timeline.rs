//! The timeline: a header and all records of one run of one experiment, in the order received.
//!
//! A timeline is append-only and the only input of a verdict. It contains no expectations and reads
//! no clock: the caller passes times, in microseconds since the timeline's start.

pub mod file;
mod header;
mod micros;
mod object;
mod record;
pub(crate) mod recorder;
#[cfg(test)]
pub(crate) mod scripted_timeline;
pub(crate) mod snapshot;
mod target;

pub use header::{FORMAT, Header, Place};
pub use micros::Micros;
pub(crate) use object::SharedTexts;
pub use object::WatchedObject;
pub use record::{
    BoundPod, Change, FlipRecord, Gap, Hit, JournalRead, Patched, Record, Sample, StateCall, What,
};
pub use target::Target;

/// The outcome of a request, in experiments and timelines alike.
pub use crate::input::experiment::RequestOutcome;

/// A header and records in the order of their times.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    header: Header,
    /// Number of the first records that have been forgotten.
    forgotten: usize,
    records: Vec<Record>,
    last: Micros,
}

impl Timeline {
    /// A timeline without records.
    pub(crate) fn new(header: Header) -> Self {
        Self {
            header,
            forgotten: 0,
            records: Vec::new(),
            last: Micros::ZERO,
        }
    }

    /// The experiment, cluster and run it was recorded from.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// All records so far that have not been forgotten.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The records after the first `taken`, of which none may have been forgotten.
    pub(crate) fn since(&self, taken: usize) -> &[Record] {
        &self.records[taken - self.forgotten..]
    }

    /// Forgets all records so far. Every view that follows the timeline must have taken them.
    pub(crate) fn forget(&mut self) {
        self.forgotten += self.records.len();
        self.records.clear();
    }

    /// The records before the clean-up began.
    pub(crate) fn before_clean_up(&self) -> &[Record] {
        let mut records = self.records.iter();
        let end = records.position(|record| record.what == What::Reverting);
        &self.records[..end.unwrap_or(self.records.len())]
    }

    /// When the last record was received; zero without records.
    pub(crate) fn last(&self) -> Micros {
        self.last
    }

    /// Appends a record received at `at`, which must not be before the last record.
    pub(crate) fn push(&mut self, at: Micros, what: What) {
        assert!(
            at >= self.last(),
            "records must be appended in the order they were received"
        );
        self.last = at;
        self.records.push(Record { at, what });
    }
}
