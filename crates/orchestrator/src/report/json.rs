//! The report for machines: what `--json` writes. Times are microseconds; those of a step count
//! from its acknowledgement.

mod error;
mod repeat;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use super::outcomes::Outcomes;
use super::summary::Total;
use crate::exit::Exit;
use crate::input::experiment::Experiment;
use crate::judge::{self, Judgement, MeasureJudgement, RequestCounts, Verdict};
use crate::timeline::{Micros, Place, Timeline};
pub(crate) use error::Error;
pub(crate) use repeat::Repeat;

/// The version of this format.
pub(crate) const FORMAT: u32 = 1;

/// What `probeflip run --json` writes: every experiment that ran, and everything that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_field_names,
    reason = "fields are named as they are written"
)]
pub(crate) struct Report {
    /// The version of this format: 1. A later version may add fields.
    pub(crate) report: u32,
    /// Version of this program.
    pub(crate) probeflip: String,
    /// The exit code of the command.
    #[schemars(with = "u8")]
    pub(crate) exit: Exit,
    /// What became of each experiment that was to run; empty if none was to, as the files are
    /// invalid.
    pub(crate) outcomes: Outcomes,
    /// In the order they were run.
    pub(crate) experiments: Vec<Run>,
    /// The sum of the runs of each experiment; empty without `--repeat`.
    pub(crate) repeats: Vec<Repeat>,
    /// Everything that went wrong, in order. An expectation that failed is not an error.
    pub(crate) errors: Vec<Error>,
}

/// One run of one experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_field_names,
    reason = "fields are named as they are written"
)]
pub(crate) struct Run {
    /// Its name.
    pub(crate) experiment: String,
    /// The file it was read from.
    pub(crate) file: String,
    /// Which cluster it ran on.
    pub(crate) place: Place,
    /// The API server's version.
    pub(crate) kubernetes: String,
    /// ID of the run.
    pub(crate) run: String,
    /// Where the workload was applied.
    pub(crate) namespace: String,
    /// What random choices were drawn from, where that is known.
    pub(crate) seed: Option<u64>,
    /// Wall-clock time of the timeline's start, RFC 3339; a fixed time on `virtual`.
    pub(crate) started: String,
    /// How long the timeline is, in microseconds.
    pub(crate) took: Micros,
    /// Of all its parts.
    pub(crate) verdict: Verdict,
    /// When the steady state was reached, in microseconds since the timeline's start; null if it
    /// never was.
    pub(crate) steady: Option<Micros>,
    /// What kept the steady state from being reached.
    pub(crate) missing: Vec<String>,
    /// Possible causes, in words: what the workload's objects lack.
    pub(crate) causes: Vec<String>,
    /// All steps, those that did not run included.
    pub(crate) steps: Vec<Step>,
    /// All measures.
    pub(crate) measures: Vec<Measure>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Step {
    /// Its name.
    pub(crate) name: String,
    /// Null if it did not run.
    pub(crate) verdict: Option<Verdict>,
    /// Flips that no request of their probe reached, in words. If any, the step is inconclusive.
    pub(crate) unreached: Vec<String>,
    /// Time 0 of the step, in microseconds since the timeline's start; null if it did not run.
    pub(crate) acknowledged: Option<Micros>,
    /// When it ended, in microseconds since `acknowledged`.
    pub(crate) ended: Option<Micros>,
    /// All expectations.
    pub(crate) expectations: Vec<Expectation>,
    /// The effects of its flips; null if it made none, or if they had none.
    pub(crate) chain: Option<Chain>,
}

/// When each effect of a step's flips was first seen, in microseconds since the step's
/// `acknowledged`. What was not seen is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Chain {
    /// A flipped Pod became not ready, in microseconds.
    pub(crate) not_ready: Option<Micros>,
    /// A Service had fewer ready endpoints, in microseconds.
    pub(crate) endpoint: Option<Micros>,
    /// The first request failed after a successful one, in microseconds.
    pub(crate) first_lost: Option<Micros>,
    /// The last request failed, in microseconds; null if requests still fail when the run ends.
    pub(crate) last_lost: Option<Micros>,
    /// The first request after it succeeded, in microseconds.
    pub(crate) recovery: Option<Micros>,
}

/// The time between two marks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Measure {
    /// Its name.
    pub(crate) name: String,
    /// The first mark, in words.
    pub(crate) from: String,
    /// The second mark, in words.
    pub(crate) to: String,
    /// The time between the marks, in microseconds; null if one of them was not seen.
    pub(crate) took: Option<Micros>,
    /// The longest time allowed, in microseconds; null if there is none.
    pub(crate) at_most: Option<Micros>,
    /// Null without a longest time, or if no step ran.
    pub(crate) verdict: Option<Verdict>,
    /// Why there is no time, or why it proves nothing, in words.
    pub(crate) why: Option<String>,
}

