//! The sum of repeated runs in the report for machines.

use schemars::JsonSchema;
use serde::Serialize;

use crate::exit::Exit;
use crate::report::repetition::{HEADS, Repetition, RunSum, Sampled};
use crate::timeline::Micros;

/// All runs of one experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Repeat {
    /// The experiment's name.
    pub(crate) experiment: String,
    /// How many runs were asked for.
    pub(crate) asked: u32,
    /// How many runs ended.
    pub(crate) runs: usize,
    /// How many of them passed.
    pub(crate) passed: usize,
    /// How many failed.
    pub(crate) failed: usize,
    /// How many were inconclusive.
    pub(crate) inconclusive: usize,
    /// How many were ended by an error.
    pub(crate) errors: usize,
    /// The runs that did not pass.
    pub(crate) not_passed: Vec<NotPassed>,
    /// The times of the runs that passed or failed.
    pub(crate) measures: Vec<Percentiles>,
}

/// A run that did not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NotPassed {
    /// Its number, from 1.
    pub(crate) run: u32,
    /// Its seed, if it had one.
    pub(crate) seed: Option<u64>,
    /// Its exit code.
    pub(crate) exit: u8,
}

/// The times of one measure. A percentile is a time that was measured, by nearest rank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Percentiles {
    /// The step from whose `acknowledged` the time counts; null for a measure of the experiment.
    pub(crate) step: Option<String>,
    /// The id of an expectation, a link of the step's chain, or the name of a measure.
    pub(crate) name: String,
    /// How many times there are; fewer than runs if something was not seen in some of them.
    pub(crate) samples: usize,
    /// The shortest, in microseconds.
    pub(crate) min: Option<Micros>,
    /// The median, in microseconds; null below 2 samples.
    pub(crate) p50: Option<Micros>,
    /// The 90th percentile, in microseconds; null below 10 samples.
    pub(crate) p90: Option<Micros>,
    /// The 99th percentile, in microseconds; null below 100 samples.
    pub(crate) p99: Option<Micros>,
    /// The longest, in microseconds.
    pub(crate) max: Option<Micros>,
}

impl Repeat {
    /// The sum of these runs.
    pub(crate) fn new(repetition: &Repetition) -> Self {
        Self {
            experiment: repetition.experiment.clone(),
            asked: repetition.asked,
            runs: repetition.runs.len(),
            passed: repetition.count(Exit::Held),
            failed: repetition.count(Exit::Failed),
            inconclusive: repetition.count(Exit::Inconclusive),
            errors: repetition.errors(),
            not_passed: repetition.not_passed().map(NotPassed::new).collect(),
            measures: repetition.measures().map(Percentiles::new).collect(),
        }
    }
}

impl NotPassed {
    fn new(run: &RunSum) -> Self {
        Self {
            run: run.number,
            seed: run.seed,
            exit: run.exit as u8,
        }
    }
}

impl Percentiles {
    /// The times with their names.
    pub(in crate::report) fn named(&self) -> [(&'static str, Option<Micros>); 5] {
        let times = [self.min, self.p50, self.p90, self.p99, self.max];
        std::array::from_fn(|index| (HEADS[index], times[index]))
    }

    fn new(sampled: &Sampled) -> Self {
        let [min, p50, p90, p99, max] = sampled.times();
        Self {
            step: sampled.step.clone(),
            name: sampled.name.clone(),
            samples: sampled.number(),
            min,
            p50,
            p90,
            p99,
            max,
        }
    }
}
