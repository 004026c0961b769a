//! Crash-loop back-off: the growing wait before a container that keeps ending is restarted.
//!
//! Rule: `staging/src/k8s.io/client-go/util/flowcontrol/backoff.go` under
//! `pkg/kubelet/kuberuntime/kuberuntime_manager.go`, `doBackOff`. Each pair of container and image
//! has a back-off of its own.

use std::time::Duration;

use crate::Moment;

/// The first wait, and the longest one.
///
/// Rule: `pkg/kubelet/kubelet.go`, `initialCrashLoopBackOff` and `MaxCrashLoopBackOff`.
const FIRST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_mins(5);

/// Waits of 10, 20, 40 … 300 s; reset ten minutes after the last granted start.
#[derive(Clone, Debug, Default)]
pub struct BackOff(Option<Level>);

#[derive(Clone, Copy, Debug)]
struct Level {
    wait: Duration,
    granted: Moment,
}

impl Level {
    /// Whether the back-off is still kept at `moment`. Checked with the exit before a start, and
    /// with the present, as the periodic clean-up does.
    ///
    /// Rule: `hasExpired` and `GC` of the same file.
    fn is_kept_at(&self, moment: Moment) -> bool {
        // Upstream calls a container stable after twice the longest wait.
        moment - self.granted <= LONGEST * 2
    }
}

/// A refused start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The whole wait, as in the message.
    pub wait: Duration,
    /// The rest of the wait.
    pub left: Duration,
}

impl BackOff {
    /// Requests a start. If it is granted, the next wait doubles.
    ///
    /// `exit` is the end of the newest instance *that had ended when the sync began*. For a
    /// container killed by its probe in this sync that is the previous instance, which is why probe
    /// kills back off later than crashes. If no instance has ended, the start is granted and the
    /// wait does not grow.
    pub fn request(&mut self, exit: Option<Moment>, now: Moment) -> Result<(), Refused> {
        let Some(exit) = exit else { return Ok(()) };
        // A container that ran for long enough, or waited for long enough, starts over.
        let level = self
            .0
            .filter(|level| level.is_kept_at(exit) && level.is_kept_at(now));
        let wait = match level {
            None => FIRST,
            Some(Level { wait, .. }) if now - exit < wait => {
                let left = exit + wait - now;
                return Err(Refused { wait, left });
            }
            Some(level) => LONGEST.min(level.wait * 2),
        };
        self.0 = Some(Level { wait, granted: now });
        Ok(())
    }
}

/// A duration in Go's format: `10s`, `1m20s`, `5m0s`. Fractions of a second are dropped.
pub fn go_duration(wait: Duration) -> String {
    match wait.as_secs() {
        seconds @ ..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m{}s", seconds / 60, seconds % 60),
        seconds => format!("{}h{}m{}s", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits before each restart of a container that ends `lives` seconds after each start.
    fn crash(lives: u64, restarts: usize) -> Vec<u64> {
        let mut back_off = BackOff::default();
        let mut exit = Moment::from_secs(lives);
        let waits = (0..restarts).map(|_| {
            let wait = match back_off.request(Some(exit), exit) {
                Ok(()) => Duration::ZERO,
                Err(refused) => {
                    let later = back_off.request(Some(exit), exit + refused.left);
                    assert_eq!(later, Ok(()), "granted when the wait is over");
                    refused.wait
                }
            };
            exit = exit + wait + Duration::from_secs(lives);
            wait.as_secs()
        });
        waits.collect()
    }

    /// Waits before each restart of a container whose probe ends it `lives` seconds after each
    /// start.
    fn probe_kill(lives: u64, restarts: usize) -> Vec<u64> {
        let mut back_off = BackOff::default();
        let (mut previous, mut exit) = (None, Moment::from_secs(lives));
        let waits = (0..restarts).map(|_| {
            let wait = match back_off.request(previous, exit) {
                Ok(()) => Duration::ZERO,
                // The sync that retries finds the victim itself ended.
                Err(_) => back_off
                    .request(Some(exit), exit)
                    .map_or_else(|it| it.left, |()| Duration::ZERO),
            };
            let start = exit + wait;
            assert!(wait.is_zero() || back_off.request(Some(exit), start).is_ok());
            (previous, exit) = (Some(exit), start + Duration::from_secs(lives));
            wait.as_secs()
        });
        waits.collect()
    }

    #[test]
    fn a_crashing_container_climbs_the_ladder() {
        assert_eq!(crash(1, 8), [0, 10, 20, 40, 80, 160, 300, 300]);
    }

    #[test]
    fn ten_quiet_minutes_start_the_ladder_anew() {
        // A life longer than that is never refused.
        assert_eq!(crash(601, 4), [0, 0, 0, 0]);
        // One shorter climbs on as if it had crashed at once, as long as life and wait together are
        // no longer than that.
        assert_eq!(crash(560, 6), [0, 10, 20, 40, 80, 10]);
        let mut back_off = BackOff::default();
        let at = Moment::from_secs;
        assert_eq!(back_off.request(Some(at(0)), at(0)), Ok(()));
        assert_eq!(back_off.request(Some(at(590)), at(600)), Ok(()));
        let refused = back_off.request(Some(at(611)), at(611));
        let wait = Duration::from_secs(20);
        assert_eq!(refused, Err(Refused { wait, left: wait }));
        assert_eq!(back_off.request(Some(at(1_211)), at(1_211)), Ok(()));
        let refused = back_off.request(Some(at(1_212)), at(1_213));
        let (wait, left) = (Duration::from_secs(10), Duration::from_secs(9));
        assert_eq!(refused, Err(Refused { wait, left }));
    }

    #[test]
    fn a_probe_kill_is_measured_from_the_exit_before() {
        // As seen on a node with the default probe: four at once, then 40 s and 80 s.
        assert_eq!(probe_kill(30, 6), [0, 0, 0, 0, 40, 80]);
        // Quick kills: the third already waits.
        assert_eq!(probe_kill(1, 6), [0, 0, 10, 20, 40, 80]);
        assert_eq!(probe_kill(301, 9), [0; 9]);
    }

    #[test]
    fn housekeeping_forgets_the_rung_of_long_lives_that_a_probe_ends() {
        let mut back_off = BackOff::default();
        let at = Moment::from_secs;
        // Kills 700 s apart, each measured from the exit before.
        for kill in 1..6 {
            assert_eq!(
                back_off.request(Some(at(700 * (kill - 1))), at(700 * kill)),
                Ok(())
            );
        }
        // A crash soon after stands on the first level.
        let wait = Duration::from_secs(10);
        let refused = back_off.request(Some(at(3_501)), at(3_501));
        assert_eq!(refused, Err(Refused { wait, left: wait }));
    }

    #[test]
    fn waits_read_as_in_go() {
        let check = |seconds, text| assert_eq!(go_duration(Duration::from_secs(seconds)), text);
        check(10, "10s");
        check(80, "1m20s");
        check(300, "5m0s");
        check(3_661, "1h1m1s");
    }
}
