//! Times on a timeline: whole microseconds since its start.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A time on the timeline, or on a target's own clock since its process started.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(transparent)]
#[schemars(description = "Whole microseconds.")]
pub struct Micros(pub u64);

/// Maximum of [`Micros::signed`].
const CAP: i64 = i64::MAX / 4;

impl Micros {
    /// The timeline's start.
    pub const ZERO: Self = Self(0);
    /// Later than every record. Marks the end of a period that is not over.
    pub const MAX: Self = Self(u64::MAX);

    /// The time from `earlier` to this; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// Signed microseconds: on the timeline, a process may have started before time 0. They are
    /// capped, so that no sum of a few of them overflows, whatever a file contains.
    pub(crate) fn signed(self) -> i64 {
        i64::try_from(self.0).map_or(CAP, |micros| micros.min(CAP))
    }

    /// The time at these signed microseconds; zero for a time before the timeline's start.
    pub(crate) fn from_signed(micros: i64) -> Self {
        Self(u64::try_from(micros).unwrap_or_default())
    }
}

impl From<Duration> for Micros {
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
    }
}

impl From<Micros> for Duration {
    fn from(micros: Micros) -> Self {
        Self::from_micros(micros.0)
    }
}

impl Add<Duration> for Micros {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(Self::from(duration).0))
    }
}

impl Sub<Duration> for Micros {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(Self::from(duration).0))
    }
}

/// Seconds with three decimals: `5.104`.
impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1_000_000, self.0 / 1_000 % 1_000)
    }
}
