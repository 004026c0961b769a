//! One line of the timeline's text: a time, an object and its change.

use super::wrap::hanging;
use crate::printable::one_line;
use crate::timeline::Micros;
use crate::timeline::snapshot::PodFacts;

/// A change of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// When it was observed, on the timeline.
    pub(crate) at: Micros,
    /// The object: `pod web-abc`.
    pub(crate) object: String,
    /// The change: `ready 1/2, was 2/2`.
    pub(crate) change: String,
    /// The line as other Pods of the same owner may have it; none of a line that is not about a
    /// Pod, or about a Pod without owner.
    pub(super) alike: Option<Alike>,
}

/// What the lines of Pods of one owner have in common: the text of a line, with `*` for the Pod's
/// own part of its name and for its address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Alike {
    pub(super) object: String,
    pub(super) change: String,
}

impl Alike {
    /// The common text of a line about a Pod. None if the Pod's name is not made from its owner's.
    fn of(line: &Line, pod: &PodFacts) -> Option<Self> {
        let owner = &pod.owner.as_ref()?.name;
        pod.name.strip_prefix(owner)?.strip_prefix('-')?;
        let all = format!("{owner}-*");
        let change = match &pod.ip {
            Some(ip) => line.change.replace(ip, "*"),
            None => line.change.clone(),
        };
        Some(Self {
            object: line.object.replacen(&pod.name, &all, 1),
            change,
        })
    }
}

impl Line {
    pub(super) fn new(at: Micros, object: impl Into<String>, change: impl Into<String>) -> Self {
        Self {
            at,
            object: object.into(),
            change: change.into(),
            alike: None,
        }
    }

    /// The line, known to be about this Pod or one of its containers.
    pub(super) fn about(self, pod: &PodFacts) -> Self {
        let alike = Alike::of(&self, pod);
        Self { alike, ..self }
    }

    /// The line as text of at most `columns`, with its time relative to `zero` and the object
    /// padded to `width`. What does not fit continues below. Where the change would be too narrow,
    /// nothing is padded, and a change that does not fit is below.
    pub(super) fn rows(&self, zero: Micros, width: usize, columns: usize) -> Vec<String> {
        let time = relative(self.at, zero);
        let (object, change) = (one_line(&self.object), one_line(&self.change));
        let start = format!("{time:>10} s  {object:width$}  ");
        if start.chars().count() <= columns / 2 {
            return hanging(&start, &change, columns);
        }
        let start = format!("  {time} s  {object}");
        let row = format!("{start}  {change}");
        if row.chars().count() <= columns {
            return vec![row];
        }
        let below = hanging("    ", &change, columns);
        hanging("  ", start.trim_start(), columns)
            .into_iter()
            .chain(below)
            .collect()
    }
}

/// The time from `zero` to `at` in seconds: `+1.020`, `-0.300`.
pub(super) fn relative(at: Micros, zero: Micros) -> String {
    let (sign, apart) = if at < zero {
        ("-", zero.since(at))
    } else {
        ("+", at.since(zero))
    };
    // Less than a millisecond before `zero` is printed as `+0.000`, not `-0.000`.
    let sign = if apart.as_millis() == 0 { "+" } else { sign };
    format!("{sign}{}", Micros::from(apart))
}
