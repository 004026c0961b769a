//! The command you type: loads experiments, brings workloads up on any cluster, flips, observes,
//! judges, reports.
//!
//! In reading order: [`input`], what a user writes; [`timeline`], what is observed; `judge`, what
//! follows from both; [`report`], how it is presented; then what acts: [`cluster`], [`targets`],
//! `run`, [`commands`].

mod check;
pub mod cli;
pub mod cluster;
pub mod commands;
mod error_chain;
pub mod exit;
mod image;
pub mod input;
mod judge;
mod lint;
pub mod predict;
mod printable;
pub mod random;
pub mod report;
mod run;
mod stand_in;
pub mod targets;
pub mod timeline;
mod watch;
