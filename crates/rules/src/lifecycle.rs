//! Lifecycle hooks: the time that a preStop hook takes from the grace period.

use std::time::Duration;

use crate::container::stop_grace;

/// The time from SIGTERM to SIGKILL, after a preStop hook took `took` of `grace`.
///
/// Only whole seconds of the hook count. A hook that takes longer than `grace` is not awaited, and
/// goes on beside the termination.
///
/// Rule: `pkg/kubelet/kuberuntime/kuberuntime_container.go`, `killContainer` and
/// `executePreStopHook`.
pub fn grace_after_pre_stop(grace: Duration, took: Duration) -> Duration {
    stop_grace(grace.saturating_sub(Duration::from_secs(took.as_secs())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen on a node: sleep 3 with a grace period of 3 s, SIGKILL 5.1 s after `Killing`.
    #[test]
    fn at_least_two_seconds_are_left() {
        let check = |grace, took, expected| {
            let left =
                grace_after_pre_stop(Duration::from_secs(grace), Duration::from_millis(took));
            assert_eq!(left, Duration::from_secs(expected), "{grace} {took}");
        };
        check(3, 3_000, 2);
        check(30, 2_999, 28);
        check(30, 3_000, 27);
        check(4, 4_000, 2);
        check(1, 1_000, 2);
    }
}
