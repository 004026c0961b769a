//! Maps a target's clock to the timeline: the offset and its error.

use crate::timeline::{Micros, StateCall};

/// The offset of a target's clock. It is negative for a process that started before the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offset {
    /// The target's time 0, in microseconds on the timeline.
    pub(crate) zero: i64,
    /// Maximum error of `zero`, in microseconds.
    pub(crate) error: i64,
}

impl Offset {
    /// The offset from one `state` call. The target read its clock at some time between sending and
    /// receiving, so the midpoint is wrong by half the round trip at most.
    pub(crate) fn of(call: &StateCall, received: Micros) -> Self {
        let (sent, received) = (call.sent.signed(), received.signed());
        Self {
            zero: i64::midpoint(sent, received) - call.uptime.signed(),
            error: (received - sent + 1) / 2,
        }
    }
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
