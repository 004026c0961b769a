//! The fields of a Deployment that conditions can test, read from its JSON.

use serde_json::Value;

/// The last observed state of a Deployment. An omitted count is 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DeploymentFacts {
    /// Whether its status is of its present generation.
    pub(crate) observed: bool,
    pub(crate) replicas: i32,
    pub(crate) updated: i32,
    pub(crate) ready: i32,
    pub(crate) available: i32,
    pub(crate) progressing: Option<String>,
}

impl DeploymentFacts {
    pub(crate) fn read(deployment: &Value) -> Self {
        let (metadata, status) = (&deployment["metadata"], &deployment["status"]);
        let count = |field: &str| {
            status[field]
                .as_i64()
                .and_then(|n| i32::try_from(n).ok())
                .unwrap_or_default()
        };
        let conditions = status["conditions"].as_array().into_iter().flatten();
        let progressing = conditions.filter(|condition| condition["type"] == "Progressing");
        Self {
            observed: status["observedGeneration"].as_i64() >= metadata["generation"].as_i64(),
            replicas: count("replicas"),
            updated: count("updatedReplicas"),
            ready: count("readyReplicas"),
            available: count("availableReplicas"),
            progressing: progressing
                .filter_map(|condition| condition["reason"].as_str())
                .map(Into::into)
                .next(),
        }
    }
}
