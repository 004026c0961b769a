//! The options of `probeflip explain`.

use clap::Args;

/// `probeflip explain`
#[derive(Debug, Args)]
pub struct Explain {
    /// A field, such as `experiment.spec.steps.flip.probe`; `spec` may be left out
    #[arg(value_name = "FIELD", default_value = "experiment")]
    pub field: String,
    /// Print the fields below it too, without descriptions
    #[arg(long)]
    pub recursive: bool,
}
