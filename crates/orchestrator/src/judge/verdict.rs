//! Verdicts, and the judgement of an experiment: its steps and the finding for each expectation.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::chain::Chain;
use super::request_counts::RequestCounts;
use super::window::Window;
use crate::timeline::Micros;

/// Whether what was expected was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// It was.
    Pass,
    /// The record leaves it open.
    Inconclusive,
    /// It was not.
    Fail,
    /// Nothing could be expected: the steady state was never reached.
    Error,
}

impl Verdict {
    /// The verdict as a word: `pass`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "fail",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// The answer to one expectation from the timeline so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// The expectation is met, since this time if there is one.
    Pass(Option<Micros>),
    /// The expectation is not met, whatever records follow. Holds the reason as a phrase.
    Fail(String),
    /// The records cannot decide it, whatever follows. Holds the reason as a phrase.
    Unknown(String),
    /// It depends on later records. Ask again at this time, or without one after the next record.
    Open(Option<Micros>),
}

/// The judgement of one experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// Error without a steady state, else the worst verdict of steps and measures. At least
    /// inconclusive if a step never ran.
    pub(crate) verdict: Verdict,
    /// When the steady state was reached; none if it never was.
    pub(crate) steady: Option<Micros>,
    /// Why there is no steady state, if there is none.
    pub(crate) unsteady: Option<Unsteady>,
    /// What kept the steady state from being reached.
    pub(crate) missing: Vec<String>,
    /// Likely causes, found in the workload's objects.
    pub(crate) causes: Vec<String>,
    /// The experiment's steps, in order.
    pub(crate) steps: Vec<StepJudgement>,
    /// The experiment's measures, in order.
    pub(crate) measures: Vec<MeasureJudgement>,
}

/// Why a timeline has no steady state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsteady {
    /// The workload was not applied: an error came first.
    NotApplied,
    /// It was applied, and what is required did not hold.
    NeverReached,
    /// The timeline ends before it is known.
    CutOff,
}

/// The judgement of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StepJudgement {
    /// Its name.
    pub(crate) name: String,
    /// When its action was acknowledged; none if the step never ran.
    pub(crate) acknowledged: Option<Micros>,
    /// When it ended.
    pub(crate) ended: Option<Micros>,
    /// The worst verdict of its expectations; none if the step never ran.
    pub(crate) verdict: Option<Verdict>,
    /// A sentence for each flip that no request of its probe reached. If there is any, the step is
    /// inconclusive.
    pub(crate) unreached: Vec<String>,
    /// A sentence for an action that was recorded in place of the experiment's. If there is one,
    /// the step is inconclusive.
    pub(crate) other_action: Option<String>,
    /// One finding for each expectation; without a verdict if the step never ran.
    pub(crate) findings: Vec<Finding>,
    /// The effects of its flips; none if it made none, or if they had none.
    pub(crate) chain: Option<Chain>,
}

/// The judgement of one expectation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The ID of the expectation.
    pub(crate) id: String,
    /// The condition and its operator: `deploy/web ready 1/2, eventually within 10s`.
    pub(crate) expected: String,
    /// Whether its operator is `observe`: then it is reported and always passes.
    pub(crate) observed: bool,
    /// When its condition had to hold; none if that time never began.
    pub(crate) window: Option<Window>,
    /// None if its step never ran.
    pub(crate) verdict: Option<Verdict>,
    /// When an `eventually` became true, or an `always` or `never` was first violated.
    pub(crate) at: Option<Micros>,
    /// Whether an `eventually` that passed had been true before the step's action was sent.
    pub(crate) already_true: bool,
    /// What was observed, and when.
    pub(crate) seen: String,
    /// What became of the requests of each client, if the condition is about traffic: in the
    /// operator's window, and of an `eventually` in the whole step.
    pub(crate) requests: Vec<RequestCounts>,
}

/// The judgement of one measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MeasureJudgement {
    /// Its name.
    pub(crate) name: String,
    /// The first mark in words.
    pub(crate) from: String,
    /// The second mark in words.
    pub(crate) to: String,
    /// The time between the marks; `None` if one of them was not seen.
    pub(crate) took: Option<Micros>,
    /// The longest time allowed, if there is one.
    pub(crate) at_most: Option<Micros>,
    /// `None` without a longest time, or if the first step did not run.
    pub(crate) verdict: Option<Verdict>,
    /// Why there is no time, or why it proves nothing.
    pub(crate) why: Option<String>,
}

impl StepJudgement {
    /// The time from its acknowledgement to `at`; `None` if one of them is.
    pub(crate) fn since_acknowledged(&self, at: Option<Micros>) -> Option<Micros> {
        Some(Micros::from(at?.since(self.acknowledged?)))
    }
}

impl MeasureJudgement {
    /// The judgement with this verdict, if there is a longest time, and the reason.
    pub(super) fn with(mut self, verdict: Verdict, why: String) -> Self {
        self.verdict = self.at_most.map(|_| verdict);
        self.why = Some(why);
        self
    }
}

impl Judgement {
    /// The verdict of the experiment from its steady state, steps and measures.
    pub(super) fn overall(
        unsteady: Option<Unsteady>,
        steps: &[StepJudgement],
        measures: &[MeasureJudgement],
    ) -> Verdict {
        match unsteady {
            // A record that is cut off does not say whether the steady state was reached later.
            Some(Unsteady::CutOff) => return Verdict::Inconclusive,
            Some(Unsteady::NotApplied | Unsteady::NeverReached) => return Verdict::Error,
            None => {}
        }
        let parts = steps.iter().filter_map(|step| step.verdict);
        let limits = measures.iter().filter_map(|measure| measure.verdict);
        let ran_all = steps.iter().all(|step| step.verdict.is_some());
        let worst = parts.chain(limits).max().unwrap_or(Verdict::Inconclusive);
        if ran_all {
            worst
        } else {
            worst.max(Verdict::Inconclusive)
        }
    }
}
