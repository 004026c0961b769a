//! Durations in Go's syntax, as in Kubernetes: `300ms`, `1.5s`, `1m30s`, in whole milliseconds.

use std::time::Duration;

/// The longest duration accepted, one year, so that sums never overflow.
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// The form of a duration as a regular expression. [`parse`] also limits its length and precision.
pub const PATTERN: &str = r"^(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(h|ms|m|s))+)$";

/// Parses `1m30s`. Anything else, fractions of a millisecond and more than a year give `None`.
pub fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut micros = 0_u64;
    while !rest.is_empty() {
        let (part, after) = part(rest)?;
        micros = micros.checked_add(part)?;
        rest = after;
    }
    let total = Duration::from_micros(micros);
    (!text.is_empty() && micros.is_multiple_of(1000) && total <= LONGEST).then_some(total)
}

/// Formats a duration so that [`parse`] reads it: `1m30s`, `1.5s`, `300ms`, `0s`. Truncates to
/// milliseconds.
pub fn format(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0 => return "0s".to_owned(),
        1..1000 => return format!("{millis}ms"),
        _ => {}
    }
    let parts = [
        (millis / 3_600_000).to_string() + "h",
        (millis / 60_000 % 60).to_string() + "m",
        seconds(millis % 60_000) + "s",
    ];
    let parts = parts
        .iter()
        .filter(|part| part.trim_end_matches(char::is_alphabetic) != "0");
    parts.map(String::as_str).collect()
}

/// Seconds without trailing zeros: `30`, `1.5`.
fn seconds(millis: u128) -> String {
    let (whole, fraction) = (millis / 1000, format!("{:03}", millis % 1000));
    match fraction.trim_end_matches('0') {
        "" => whole.to_string(),
        fraction => format!("{whole}.{fraction}"),
    }
}

/// The first number with its unit, in microseconds, and the rest of the text.
fn part(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|c: char| c != '.' && !c.is_ascii_digit())?;
    let (number, rest) = text.split_at(digits);
    let end = rest
        .find(|c: char| c == '.' || c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (unit, after) = rest.split_at(end);
    let unit = match unit {
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        _ => return None,
    };
    Some((scaled(number, unit)?, after))
}

/// `1.5` times `unit`, exactly.
fn scaled(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let mut micros = whole.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.bytes() {
        // A digit below one microsecond must be zero, or the product would not be whole.
        let digit = u64::from(digit.checked_sub(b'0').filter(|digit| *digit <= 9)?);
        if !place.is_multiple_of(10) && digit != 0 {
            return None;
        }
        place /= 10;
        micros = micros.checked_add(digit * place)?;
    }
    Some(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(parse(text).map(|d| d.as_millis()), expected.map(u128::from));
    }

    #[test]
    fn durations_are_whole_milliseconds_with_units() {
        check("30s", Some(30_000));
        check("1m30s", Some(90_000));
        check("1.5s", Some(1_500));
        check(".5s", Some(500));
        check("2h", Some(7_200_000));
        check("300ms", Some(300));
        check("1.25m", Some(75_000));
        check("0", Some(0));
        check("0s", Some(0));
    }

    #[test]
    fn anything_else_is_no_duration() {
        for text in [
            "",
            "30",
            "s",
            "1x",
            "-1s",
            "1 s",
            "0.5ms",
            "1.0001s",
            "1..5s",
            ".s",
            "1s1",
            "9000h",
            "99999999999999999999s",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for (millis, text) in [
            (0, "0s"),
            (1, "1ms"),
            (1_500, "1.5s"),
            (60_000, "1m"),
            (90_500, "1m30.5s"),
            (3_600_000, "1h"),
            (3_661_001, "1h1m1.001s"),
        ] {
            assert_eq!(format(Duration::from_millis(millis)), text);
            check(text, Some(millis));
        }
    }
}
