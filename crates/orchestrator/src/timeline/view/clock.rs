//! A target's clock on ours: when its process started, and how sure that is.

use crate::timeline::{Micros, StateCall};

/// Where a target's time 0 lies on the timeline; before its start for a process that is older.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offset {
    /// Microseconds on the timeline.
    pub(crate) zero: i64,
    /// It is at most so far from the truth, in microseconds.
    pub(crate) error: i64,
}

impl Offset {
    /// The answer was made at some time between sending and receiving: the middle errs by half the round trip.
    pub(crate) fn of(call: &StateCall, received: Micros) -> Self {
        let (sent, received) = (signed(call.sent), signed(received));
        Self {
            zero: i64::midpoint(sent, received) - signed(call.uptime),
            error: (received - sent + 1) / 2,
        }
    }
}

/// On a line that has negative times too.
pub(crate) fn signed(at: Micros) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::Target;

    #[test]
    fn half_the_round_trip_is_the_error() {
        let target = Target {
            pod: "p".into(),
            uid: "u".into(),
            container: "c".into(),
            instance: "i".into(),
        };
        let call = StateCall {
            target,
            sent: Micros(1_000),
            uptime: Micros(5_000),
        };
        assert_eq!(
            Offset::of(&call, Micros(1_400)),
            Offset {
                zero: -3_800,
                error: 200
            }
        );
        assert_eq!(
            Offset::of(&call, Micros(1_000)),
            Offset {
                zero: -4_000,
                error: 0
            }
        );
    }
}
