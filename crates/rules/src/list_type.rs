//! The list types of Kubernetes' own kinds: which items of a list are the same.

mod duplicates;
mod keys;

pub use duplicates::{Duplicate, Tree, duplicates, keyed_path};
pub use keys::{Key, List, list};
