//! The beat of a probe: a grid of moments, of which at most one missed beat is made up for.
//!
//! Rule: `pkg/kubelet/prober/worker.go`, `run`, and the ticker of Go's `time` package. The grid is
//! anchored to the making of the worker, not to the start of the container.

use std::time::Duration;

use crate::Moment;

/// Beats at `first`, `first + period`, and so on until it is restarted.
#[derive(Clone, Debug)]
pub(super) struct Ticker {
    period: Duration,
    next: Moment,
}

impl Ticker {
    pub(super) fn new(first: Moment, period: Duration) -> Self {
        assert!(!period.is_zero(), "a probe's period must not be zero");
        Self {
            period,
            next: first,
        }
    }

    /// When the next beat is; it may have passed already, and then it is due at once.
    pub(super) fn due(&self) -> Moment {
        self.next
    }

    /// Takes the beat that is due. Of several that have passed only this one counts.
    pub(super) fn beat(&mut self, now: Moment) {
        while self.next <= now {
            self.next += self.period;
        }
    }

    /// Begins a new grid, one period from now.
    pub(super) fn restart(&mut self, now: Moment) {
        self.next = now + self.period;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes the first beat at 0 and then one after each attempt's end; expects these due times.
    fn check(ends: &[u64], due: &[u64]) {
        let mut ticker = Ticker::new(Moment::ZERO, Duration::from_secs(10));
        ticker.beat(Moment::ZERO);
        for (end, due) in ends.iter().zip(due) {
            assert_eq!(ticker.due(), Moment::from_secs(*due));
            ticker.beat(ticker.due().max(Moment::from_secs(*end)));
        }
    }

    #[test]
    fn quick_attempts_keep_the_grid() {
        check(&[0, 11, 22], &[10, 20, 30]);
    }

    #[test]
    fn a_slow_attempt_leaves_one_beat_and_then_the_grid_resumes() {
        // The attempt of 10 s ends at 35: the beat of 20 is taken then, that of 30 is lost.
        check(&[10, 35, 36], &[10, 20, 40]);
    }

    #[test]
    fn a_restart_moves_the_grid() {
        let mut ticker = Ticker::new(Moment::ZERO, Duration::from_secs(10));
        ticker.restart(Moment::from_secs(3));
        assert_eq!(ticker.due(), Moment::from_secs(13));
    }
}
