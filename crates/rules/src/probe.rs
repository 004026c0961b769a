//! Container probes: specification, outcomes of attempts, verdicts, and the worker that decides.
//!
//! Terms: an *attempt* has a [`ProbeOutcome`]; a run of equal outcomes that reaches its threshold
//! becomes a [`Verdict`], which the rest of the node uses. Nothing here sends a request; [`Worker`]
//! decides when one is due, and a
//! [`Window`] bounds when it has decided.

mod http_get;
mod probe_ticker;
mod results;
mod spec;
mod window;
mod worker;

pub use http_get::{HttpGet, Scheme};
pub use results::Results;
pub use spec::{ProbeKind, ProbeOutcome, Spec, Threshold, Verdict};
pub use window::Window;
pub use worker::{Cause, Effect, Life, Next, Observed, Seen, View, Worker, WorkerStep};
