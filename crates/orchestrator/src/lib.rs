//! The command you type: loads experiments, brings workloads up on any cluster, flips, observes, judges, reports.
//!
//! In reading order: what a user writes, what is observed, and what follows from both.

pub mod check;
pub mod judge;
pub mod report;
pub mod timeline;

pub mod cli;
pub mod cluster;
pub mod commands;
mod error_chain;
pub mod exit;
pub mod image;
pub mod input;
mod printable;
pub mod random;
pub mod run;
pub mod targets;
