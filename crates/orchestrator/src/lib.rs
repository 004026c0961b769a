//! The command you type: loads experiments, brings workloads up on any cluster, flips, observes, judges, reports.
//!
//! In reading order: what a user writes, what is observed, and what follows from both.

pub mod experiment;
pub mod load;
pub mod problem;
pub mod timeline;

pub mod bind;
pub mod cli;
pub mod control;
pub mod exit;
pub mod flip_plan;
pub mod guard;
pub mod image;
pub mod printer;
pub mod probed;
pub mod targets;
pub mod workload;
