//! The back-off of a Job's Pods: failures since the last success, and when the next Pod is due.
//!
//! Rule: `pkg/controller/job/backoff_utils.go`.

use std::time::Duration;

use crate::moment::Moment;

/// The first wait, and the longest one.
///
/// Rule: `pkg/controller/job/job_controller.go`, `DefaultJobPodFailureBackOff` and
/// `MaxJobPodFailureBackOff`.
const FIRST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_mins(10);

/// Failures since the last success: their number, and the end of the one counted last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    number: u32,
    latest: Moment,
}

impl Failures {
    /// Takes in Pods that have ended since the last call, by when they ended.
    pub fn add(&mut self, succeeded: &[Moment], failed: &[Moment]) {
        let last_success = succeeded.iter().max();
        if last_success.is_some() {
            self.number = 0;
        }
        let later = failed
            .iter()
            .filter(|end| last_success.is_none_or(|success| *end > success));
        // The latest of these, not of all: a Pod that is counted late brings its own time.
        if let Some(latest) = later.clone().max() {
            self.latest = *latest;
        }
        self.number = self
            .number
            .saturating_add(later.count().try_into().unwrap_or(u32::MAX));
    }

    /// This many failures without a success between them, the latest at `latest`: those of an index
    /// that has a back-off of its own.
    pub fn of(number: u32, latest: Moment) -> Self {
        Self { number, latest }
    }

    /// When the next Pod may be created; `None` means at once.
    pub fn next_pod(&self) -> Option<Moment> {
        let doublings = self.number.checked_sub(1)?;
        let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
        Some(self.latest + FIRST.saturating_mul(factor).min(LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Moment {
        Moment::from_secs(seconds)
    }

    #[test]
    fn each_failure_doubles_the_wait() {
        let mut failures = Failures::default();
        assert_eq!(failures.next_pod(), None);
        let mut due = Vec::new();
        for _ in 0..8 {
            failures.add(&[], &[at(100)]);
            due.extend(failures.next_pod());
        }
        let waits = [10, 20, 40, 80, 160, 320, 600, 600];
        assert_eq!(due, waits.map(|wait| at(100 + wait)));
    }

    #[test]
    fn failures_that_are_counted_together_count_from_the_latest_of_them() {
        let mut failures = Failures::default();
        failures.add(&[], &[at(30), at(40), at(35)]);
        assert_eq!(failures.next_pod(), Some(at(40 + 40)));
        failures.add(&[], &[at(20)]);
        assert_eq!(failures.next_pod(), Some(at(20 + 80)));
        failures.add(&[], &[]);
        assert_eq!(failures.next_pod(), Some(at(20 + 80)));
    }

    #[test]
    fn a_success_resets_the_wait_and_later_failures_count() {
        let mut failures = Failures::default();
        failures.add(&[], &[at(1), at(2), at(3)]);
        failures.add(&[at(10)], &[]);
        assert_eq!(failures.next_pod(), None);
        failures.add(&[at(20)], &[at(19), at(21), at(22)]);
        assert_eq!(failures.next_pod(), Some(at(22 + 20)));
    }
}
