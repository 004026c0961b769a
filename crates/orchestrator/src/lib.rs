//! The command you type: loads experiments, brings workloads up on any cluster, flips, observes, judges, reports.
//!
//! In reading order: what a user writes, what is observed, and what follows from both.

pub mod experiment;
pub mod timeline;
