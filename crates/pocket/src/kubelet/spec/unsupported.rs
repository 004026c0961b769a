//! A field of a Pod that the API server accepts and pocket cannot run.

use std::fmt::Display;

/// A field that pocket cannot run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub(in crate::kubelet) struct Unsupported {
    /// The field's path, such as `spec.containers[0].livenessProbe.exec`.
    field: String,
    why: String,
}

impl Unsupported {
    pub(super) fn new(field: impl Display, why: impl Display) -> Self {
        Self {
            field: field.to_string(),
            why: why.to_string(),
        }
    }
}