/// One expectation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Expectation {
    /// Its id.
    pub(crate) id: String,
    /// Null if its step did not run, or if it is only observed.
    pub(crate) verdict: Option<Verdict>,
    /// Whether it is only observed.
    pub(crate) observed: bool,
    /// What was expected, in words.
    pub(crate) expected: String,
    /// When an `eventually` became true, or `always` and `never` were first broken, in microseconds
    /// since the step's `acknowledged`.
    pub(crate) at: Option<Micros>,
    /// Whether an `eventually` that passed was true already before its step acted.
    pub(crate) already_true: bool,
    /// What was seen, in words.
    pub(crate) seen: String,
    /// What became of the requests of each client, if the expectation is about traffic: in the
    /// operator's window, and of an `eventually` in the whole step. Else empty.
    pub(crate) requests: Vec<Requests>,
}

/// The requests of one client in a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Requests {
    /// The client's name.
    pub(crate) client: String,
    /// How many were sent.
    pub(crate) sent: u64,
    /// How many of them failed: under a budget, those without an allowed outcome; else, those that
    /// were not `ok`.
    pub(crate) failed: u64,
    /// The longest run of failures, in microseconds: from the sending of its first request to that
    /// of the next request that did not fail, or to the end of the time.
    pub(crate) longest_failure: Micros,
}

impl Report {
    /// Of a command that ended with this code.
    pub(crate) fn new(
        exit: Exit,
        outcomes: Outcomes,
        experiments: Vec<Run>,
        repeats: Vec<Repeat>,
        errors: Vec<Error>,
    ) -> Self {
        Self {
            report: FORMAT,
            probeflip: env!("CARGO_PKG_VERSION").into(),
            exit,
            outcomes,
            experiments,
            repeats,
            errors,
        }
    }

    /// The total of all runs.
    pub(crate) fn total(&self) -> Total {
        let mut total = Total::new(self.outcomes.clone());
        for run in &self.experiments {
            let (held, all) = run.counts();
            total.add_counts(held, all, run.took);
        }
        total
    }
}

impl Run {
    /// How many expectations held, of how many.
    pub(super) fn counts(&self) -> (usize, usize) {
        let all = self.steps.iter().flat_map(|step| &step.expectations);
        let expected = all.filter(|it| !it.observed);
        let held = expected
            .clone()
            .filter(|it| it.verdict == Some(Verdict::Pass));
        (held.count(), expected.count())
    }

    /// Of one judged timeline.
    pub(crate) fn new(experiment: &Experiment, timeline: &Timeline, judgement: &Judgement) -> Self {
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
            causes: judgement.causes.clone(),
            steps: judgement.steps.iter().map(Step::new).collect(),
            measures: judgement.measures.iter().map(Measure::new).collect(),
        }
    }
}

impl Step {
    fn new(step: &judge::StepJudgement) -> Self {
        let since = |at: Option<Micros>| step.since_acknowledged(at);
        let expectations = step.findings.iter().map(|finding| Expectation {
            id: finding.id.clone(),
            verdict: finding.verdict.filter(|_| !finding.observed),
            observed: finding.observed,
            expected: finding.expected.clone(),
            at: since(finding.at),
            already_true: finding.already_true,
            seen: finding.seen.clone(),
            requests: finding.requests.iter().map(Requests::new).collect(),
        });
        Self {
            name: step.name.clone(),
            verdict: step.verdict,
            unreached: step.unreached.clone(),
            acknowledged: step.acknowledged,
            ended: since(step.ended),
            expectations: expectations.collect(),
            chain: step.chain.map(|chain| Chain {
                not_ready: since(chain.not_ready),
                endpoint: since(chain.endpoint),
                first_lost: since(chain.first_lost),
                last_lost: since(chain.last_lost),
                recovery: since(chain.recovery),
            }),
        }
    }
}

impl Chain {
    /// The effects with their names, in the order in which they follow one another.
    pub(super) fn links(&self) -> [(&'static str, Option<Micros>); 5] {
        let Self {
            not_ready,
            endpoint,
            first_lost,
            last_lost,
            recovery,
        } = *self;
        let chain = judge::Chain {
            not_ready,
            endpoint,
            first_lost,
            last_lost,
            recovery,
        };
        chain.links()
    }
}

impl Measure {
    fn new(measure: &MeasureJudgement) -> Self {
        let MeasureJudgement {
            name,
            from,
            to,
            took,
            at_most,
            verdict,
            why,
        } = measure.clone();
        Self {
            name,
            from,
            to,
            took,
            at_most,
            verdict,
            why,
        }
    }
}

impl Requests {
    fn new(counts: &RequestCounts) -> Self {
        let RequestCounts {
            client,
            sent,
            failed,
            longest_failure,
        } = counts;
        Self {
            client: client.clone(),
            sent: *sent,
            failed: *failed,
            longest_failure: *longest_failure,
        }
    }
}

/// The schema of [`Report`], as it is written: what may be null is there.
pub(crate) fn schema() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Report>()
}
