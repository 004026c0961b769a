//! The command you type: loads experiments, brings workloads up on any cluster, flips, observes, judges, reports.
//!
//! In reading order: what a user writes, what is observed, and what follows from both.

pub mod check;
pub mod experiment;
pub mod judge;
pub mod kubernetes_yaml;
pub mod load;
pub mod problem;
pub mod report;
pub mod schema;
pub mod timeline;
mod view;

pub mod apply;
pub mod bind;
mod causes;
pub mod cli;
pub mod cluster;
pub mod commands;
pub mod control;
pub mod draw;
pub mod exit;
pub mod files;
pub mod first_failure;
pub mod flip;
pub mod flip_plan;
pub mod guard;
pub mod image;
pub mod interrupt;
pub mod journal;
pub mod latest;
pub mod lease;
pub mod observe;
pub mod obstacles;
pub mod ownership;
mod printable;
pub mod printer;
pub mod probed;
pub mod recorder;
pub mod remove;
pub mod reverted;
pub mod run;
pub mod select;
pub mod status;
pub mod switchboard;
pub mod targets;
pub mod traffic;
pub mod workload;
