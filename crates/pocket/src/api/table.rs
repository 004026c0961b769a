//! Objects as rows of a table, as `kubectl get` prints them.
//!
//! Rule: `pkg/printers/internalversion/printers.go`.

mod cell;
mod containers;
mod disruption_budget;
mod events;
mod metadata;
mod node;
mod pod;
mod services;
mod workloads;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use crate::kinds::Kind;
use crate::store::StoredObject;

/// How objects of a kind become rows.
pub(super) struct Printer {
    columns: &'static [Column],
    cells: fn(&StoredObject, Timestamp) -> Vec<Value>,
    /// The row's conditions, which say whether the object's work is done.
    conditions: fn(&StoredObject) -> Value,
}

/// A column: its heading is `name` in capitals.
struct Column {
    name: &'static str,
    type_: &'static str,
    /// Only `kubectl get -o wide` shows it.
    wide: bool,
}

impl Printer {
    const fn new(
        columns: &'static [Column],
        cells: fn(&StoredObject, Timestamp) -> Vec<Value>,
    ) -> Self {
        Self {
            columns,
            cells,
            conditions: |_| Value::Null,
        }
    }

    /// The row of an object at `now`, without the object.
    pub(super) fn row(&self, object: &StoredObject, now: Timestamp) -> Value {
        let mut row = json!({"cells": (self.cells)(object, now)});
        let conditions = (self.conditions)(object);
        if !conditions.is_null() {
            row["conditions"] = conditions;
        }
        row
    }

    pub(super) fn column_definitions(&self) -> Value {
        self.columns.iter().map(Column::definition).collect()
    }
}

impl Column {
    const fn text(name: &'static str) -> Self {
        Self {
            name,
            type_: "string",
            wide: false,
        }
    }

    const fn number(name: &'static str) -> Self {
        Self {
            name,
            type_: "integer",
            wide: false,
        }
    }

    const fn wide(name: &'static str) -> Self {
        Self {
            name,
            type_: "string",
            wide: true,
        }
    }

    fn definition(&self) -> Value {
        json!({
            "name": self.name, "type": self.type_,
            "format": if self.name == "Name" { "name" } else { "" },
            // Upstream repeats the field's documentation here, which no client prints.
            "description": "", "priority": i32::from(self.wide),
        })
    }
}

/// The printer of a kind.
pub(super) fn printer(kind: &Kind) -> &'static Printer {
    match kind.name {
        "ConfigMap" => &metadata::CONFIG_MAP,
        "ControllerRevision" => &workloads::CONTROLLER_REVISION,
        "DaemonSet" => &workloads::DAEMON_SET,
        "Deployment" => &workloads::DEPLOYMENT,
        "EndpointSlice" => &services::ENDPOINT_SLICE,
        "Endpoints" => &services::ENDPOINTS,
        "Event" => &events::EVENT,
        "Job" => &workloads::JOB,
        "Lease" => &metadata::LEASE,
        "Namespace" => &metadata::NAMESPACE,
        "Node" => &node::NODE,
        "Pod" => &pod::POD,
        "PodDisruptionBudget" => &disruption_budget::DISRUPTION_BUDGET,
        "ReplicaSet" => &workloads::REPLICA_SET,
        "Secret" => &metadata::SECRET,
        "Service" => &services::SERVICE,
        "ServiceAccount" => &metadata::SERVICE_ACCOUNT,
        "StatefulSet" => &workloads::STATEFUL_SET,
        // Rule: `apiserver/pkg/registry/rest/table.go`, `defaultTableConvertor`.
        _ => &metadata::ANY,
    }
}

#[cfg(test)]
mod tests;
