//! The request rate of a traffic client, such as `10/s`.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// Requests per second, 1 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(NonZeroU32);

/// An error in a rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a rate; expected requests a second from `1/s` to `1000/s`")]
pub struct InvalidRate(String);

impl Rate {
    /// Requests per second.
    pub fn per_second(self) -> u32 {
        self.0.get()
    }

    /// The number of requests sent within this time, rounded down.
    pub fn within(self, time: Duration) -> u64 {
        let sent = time.as_millis() * u128::from(self.per_second()) / 1000;
        u64::try_from(sent).unwrap_or(u64::MAX)
    }
}

impl FromStr for Rate {
    type Err = InvalidRate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_suffix("/s")
            .and_then(|number| number.parse().ok())
            .filter(|number: &NonZeroU32| number.get() <= 1000)
            .map(Self)
            .ok_or_else(|| InvalidRate(text.into()))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_a_second() {
        let rate: Rate = "10/s".parse().unwrap();
        assert_eq!(rate.within(Duration::from_millis(2_950)), 29);
        assert_eq!(rate.to_string(), "10/s");
        for text in ["0/s", "10", "10/m", "1001/s", "-1/s", "", "1.5/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text:?}");
        }
    }
}
