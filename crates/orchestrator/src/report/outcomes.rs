//! `Outcomes`: what became of each experiment that a command was to run.

use schemars::JsonSchema;
use serde::Serialize;

use crate::exit::Exit;

/// The experiments of a command in their order, and how each ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Outcomes(Vec<Outcome>);

/// How an experiment ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    /// Its name.
    experiment: String,
    /// The exit code that the command would have had if it had run this experiment alone: 130 or
    /// 143 if a signal ended the run; null if the experiment did not run.
    #[schemars(with = "Option<u8>")]
    exit: Option<Exit>,
}

impl Outcomes {
    /// Experiments that have not run.
    pub(crate) fn none_of(names: impl IntoIterator<Item = String>) -> Self {
        let none = |experiment| Outcome {
            experiment,
            exit: None,
        };
        Self(names.into_iter().map(none).collect())
    }

    /// Notes that an experiment ended with this code.
    pub(crate) fn ended(&mut self, name: &str, exit: Exit) {
        let mut all = self.0.iter_mut();
        if let Some(outcome) = all.find(|outcome| outcome.experiment == name) {
            outcome.exit = Some(outcome.exit.map_or(exit, |earlier| earlier.and(exit)));
        }
    }

    /// The number of experiments.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The name of each experiment, and how it ended; none if it did not run.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Option<Exit>)> {
        let all = self.0.iter();
        all.map(|outcome| (outcome.experiment.as_str(), outcome.exit))
    }

    /// The names of the experiments that did not run.
    pub(crate) fn not_run(&self) -> impl Iterator<Item = &str> {
        let without = self.iter().filter(|(_, exit)| exit.is_none());
        without.map(|(name, _)| name)
    }

    /// Whether a signal ended the run of this experiment.
    pub(crate) fn is_interrupted(&self, name: &str) -> bool {
        let mut all = self.iter();
        all.any(|(known, exit)| known == name && exit.is_some_and(Exit::is_signal))
    }
}
