//! Which run begins next, where several may be under way at a time. Pure.

use std::collections::BTreeSet;

/// A run of an experiment, both by their numbers from 0, in the order of the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RunKey {
    pub(super) experiment: usize,
    pub(super) run: u32,
}

/// How many may be under way at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Experiments.
    pub(super) experiments: usize,
    /// Runs of one experiment.
    pub(super) of_one: usize,
    /// Runs of all experiments.
    pub(super) runs: usize,
}

/// The runs that are left, and those under way.
#[derive(Debug)]
pub(super) struct Schedule {
    limits: Limits,
    /// The runs of each experiment that may still begin.
    left: Vec<std::ops::Range<u32>>,
    running: BTreeSet<RunKey>,
    /// For each experiment, those that must not be under way beside it.
    apart: Vec<BTreeSet<usize>>,
}

impl Schedule {
    /// So many runs of each experiment.
    pub(super) fn new(runs: u32, apart: Vec<BTreeSet<usize>>, limits: Limits) -> Self {
        Self {
            limits,
            left: vec![0..runs; apart.len()],
            running: BTreeSet::new(),
            apart,
        }
    }

    /// The first run that may begin now, which is under way from now on.
    pub(super) fn next(&mut self) -> Option<RunKey> {
        if self.running.len() >= self.limits.runs {
            return None;
        }
        let experiment = (0..self.left.len()).find(|experiment| self.may_begin(*experiment))?;
        let run = self.left[experiment].next()?;
        let key = RunKey { experiment, run };
        self.running.insert(key);
        Some(key)
    }

    fn may_begin(&self, experiment: usize) -> bool {
        if self.left[experiment].is_empty() {
            return false;
        }
        if self.has_begun(experiment) {
            return self.running_of(experiment) < self.limits.of_one;
        }
        let under_way = (0..self.left.len()).filter(|other| self.is_under_way(*other));
        let under_way: Vec<usize> = under_way.collect();
        let is_apart = |other: &usize| self.apart[experiment].contains(other);
        under_way.len() < self.limits.experiments && !under_way.iter().any(is_apart)
    }

    fn has_begun(&self, experiment: usize) -> bool {
        self.left[experiment].start > 0
    }

    /// Whether an experiment has begun and has runs that have not ended.
    fn is_under_way(&self, experiment: usize) -> bool {
        let has_left = !self.left[experiment].is_empty();
        self.has_begun(experiment) && (has_left || self.running_of(experiment) > 0)
    }

    fn running_of(&self, experiment: usize) -> usize {
        let running = self.running.iter();
        running.filter(|key| key.experiment == experiment).count()
    }

    /// A run has ended.
    pub(super) fn ended(&mut self, key: RunKey) {
        self.running.remove(&key);
    }

    /// No further run of this experiment begins.
    pub(super) fn close(&mut self, experiment: usize) {
        let left = &mut self.left[experiment];
        left.end = left.start;
    }

    /// No further experiment begins. Those under way go on to their last run.
    pub(super) fn begin_no_other(&mut self) {
        for experiment in 0..self.left.len() {
            if !self.has_begun(experiment) {
                self.close(experiment);
            }
        }
    }

    /// No further run begins.
    pub(super) fn stop(&mut self) {
        for experiment in 0..self.left.len() {
            self.close(experiment);
        }
    }

    /// The first run that is under way or may still begin: the results of those before it are
    /// complete.
    pub(super) fn first_open(&self) -> Option<RunKey> {
        let left = self
            .left
            .iter()
            .enumerate()
            .find(|(_, left)| !left.is_empty());
        let left = left.map(|(experiment, left)| RunKey {
            experiment,
            run: left.start,
        });
        left.into_iter().chain(self.running.first().copied()).min()
    }

    /// The experiments of the runs under way.
    pub(super) fn running(&self) -> BTreeSet<usize> {
        self.running.iter().map(|key| key.experiment).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALONE: Limits = Limits {
        experiments: 1,
        of_one: 1,
        runs: 1,
    };

    const TWO: Limits = Limits {
        experiments: 2,
        of_one: 1,
        runs: 2,
    };

    fn schedule(experiments: usize, runs: u32, limits: Limits) -> Schedule {
        Schedule::new(runs, vec![BTreeSet::new(); experiments], limits)
    }

    fn key(experiment: usize, run: u32) -> RunKey {
        RunKey { experiment, run }
    }

    /// Begins all that may begin.
    fn begin(schedule: &mut Schedule) -> Vec<(usize, u32)> {
        let begun = std::iter::from_fn(|| schedule.next());
        begun.map(|key| (key.experiment, key.run)).collect()
    }

    #[test]
    fn runs_begin_in_order_and_within_the_limits() {
        let mut alone = schedule(2, 2, ALONE);
        let mut order = Vec::new();
        while let Some(key) = alone.next() {
            assert_eq!(alone.next(), None);
            order.push((key.experiment, key.run));
            alone.ended(key);
        }
        assert_eq!(order, [(0, 0), (0, 1), (1, 0), (1, 1)]);

        let mut two = schedule(3, 2, TWO);
        assert_eq!(begin(&mut two), [(0, 0), (1, 0)]);
        two.ended(key(1, 0));
        assert_eq!(begin(&mut two), [(1, 1)]);
        two.ended(key(1, 1));
        assert_eq!(begin(&mut two), [(2, 0)]);

        let all = Limits {
            experiments: 1,
            of_one: 4,
            runs: 4,
        };
        let mut one_by_one = schedule(2, 3, all);
        assert_eq!(begin(&mut one_by_one), [(0, 0), (0, 1), (0, 2)]);
        for run in [0, 2] {
            one_by_one.ended(key(0, run));
            assert_eq!(begin(&mut one_by_one), []);
        }
        one_by_one.ended(key(0, 1));
        assert_eq!(begin(&mut one_by_one).len(), 3);
    }

    #[test]
    fn experiments_that_must_be_apart_are() {
        let apart = vec![BTreeSet::from([1]), BTreeSet::from([0]), BTreeSet::new()];
        let mut two = Schedule::new(1, apart, TWO);
        assert_eq!(begin(&mut two), [(0, 0), (2, 0)]);
        two.ended(key(2, 0));
        assert_eq!(begin(&mut two), []);
        two.ended(key(0, 0));
        assert_eq!(begin(&mut two), [(1, 0)]);
    }

    #[test]
    fn what_is_closed_does_not_begin_and_what_runs_goes_on() {
        let mut two = schedule(3, 2, TWO);
        begin(&mut two);
        two.begin_no_other();
        two.ended(key(0, 0));
        two.close(1);
        two.ended(key(1, 0));
        assert_eq!(begin(&mut two), [(0, 1)]);
        two.ended(key(0, 1));
        assert_eq!((begin(&mut two), two.first_open()), (vec![], None));

        let mut stopped = schedule(3, 2, TWO);
        begin(&mut stopped);
        stopped.stop();
        stopped.ended(key(0, 0));
        assert_eq!(begin(&mut stopped), []);
        assert_eq!(stopped.first_open(), Some(key(1, 0)));
    }

    #[test]
    fn results_are_complete_before_the_first_open_run() {
        let mut two = schedule(2, 2, TWO);
        assert_eq!(two.first_open(), Some(key(0, 0)));
        begin(&mut two);
        two.ended(key(1, 0));
        assert_eq!(two.first_open(), Some(key(0, 0)));
        two.ended(key(0, 0));
        assert_eq!(two.first_open(), Some(key(0, 1)));
    }
}
