//! The wait before failed Pods of a DaemonSet are deleted, and with that replaced.
//!
//! Rule: `staging/src/k8s.io/client-go/util/flowcontrol/backoff.go` under
//! `pkg/controller/daemon/daemon_controller.go`, `podsShouldBeOnNode`.

use std::time::Duration;

use crate::moment::Moment;

/// The first wait, and the longest one.
///
/// Rule: `cmd/kube-controller-manager/app/apps.go`, `startDaemonSetController`.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(15);

/// Waits of 1, 2, 4 … s, at most 15 min; reset after half an hour without a failed Pod.
#[derive(Clone, Copy, Debug, Default)]
pub struct FailedPods(Option<Level>);

#[derive(Clone, Copy, Debug)]
struct Level {
    wait: Duration,
    deleted: Moment,
}

impl FailedPods {
    /// Requests the deletion of a failed Pod. If it is granted, the next wait doubles.
    ///
    /// # Errors
    /// The time until it is worth another request. It is the whole wait, whatever has passed of it.
    pub fn request(&mut self, now: Moment) -> Result<(), Duration> {
        let level = self.0.filter(|level| now - level.deleted <= LONGEST * 2);
        let wait = match level {
            None => FIRST,
            Some(level) if now - level.deleted < level.wait => return Err(level.wait),
            Some(level) => LONGEST.min(level.wait * 2),
        };
        self.0 = Some(Level { wait, deleted: now });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen on a node, with a program that lives for a second: 3.0, 3.1, 6.9, 11.1 s.
    #[test]
    fn deletions_wait_twice_as_long_each_time() {
        let mut failed = FailedPods::default();
        let at = Moment::from_millis;
        assert_eq!(failed.request(at(0)), Ok(()));
        assert_eq!(failed.request(at(500)), Err(Duration::from_secs(1)));
        assert_eq!(failed.request(at(3_000)), Ok(()));
        assert_eq!(failed.request(at(6_100)), Ok(()));
        assert_eq!(failed.request(at(9_000)), Err(Duration::from_secs(4)));
        assert_eq!(failed.request(at(13_000)), Ok(()));
        assert_eq!(failed.request(at(20_000)), Err(Duration::from_secs(8)));
    }

    #[test]
    fn half_an_hour_without_failures_starts_anew() {
        let mut failed = FailedPods::default();
        let minutes = |count: u64| Moment::from_secs(60 * count);
        for count in [0, 20, 40] {
            assert_eq!(failed.request(minutes(count)), Ok(()));
        }
        assert_eq!(failed.request(minutes(71)), Ok(()));
        let soon = minutes(71) + Duration::from_millis(1);
        assert_eq!(failed.request(soon), Err(Duration::from_secs(1)));
    }
}
