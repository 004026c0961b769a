//! The controlling owner of an object, from its owner references.

use serde_json::Value;

/// The owner that controls an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) kind: String,
    pub(crate) name: String,
}

impl Owner {
    /// Reads the owner whose reference has `controller: true`; there is at most one.
    pub(crate) fn of(object: &Value) -> Option<Self> {
        let owners = object["metadata"]["ownerReferences"].as_array()?;
        let owner = owners.iter().find(|owner| owner["controller"] == true)?;
        Some(Self {
            kind: owner["kind"].as_str()?.into(),
            name: owner["name"].as_str()?.into(),
        })
    }
}
