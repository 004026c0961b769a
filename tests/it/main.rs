//! Every whole-system test in one binary. Read this list as the table of contents.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    clippy::needless_raw_string_hashes,
    reason = "expectations are written by a program"
)]

/// The checks the workspace makes on itself: crate edges, versions, first lines.
mod tidy;

/// The names and forms that users rely on.
mod contracts;

/// Seed experiments that expect what does not happen.
mod broken;
/// What verdicts rest on: flips that were reached, statuses that are fresh, a steady state.
mod evidence;
/// Every experiment beside the seed in three places.
mod experiments;
/// The same experiments in three places, one after another: the same verdicts, the same story.
mod places;
/// What one step leaves to the next.
mod steps;
/// What a timeline tells, place and time taken out.
mod story;

/// What a kubelet makes of every fault.
mod faults;
/// Where a probe asks, path by path.
mod probe_paths;

/// How processes end, and what is said of it.
mod ends;

/// The commands beside `run`.
mod commands;
/// Signals, kills and what they leave: nothing.
mod interruptions;
/// An API server that goes away while a run needs it.
mod outages;
/// What reaches a terminal, and what does not.
mod printed;
/// What the program says no to.
mod refusals;
/// What `run --json` says of runs without a verdict.
mod reports;

/// `probe-target` and what was not written here: curl, a gRPC library of another language, a packet capture.
mod peers;

/// A namespace of a real cluster.
mod namespace;
/// The program itself as a process.
mod program;
/// What breaks the connections to an API server.
mod relay;
/// The program while it runs.
mod running;
