//! Everything observed in one run of one experiment, in the order it was received.
//!
//! Append-only, and the only thing a verdict is made from. It says nothing of what was expected, and reads no clock:
//! times are handed in, in microseconds since the timeline's start.

pub mod file;
mod header;
mod micros;
mod record;
pub mod recorder;
#[cfg(test)]
pub(crate) mod script;
pub mod snapshot;
mod target;
pub(crate) mod view;

pub use header::{FORMAT, Header, Place};
pub use micros::Micros;
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
    records: Vec<Record>,
}

impl Timeline {
    /// One without records.
    pub fn new(header: Header) -> Self {
        Self {
            header,
            records: Vec::new(),
        }
    }

    /// What it is the timeline of.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Everything so far.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// When the last record was received.
    pub fn last(&self) -> Micros {
        self.records.last().map_or(Micros::ZERO, |record| record.at)
    }

    /// Appends what was received at that time, which must not be before the last record's.
    pub fn push(&mut self, at: Micros, what: What) {
        assert!(
            at >= self.last(),
            "records must be appended in the order they were received"
        );
        self.records.push(Record { at, what });
    }
}
