//! The numbers that a condition allows: one number, or all from a least to a greatest.

use std::fmt;

/// A range of whole numbers from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberRange {
    /// `atLeast`; 0 by default.
    pub least: u32,
    /// `atMost`; no limit by default.
    pub most: Option<u32>,
}

impl NumberRange {
    /// The range of this number only.
    pub fn exactly(number: u32) -> Self {
        Self {
            least: number,
            most: Some(number),
        }
    }

    /// Whether the range contains a number, which may be negative.
    pub fn contains(self, number: i64) -> bool {
        i64::from(self.least) <= number && self.most.is_none_or(|most| number <= i64::from(most))
    }

    /// The number and its noun in singular or plural: `at most 1 restart`.
    pub(crate) fn of(self, noun: &str) -> String {
        let plural = if self.most.unwrap_or(self.least) == 1 {
            ""
        } else {
            "s"
        };
        format!("{self} {noun}{plural}")
    }
}

impl fmt::Display for NumberRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { least, most } = self;
        match (least, most) {
            (least, None) => write!(f, "at least {least}"),
            (least, Some(most)) if least == most => write!(f, "{least}"),
            (0, Some(most)) => write!(f, "at most {most}"),
            (least, Some(most)) => write!(f, "{least} to {most}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(range: NumberRange, inside: &[i64], outside: &[i64], text: &str) {
        assert!(inside.iter().all(|number| range.contains(*number)));
        assert!(!outside.iter().any(|number| range.contains(*number)));
        assert_eq!(range.of("restart"), text);
    }

    #[test]
    fn both_ends_belong_to_a_range() {
        let range = |least, most| NumberRange { least, most };
        check(NumberRange::exactly(1), &[1], &[0, 2, -1], "1 restart");
        check(NumberRange::exactly(0), &[0], &[1, -1], "0 restarts");
        check(range(2, None), &[2, 9], &[1, -2], "at least 2 restarts");
        check(range(0, Some(1)), &[0, 1], &[2, -1], "at most 1 restart");
        check(range(1, Some(3)), &[1, 3], &[0, 4], "1 to 3 restarts");
    }
}
