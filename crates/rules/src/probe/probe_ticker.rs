//! The ticker of a probe: ticks on a fixed grid, of which at most one missed tick is made up.
//!
//! Rule: `pkg/kubelet/prober/worker.go`, `run`, and the ticker of Go's `time` package. The grid
//! starts with the worker, not with the container.

use std::time::Duration;

use crate::Moment;

/// Ticks at `first`, `first + period`, and so on, until it is restarted.
#[derive(Clone, Debug)]
pub(super) struct Ticker {
    period: Duration,
    next: Moment,
}

impl Ticker {
    pub(super) fn new(first: Moment, period: Duration) -> Self {
        // With a period of zero, `take` would not end. Validation and defaults exclude it.
        assert!(!period.is_zero(), "a probe's period must not be zero");
        Self {
            period,
            next: first,
        }
    }

    /// The moment of the next tick. If it has passed, the tick is due at once.
    pub(super) fn due(&self) -> Moment {
        self.next
    }

    /// Takes the due tick. Several missed ticks count as this one.
    pub(super) fn take(&mut self, now: Moment) {
        // Go's ticker holds at most one tick; those that find it full are dropped.
        while self.next <= now {
            self.next += self.period;
        }
    }

    /// Starts a new grid whose first tick is one period from now.
    pub(super) fn restart(&mut self, now: Moment) {
        self.next = now + self.period;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a tick at 0 and one after each attempt's end, and expects these due times.
    fn check(ends: &[u64], due: &[u64]) {
        let mut ticker = Ticker::new(Moment::ZERO, Duration::from_secs(10));
        ticker.take(Moment::ZERO);
        for (end, due) in ends.iter().zip(due) {
            assert_eq!(ticker.due(), Moment::from_secs(*due));
            ticker.take(ticker.due().max(Moment::from_secs(*end)));
        }
    }

    #[test]
    fn quick_attempts_keep_the_grid() {
        check(&[0, 11, 22], &[10, 20, 30]);
    }

    #[test]
    fn a_slow_attempt_leaves_one_beat_and_then_the_grid_resumes() {
        // The attempt of 10 s ends at 35: the tick of 20 is taken then, that of 30 is lost.
        check(&[10, 35, 36], &[10, 20, 40]);
    }

    #[test]
    fn a_restart_moves_the_grid() {
        let mut ticker = Ticker::new(Moment::ZERO, Duration::from_secs(10));
        ticker.restart(Moment::from_secs(3));
        assert_eq!(ticker.due(), Moment::from_secs(13));
    }
}
