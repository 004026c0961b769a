//! A part of the time axis.

use crate::timeline::Micros;

/// The times from `from` to `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) from: Micros,
    pub(crate) to: Micros,
    /// Marks of one row and look in an interval of this length are one mark with their number.
    pub(crate) interval: Micros,
}

impl Extent {
    /// Whether a state that lasted between these times is seen.
    pub(super) fn meets(&self, from: Micros, to: Micros) -> bool {
        from < self.to && to > self.from
    }
}
