//! One line of the timeline's text: a time, an object and its change.

use crate::printable::one_line;
use crate::timeline::Micros;

/// A change of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// When it was observed, on the timeline.
    pub(crate) at: Micros,
    /// The object: `pod web-abc`.
    pub(crate) object: String,
    /// The change: `ready 1/2, was 2/2`.
    pub(crate) change: String,
}

impl Line {
    pub(super) fn new(at: Micros, object: impl Into<String>, change: impl Into<String>) -> Self {
        Self {
            at,
            object: object.into(),
            change: change.into(),
        }
    }

    /// The line as text, with its time relative to `zero` and the object padded to `width`.
    pub(crate) fn text_from(&self, zero: Micros, width: usize) -> String {
        let (sign, apart) = if self.at < zero {
            ("-", zero.since(self.at))
        } else {
            ("+", self.at.since(zero))
        };
        // Less than a millisecond before `zero` is printed as `+0.000`, not `-0.000`.
        let sign = if apart.as_millis() == 0 { "+" } else { sign };
        let time = format!("{sign}{}", Micros::from(apart));
        let (object, change) = (one_line(&self.object), one_line(&self.change));
        format!("{time:>10} s  {object:width$}  {change}")
    }
}
