//! The options that say how much a command prints.

use clap::Args;

use crate::report::printer::Verbosity;

/// How much `run` and `judge` print.
#[derive(Debug, Clone, Copy, Args)]
pub struct Detail {
    /// Print every step, verdict and change, and what is being done
    #[arg(short, long, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Print only the total, and a line for each experiment that did not hold
    #[arg(short, long)]
    pub quiet: bool,
}

impl Detail {
    /// How much to print.
    pub(super) fn verbosity(self) -> Verbosity {
        match (self.verbose, self.quiet) {
            (true, _) => Verbosity::Verbose,
            (_, true) => Verbosity::Quiet,
            (false, false) => Verbosity::Normal,
        }
    }
}
