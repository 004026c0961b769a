//! Parsing and formatting of durations such as `3s`, `500ms` and `1m30s`. A unit is required.

use std::fmt;
use std::time::Duration;

/// An error in a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDuration {
    /// The text does not have the form of a duration.
    #[error(
        "`{0}` is not a duration; expected a number with a unit, such as `10s`, `500ms` or `1m30s`"
    )]
    Form(String),
    /// The duration is longer than a day.
    #[error("`{0}` is too long; expected at most `24h`")]
    TooLong(String),
}

const LONGEST: Duration = Duration::from_hours(24);

/// Parses a duration: numbers with units `h`, `m`, `s`, `ms`, each at most once and in this order;
/// at most 24 h.
pub fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    match total(text) {
        Some(duration) if duration <= LONGEST => Ok(duration),
        Some(_) => Err(InvalidDuration::TooLong(text.into())),
        None => Err(InvalidDuration::Form(text.into())),
    }
}

/// Formats a duration in the syntax of [`parse`], truncated to milliseconds.
pub fn format(duration: Duration) -> String {
    Written(duration).to_string()
}

const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

// Numbers that overflow saturate, so that `parse` reports them as too long.
fn total(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut millis: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        if digits == 0 {
            return None;
        }
        let number: u64 = rest[..digits].parse().unwrap_or(u64::MAX);
        let word = &rest[digits..];
        let word = &word[..word
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(word.len())];
        let (_, factor) = units.find(|(unit, _)| *unit == word)?;
        millis = millis.saturating_add(number.saturating_mul(*factor));
        rest = &rest[digits + word.len()..];
    }
    (!text.is_empty()).then(|| Duration::from_millis(millis))
}

struct Written(Duration);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.0.as_millis();
        if left == 0 {
            return f.write_str("0s");
        }
        for (unit, factor) in UNITS {
            let factor = u128::from(factor);
            if left >= factor {
                write!(f, "{}{unit}", left / factor)?;
                left %= factor;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_reads_back() {
        for text in ["0s", "3s", "500ms", "1m30s", "1h1ms", "24h"] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
    }

    #[test]
    fn a_number_needs_its_unit() {
        for text in ["", "10", "s", "10 s", "1s1m", "1s1s", "-1s", "1.5s", "1µs"] {
            let error = parse(text).unwrap_err();
            let expected = error.to_string();
            assert!(expected.contains("a number with a unit"), "{text:?}");
        }
    }

    #[test]
    fn a_day_is_the_longest() {
        for text in ["25h", "24h1ms", "99999999999999999999s"] {
            let error = parse(text).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("`{text}` is too long; expected at most `24h`")
            );
        }
    }
}
