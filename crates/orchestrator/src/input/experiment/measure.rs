//! Measures: the time between two marks of a run.

use std::time::Duration;

use super::{Condition, Spanned};

/// The time from one mark to another.
#[derive(Debug, Clone)]
pub struct Measure {
    /// A DNS label, unique in the experiment.
    pub name: Spanned<String>,
    /// The first mark.
    pub from: Mark,
    /// The second mark.
    pub to: Mark,
    /// The longest time allowed, if there is one.
    pub at_most: Option<Duration>,
}

/// A moment of a run.
#[derive(Debug, Clone)]
pub enum Mark {
    /// Time 0 of the step with this index: its action was acknowledged.
    Step(usize),
    /// An `eventually` became true.
    Expectation {
        /// Index of its step.
        step: usize,
        /// Index among the expectations of the step.
        index: usize,
    },
    /// A condition becomes true, after the other mark or the first step's beginning.
    Change(Condition),
    /// The first request of a client that failed.
    FirstFailed(Spanned<String>),
    /// The last request of a client that failed.
    LastFailed(Spanned<String>),
    /// The first request of a client that succeeded after the last one that failed.
    Recovered(Spanned<String>),
}

impl Mark {
    /// The step of the mark, if it belongs to one.
    pub(crate) fn step(&self) -> Option<usize> {
        match self {
            Self::Step(step) | Self::Expectation { step, .. } => Some(*step),
            _ => None,
        }
    }

    /// The client whose requests the mark is about, if it is about requests.
    pub(crate) fn client(&self) -> Option<&str> {
        match self {
            Self::FirstFailed(name) | Self::LastFailed(name) | Self::Recovered(name) => Some(name),
            Self::Step(_) | Self::Expectation { .. } | Self::Change(_) => None,
        }
    }
}
