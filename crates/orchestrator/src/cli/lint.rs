//! The options of `probeflip lint`.

use clap::{Args, ValueEnum};

use super::input::Input;
use crate::lint::Severity;

/// `probeflip lint`
#[derive(Debug, Args)]
pub struct Lint {
    /// What to check
    #[command(flatten)]
    pub input: Input,
    /// How to print the findings; JSON has those of every severity
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Output::Text)]
    pub output: Output,
    /// The least severity that makes the command end with 1
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = Severity::Error)]
    pub fail_on: Severity,
    /// Print the findings of severity `info` too
    #[arg(short, long)]
    pub verbose: bool,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A paragraph for each finding
    Text,
    /// One object, see `probeflip schema lint`
    Json,
}
