//! Predictions: what the failure of each container does to its Pods, its Services and their users.
//!
//! Pure. A question about a stand-in is written as an experiment, which runs unchanged anywhere; an
//! answer is read off the judgements of its runs, whether on `virtual` or on a cluster.

mod advice;
mod answer;
mod answer_text;
mod basis;
mod bounds;
mod cause;
mod change;
mod command;
mod comparison;
mod expectation;
mod experiment;
mod finding;
mod finding_text;
mod html;
mod impact;
mod impact_severity;
mod json;
mod observation;
mod prediction;
mod question;
mod table;
mod workload;

pub(crate) use advice::{
    Candidate, Subject, TriedChange, candidates, counterpart, is_finding, lowers, none_is_worse,
};
pub(crate) use answer::Answer;
pub(crate) use answer_text::counts;
pub(crate) use basis::Basis;
pub(crate) use change::{changed, set, strategic_merge};
pub(crate) use comparison::{Comparison, compare, marked};
pub(crate) use expectation::{
    ExpectationTimes, expectations_json, expectations_markdown, expectations_schema,
    expectations_text,
};
pub(crate) use experiment::{Written, name, written};
pub(crate) use finding::{Finding, findings};
pub(crate) use html::PredictionPage;
pub(crate) use impact::{Impact, NoImpact};
pub(crate) use impact_severity::ImpactSeverity;
#[cfg(test)]
pub(crate) use impact_severity::SeverityReason;
pub(crate) use json::{Extras, json, schema};
pub use observation::{Observation, observation};
pub(crate) use prediction::Prediction;
pub(crate) use question::{Mode, Scope};
pub(crate) use question::{Question, Wanted, of_no_mode, questions};
pub(crate) use table::{Table, markdown};
pub(crate) use workload::Workload;

#[cfg(test)]
mod tests;
