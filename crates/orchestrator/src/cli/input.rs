//! The input of commands that read manifests or what runs in a namespace.

use clap::Args;

use crate::input::experiment::label;

/// Manifests, or the workloads and Services of a namespace.
#[derive(Debug, Args)]
pub struct Input {
    /// Kubernetes manifests, directories, or `-` for standard input; with `--context`, workloads
    #[arg(value_name = "FILE|KIND/NAME")]
    pub names: Vec<String>,
    /// Read what runs in a cluster of this kubeconfig context instead; it only lists
    #[arg(long, value_name = "C", requires = "from")]
    pub context: Option<String>,
    /// The namespace to read
    #[arg(long, value_name = "NS", requires = "context", value_parser = label::parse)]
    pub from: Option<String>,
}
