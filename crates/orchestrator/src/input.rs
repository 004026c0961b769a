//! Input files: experiments and workloads, parsed and resolved, or every problem in them.

pub mod experiment;
pub mod files;
pub mod kubernetes_yaml;
pub mod load;
pub mod manifests;
pub mod problem;
pub mod schema;
pub mod source;
