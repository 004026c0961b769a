//! Predictions: what the failure of each container does to its Pods, its Services and their users.
//!
//! Pure. A question about a stand-in is written as an experiment, which runs unchanged anywhere; an
//! answer is read off the judgements of its runs, whether on `virtual` or on a cluster.

mod answer;
mod answer_text;
mod bounds;
mod command;
mod experiment;
mod impact;
mod impact_severity;
mod json;
mod observation;
mod question;
mod table;
mod workload;

pub(crate) use answer::Answer;
pub(crate) use experiment::{Written, name, written};
pub(crate) use impact::Impact;
pub(crate) use json::{Basis, json, schema};
pub use observation::{Observation, observation};
pub(crate) use question::{Mode, Scope};
pub(crate) use question::{Question, Wanted, questions};
pub(crate) use table::{markdown, text};
pub(crate) use workload::Workload;

#[cfg(test)]
mod tests;
