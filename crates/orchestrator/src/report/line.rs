//! One line of the timeline in words.

use crate::printable::one_line;
use crate::timeline::Micros;

/// Something that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When, on the timeline.
    pub at: Micros,
    /// What changed: `pod web-abc`.
    pub object: String,
    /// How: `ready 1/2, was 2/2`.
    pub change: String,
}

impl Line {
    pub(super) fn new(at: Micros, object: impl Into<String>, change: impl Into<String>) -> Self {
        Self {
            at,
            object: object.into(),
            change: change.into(),
        }
    }

    /// With its time told from `zero`, and the object padded to `width`.
    pub fn told_from(&self, zero: Micros, width: usize) -> String {
        let (sign, apart) = if self.at < zero {
            ("-", zero.since(self.at))
        } else {
            ("+", self.at.since(zero))
        };
        // Told to the millisecond, what is less than one before is not before.
        let sign = if apart.as_millis() == 0 { "+" } else { sign };
        let time = format!("{sign}{}", Micros::from(apart));
        let (object, change) = (one_line(&self.object), one_line(&self.change));
        format!("{time:>10} s  {object:width$}  {change}")
    }
}
