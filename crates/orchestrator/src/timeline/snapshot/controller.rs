//! The fields of a controller's status that conditions can test, read from its JSON.

use serde_json::Value;

use crate::input::experiment::ObjectKind;

/// The last observed state of a Deployment, StatefulSet or DaemonSet. An omitted count is 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ControllerFacts {
    /// Whether its status is of its present generation.
    pub(crate) observed: bool,
    /// The numbers of its kind by their names in an experiment, in the order of
    /// [`ObjectKind::counts`].
    pub(crate) counts: Vec<(&'static str, i64)>,
    pub(crate) progressing: Option<String>,
}

impl ControllerFacts {
    pub(crate) fn read(kind: ObjectKind, controller: &Value) -> Self {
        let (metadata, status) = (&controller["metadata"], &controller["status"]);
        let counts = kind.counts().iter();
        let conditions = status["conditions"].as_array().into_iter().flatten();
        let progressing = conditions.filter(|condition| condition["type"] == "Progressing");
        Self {
            observed: status["observedGeneration"].as_i64() >= metadata["generation"].as_i64(),
            counts: counts
                .map(|(name, field)| (*name, status[*field].as_i64().unwrap_or_default()))
                .collect(),
            progressing: progressing
                .filter_map(|condition| condition["reason"].as_str())
                .map(Into::into)
                .next(),
        }
    }

    /// The number with this name.
    pub(crate) fn count(&self, name: &str) -> i64 {
        let found = self.counts.iter().find(|(known, _)| *known == name);
        found.map_or(0, |(_, number)| *number)
    }
}
