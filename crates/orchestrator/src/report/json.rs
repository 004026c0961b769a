//! The report for machines: what `--json` writes. Times are microseconds; those of a step count from its acknowledgement.

use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;

use crate::experiment::Experiment;
use crate::judge::{self, Judgement, Verdict};
use crate::timeline::{Micros, Place, Timeline};

/// The version of this format.
pub const FORMAT: u32 = 1;

/// Everything one command judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`FORMAT`]
    pub report: u32,
    /// Version of this program.
    pub probeflip: String,
    /// In the order they were run.
    pub experiments: Vec<Run>,
}

/// One run of one experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Its name.
    pub experiment: String,
    /// The file it was read from.
    pub file: String,
    /// Which cluster it ran on.
    pub place: Place,
    /// The API server's version.
    pub kubernetes: String,
    /// ID of the run.
    pub run: String,
    /// Where the workload was applied.
    pub namespace: String,
    /// What random choices were drawn from, where that is known.
    pub seed: Option<u64>,
    /// Wall-clock time of the timeline's start, RFC 3339.
    pub started: String,
    /// How long the timeline is.
    pub took: Micros,
    /// Of all its parts.
    pub verdict: Verdict,
    /// When the steady state was reached, on the timeline.
    pub steady: Option<Micros>,
    /// What kept the steady state from being reached.
    pub missing: Vec<String>,
    /// All steps, those that did not run included.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Null if it did not run.
    pub verdict: Option<Verdict>,
    /// Flips that no request of their probe reached, in words; if there are any, no expectation of the step is decided.
    pub unreached: Vec<String>,
    /// Time 0 on the timeline; null if it did not run.
    pub acknowledged: Option<Micros>,
    /// When it ended, since the acknowledgement.
    pub ended: Option<Micros>,
    /// All expectations.
    pub expectations: Vec<Expectation>,
}

/// One expectation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Expectation {
    /// Its id.
    pub id: String,
    /// Null if its step did not run, or if it is only observed.
    pub verdict: Option<Verdict>,
    /// Whether it is only observed.
    pub observed: bool,
    /// What was expected, in words.
    pub expected: String,
    /// When an `eventually` became true, or `always` and `never` were first broken, since the acknowledgement.
    pub at: Option<Micros>,
    /// Whether an `eventually` that passed was true already before its step acted.
    pub already_true: bool,
    /// What was seen, in words.
    pub seen: String,
}

impl Report {
    /// Of these runs.
    pub fn new(experiments: Vec<Run>) -> Self {
        Self {
            report: FORMAT,
            probeflip: env!("CARGO_PKG_VERSION").into(),
            experiments,
        }
    }
}

impl Run {
    /// Of one judged timeline.
    pub fn new(experiment: &Experiment, timeline: &Timeline, judgement: &Judgement) -> Self {
        let header = timeline.header();
        Self {
            experiment: header.experiment.clone(),
            file: experiment.source.path.display().to_string(),
            place: header.place.clone(),
            kubernetes: header.kubernetes.clone(),
            run: header.run.clone(),
            namespace: header.namespace.clone(),
            seed: header.seed,
            started: header.started.clone(),
            took: timeline.last(),
            verdict: judgement.verdict,
            steady: judgement.steady,
            missing: judgement.missing.clone(),
            steps: judgement.steps.iter().map(Step::new).collect(),
        }
    }
}

impl Step {
    fn new(step: &judge::StepJudgement) -> Self {
        let since = |at: Option<Micros>| Some(Micros::from(at?.since(step.acknowledged?)));
        let expectations = step.findings.iter().map(|finding| Expectation {
            id: finding.id.clone(),
            verdict: finding.verdict.filter(|_| !finding.observed),
            observed: finding.observed,
            expected: finding.expected.clone(),
            at: since(finding.at),
            already_true: finding.already_true,
            seen: finding.seen.clone(),
        });
        Self {
            name: step.name.clone(),
            verdict: step.verdict,
            unreached: step.unreached.clone(),
            acknowledged: step.acknowledged,
            ended: since(step.ended),
            expectations: expectations.collect(),
        }
    }
}

/// The schema of [`Report`].
pub fn schema() -> Schema {
    schema_for!(Report)
}
