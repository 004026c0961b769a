//! Budgets of traffic: how many requests may fail, and for how long no request may succeed.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Limits on the failed requests of each client. At least one limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// How many requests may fail.
    pub failed: Option<FailureLimit>,
    /// How long a run of failed requests may last, from the sending of its first request to that of
    /// the next request that did not fail.
    pub longest_failure: Option<Duration>,
}

/// The number of requests that may fail, or their share of all requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureLimit {
    /// At most so many.
    Count(u64),
    /// At most this share.
    Share(Share),
}

impl FailureLimit {
    /// Whether this many failed requests of so many are within the limit.
    pub fn permits(self, failed: u64, of: u64) -> bool {
        match self {
            Self::Count(most) => failed <= most,
            Self::Share(share) => {
                u128::from(failed) * u128::from(Share::ALL) <= u128::from(share.0) * u128::from(of)
            }
        }
    }
}

/// `20` or `1%`
impl fmt::Display for FailureLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(most) => most.fmt(f),
            Self::Share(share) => share.fmt(f),
        }
    }
}

/// A share of all requests, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share(u32);

impl Share {
    /// All requests.
    const ALL: u32 = 1_000_000;

    /// Millionths in one percent.
    const PERCENT: u32 = Self::ALL / 100;
}

/// An error in a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidShare {
    /// It is above `100%`.
    TooLarge,
    /// It is no percentage with at most four decimals.
    Malformed,
}

impl FromStr for Share {
    type Err = InvalidShare;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.strip_suffix('%').ok_or(InvalidShare::Malformed)?;
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let is_digits = |text: &str| {
            !text.is_empty() && text.bytes().all(|character| character.is_ascii_digit())
        };
        if !is_digits(whole) || !is_digits(decimals) || decimals.len() > 4 {
            return Err(InvalidShare::Malformed);
        }
        // More digits than fit are more than 100 %.
        let whole: u32 = whole.parse().ok().ok_or(InvalidShare::TooLarge)?;
        let decimals: u32 = format!("{decimals:0<4}")
            .parse()
            .expect("four digits must be a number");
        let millionths = whole
            .checked_mul(Self::PERCENT)
            .and_then(|whole| whole.checked_add(decimals))
            .filter(|millionths| *millionths <= Self::ALL);
        millionths.map(Self).ok_or(InvalidShare::TooLarge)
    }
}

/// `1%`, `0.5%`
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, decimals) = (self.0 / Self::PERCENT, self.0 % Self::PERCENT);
        if decimals == 0 {
            return write!(f, "{whole}%");
        }
        let decimals = format!("{decimals:04}");
        write!(f, "{whole}.{}%", decimals.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_percentage() {
        for (text, shown) in [
            ("1%", "1%"),
            ("0.50%", "0.5%"),
            ("100%", "100%"),
            ("0.0001%", "0.0001%"),
        ] {
            assert_eq!(text.parse::<Share>().unwrap().to_string(), shown);
        }
        for text in ["100.0001%", "101%", "4294967296%", "42949673%"] {
            assert_eq!(text.parse::<Share>(), Err(InvalidShare::TooLarge), "{text}");
        }
        for text in ["1", "%", "-1%", "1.%", ".5%", "0.00001%", "1e2%", "1 %"] {
            assert_eq!(
                text.parse::<Share>(),
                Err(InvalidShare::Malformed),
                "{text}"
            );
        }
    }

    #[test]
    fn a_limit_permits_its_own_value() {
        let share = FailureLimit::Share("0.5%".parse().unwrap());
        assert!(share.permits(1, 200) && !share.permits(1, 199) && share.permits(0, 0));
        let count = FailureLimit::Count(2);
        assert!(count.permits(2, 2) && !count.permits(3, 1_000));
    }
}
