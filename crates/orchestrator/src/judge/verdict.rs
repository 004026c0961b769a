//! Verdicts, and what a judgement is made of.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::timeline::Micros;

/// Whether what was expected was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
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
    /// As it is written.
    pub fn word(self) -> &'static str {
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

/// What one expectation says of the timeline so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It was seen, since this time where there is one.
    Pass(Option<Micros>),
    /// It was not, whatever comes; why, as a phrase.
    Fail(String),
    /// Whatever comes, the record leaves it open; why, as a phrase.
    Unknown(String),
    /// It depends on what comes. Without a time, a look pays after the next record.
    Open(Option<Micros>),
}

/// One experiment, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Error without a steady state; else fail if anything failed, inconclusive if anything is, else pass.
    pub verdict: Verdict,
    /// When the steady state was reached; none if it never was.
    pub steady: Option<Micros>,
    /// Why there is no steady state, if there is none.
    pub unsteady: Option<Unsteady>,
    /// What kept the steady state from being reached.
    pub missing: Vec<String>,
    /// What may have kept it from being reached: what the workload's objects lack.
    pub causes: Vec<String>,
    /// Every step of the experiment.
    pub steps: Vec<StepJudgement>,
}

/// Why a timeline has no steady state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsteady {
    /// The workload was not applied: an error came first.
    NotApplied,
    /// It was applied, and what is required did not hold.
    NeverReached,
    /// The timeline ends before it is known.
    CutOff,
}

/// One step, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepJudgement {
    /// Its name.
    pub name: String,
    /// When its action was acknowledged; none if the step never ran.
    pub acknowledged: Option<Micros>,
    /// When it ended.
    pub ended: Option<Micros>,
    /// Of all its expectations; none if the step never ran.
    pub verdict: Option<Verdict>,
    /// Flips that no request of their probe reached. If there are any, nothing of the step is decided.
    pub unreached: Vec<String>,
    /// Every expectation; those of a step that never ran have no verdict.
    pub findings: Vec<Finding>,
}

/// One expectation, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its id.
    pub id: String,
    /// What was expected: `deploy/web ready 1/2, eventually within 10s`.
    pub expected: String,
    /// Whether it is only observed: then what was seen is reported, and its verdict is a pass that counts for nothing.
    pub observed: bool,
    /// None if its step never ran.
    pub verdict: Option<Verdict>,
    /// When an `eventually` became true, or `always` and `never` were first broken.
    pub at: Option<Micros>,
    /// Whether an `eventually` that passed was true already before the step's action was sent.
    pub already_true: bool,
    /// What was seen, and when.
    pub seen: String,
}

impl Judgement {
    /// Of all its parts.
    pub(super) fn overall(steady: bool, ended: bool, steps: &[StepJudgement]) -> Verdict {
        if !steady {
            // A record that is cut off does not say whether the steady state was reached later.
            let cut_off = Verdict::Inconclusive;
            return if ended { Verdict::Error } else { cut_off };
        }
        let parts = steps.iter().filter_map(|step| step.verdict);
        let ran_all = steps.iter().all(|step| step.verdict.is_some());
        let worst = parts.max().unwrap_or(Verdict::Inconclusive);
        if ran_all {
            worst
        } else {
            worst.max(Verdict::Inconclusive)
        }
    }
}
