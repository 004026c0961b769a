//! The options of `probeflip check`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::input::experiment::label;

/// `probeflip check`
#[derive(Debug, Args)]
pub struct Check {
    /// Experiments and Kubernetes manifests, directories, or `-` for standard input
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::AnyPath)]
    pub files: Vec<PathBuf>,
    /// The namespace that `run` will be given
    #[arg(short, long, value_name = "NS", value_parser = label::parse)]
    pub namespace: Option<String>,
    /// Print only the total, and a line for each file that is invalid
    #[arg(short, long)]
    pub quiet: bool,
}
