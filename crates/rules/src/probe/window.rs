//! Closed formulas: the bounds of the time that a probe takes to decide.
//!
//! Times of the API and the data plane come on top: they are not the probe's.

use std::time::Duration;

use super::spec::{Spec, Threshold};

/// Bounds of the time from an event to the end of the attempt that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// It takes longer than this.
    pub after: Duration,
    /// It takes at most this long.
    pub within: Duration,
}

/// The resolution of a container's start time, which is whole seconds.
const START: Duration = Duration::from_secs(1);

impl Spec {
    /// The time between the starts of two attempts, if the container takes `answer` to respond.
    ///
    /// An attempt ends at its timeout. Ticks that pass during an attempt are dropped but for one,
    /// so that long attempts follow each other.
    ///
    /// Rule: `pkg/kubelet/prober/worker.go`, `run`.
    pub fn interval(&self, answer: Duration) -> Duration {
        self.period.max(self.attempt(answer))
    }

    /// From the moment at which a container turns bad to the failure of the probe, if each attempt
    /// fails after `answer`: zero for an error response, the timeout for a hang.
    ///
    /// Rule: `pkg/kubelet/prober/worker.go`, `doProbe`: `failureThreshold` attempts in a row.
    pub fn failure_window(&self, answer: Duration) -> Window {
        self.run_window(self.failure, answer)
    }

    /// From the moment at which a failed container recovers to the success of the probe.
    ///
    /// Rule: as [`failure_window`](Self::failure_window), with `successThreshold`.
    pub fn recovery_window(&self, answer: Duration) -> Window {
        self.run_window(self.success, answer)
    }

    /// From a container's start to the success of the probe, if every attempt passes after
    /// `answer`.
    ///
    /// Rule: `pkg/kubelet/prober/worker.go`, `doProbe`: no attempt before `initialDelaySeconds`.
    pub fn first_success_window(&self, answer: Duration) -> Window {
        self.run_window(self.success, answer)
            .later_by(self.initial_delay)
    }

    /// From a container's start to the failure of the probe, if no attempt passes: what a startup
    /// probe grants.
    ///
    /// Rule: as [`first_success_window`](Self::first_success_window).
    pub fn startup_budget(&self, answer: Duration) -> Window {
        self.run_window(self.failure, answer)
            .later_by(self.initial_delay)
    }

    fn run_window(&self, threshold: Threshold, answer: Duration) -> Window {
        let interval = self.interval(answer);
        let attempt = self.attempt(answer);
        Window {
            after: interval * (threshold.count() - 1) + attempt,
            within: interval * threshold.count() + attempt,
        }
    }

    fn attempt(&self, answer: Duration) -> Duration {
        answer.min(self.timeout)
    }
}

impl Window {
    /// The window of attempts that begin after a delay from the container's start.
    fn later_by(self, delay: Duration) -> Self {
        Self {
            after: self.after + delay.saturating_sub(START),
            within: self.within + delay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::ProbeKind;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A probe as `initialDelaySeconds`, `periodSeconds`, `timeoutSeconds`, `failureThreshold` and
    /// `successThreshold`.
    fn spec([delay, period, timeout, failure, success]: [u32; 5]) -> Spec {
        Spec {
            kind: ProbeKind::Readiness,
            initial_delay: seconds(delay.into()),
            period: seconds(period.into()),
            timeout: seconds(timeout.into()),
            success: Threshold::new(success).unwrap(),
            failure: Threshold::new(failure).unwrap(),
            grace: None,
        }
    }

    fn check(window: Window, after: u64, within: u64) {
        assert_eq!(
            (window.after, window.within),
            (seconds(after), seconds(within))
        );
    }

    #[test]
    fn a_failure_counts_after_the_threshold() {
        let defaults = spec([0, 10, 1, 3, 1]);
        check(defaults.failure_window(Duration::ZERO), 20, 30);
        check(defaults.failure_window(defaults.timeout), 21, 31);
        check(spec([0, 2, 3, 1, 1]).failure_window(Duration::ZERO), 0, 2);
    }

    #[test]
    fn attempts_longer_than_the_period_follow_each_other() {
        let slow = spec([10, 10, 15, 8, 1]);
        check(slow.failure_window(Duration::ZERO), 70, 80);
        check(slow.failure_window(slow.timeout), 120, 135);
        // An attempt never takes longer than its timeout.
        check(slow.failure_window(seconds(60)), 120, 135);
    }

    #[test]
    fn a_recovery_counts_after_the_other_threshold() {
        check(
            spec([0, 10, 1, 9, 3]).recovery_window(Duration::ZERO),
            20,
            30,
        );
    }

    #[test]
    fn a_start_adds_the_delay_and_loses_up_to_a_second() {
        let startup = spec([15, 10, 1, 10, 1]);
        check(startup.startup_budget(Duration::ZERO), 104, 115);
        check(startup.startup_budget(startup.timeout), 105, 116);
        check(startup.first_success_window(Duration::ZERO), 14, 25);
        check(
            spec([0, 1, 1, 30, 1]).startup_budget(Duration::ZERO),
            29,
            30,
        );
    }
}
