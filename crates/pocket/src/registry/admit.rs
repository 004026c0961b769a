//! Admission of writes, by kind: shape, defaults and validation of an object.
//!
//! Objects arrive and leave as JSON. In between they are Kubernetes' own types, so that defaults
//! and checks read like the fields they concern. Unknown fields are dropped, as in an API server.

mod config;
mod container;
mod daemon_set;
mod decode;
mod disruption_budget;
mod fields;
mod job;
mod job_policies;
mod names;
mod pipeline;
mod pod;
mod probe;
mod service;
mod simple;
mod stateful_set;
mod workload;

use k8s_openapi::api::{
    apps::v1 as apps, batch::v1 as batch, coordination::v1 as coordination, core::v1 as core,
    discovery::v1 as discovery, policy::v1 as policy,
};
use serde_json::Value;

use crate::api_status::{ApiError, FieldError};
use crate::kinds::{KINDS, Kind};

use pipeline::Admit;

/// Completes and checks a new object.
pub(super) fn create(kind: &Kind, object: Value) -> Result<Value, ApiError> {
    (Schema::of(kind).create)(kind, object)
}

/// Completes and checks the next state of an object, given its current state.
pub(super) fn update(kind: &Kind, object: Value, before: &Value) -> Result<Value, ApiError> {
    (Schema::of(kind).update)(kind, object, before)
}

/// The fields for which every API server refuses to create an object, each with a message. What
/// pocket alone lacks is not among them. Empty for a kind that pocket does not serve.
pub(crate) fn refused_fields(object: &Value) -> Vec<(String, String)> {
    let version = object["apiVersion"].as_str().unwrap_or_default();
    let is_served = KINDS
        .iter()
        .any(|kind| kind.api_version() == version && object["kind"] == kind.name);
    if !is_served {
        return Vec::new();
    }
    let schema = SCHEMAS.iter().find(|schema| object["kind"] == schema.name);
    let errors = schema.map_or_else(Vec::new, |schema| (schema.field_errors)(object.clone()));
    let of_all = errors.into_iter().filter(|error| !error.is_own);
    of_all.map(|error| (error.field, error.message)).collect()
}

/// Converts an object to its kind's type and back, which drops unknown fields.
pub(crate) fn shape(kind: &Kind, object: Value) -> Result<Value, ApiError> {
    (Schema::of(kind).shape)(object)
}

/// The admission functions of one kind, with the type erased so that one table can hold them all.
struct Schema {
    name: &'static str,
    create: fn(&Kind, Value) -> Result<Value, ApiError>,
    update: fn(&Kind, Value, &Value) -> Result<Value, ApiError>,
    field_errors: fn(Value) -> Vec<FieldError>,
    shape: fn(Value) -> Result<Value, ApiError>,
}

static SCHEMAS: &[Schema] = &[
    Schema::typed::<core::ConfigMap>(),
    Schema::typed::<core::Endpoints>(),
    Schema::typed::<core::Event>(),
    Schema::typed::<core::Namespace>(),
    Schema::typed::<core::Node>(),
    Schema::typed::<core::Pod>(),
    Schema::typed::<core::ReplicationController>(),
    Schema::typed::<core::Secret>(),
    Schema::typed::<core::ServiceAccount>(),
    Schema::typed::<core::Service>(),
    Schema::typed::<apps::ControllerRevision>(),
    Schema::typed::<apps::DaemonSet>(),
    Schema::typed::<apps::Deployment>(),
    Schema::typed::<apps::ReplicaSet>(),
    Schema::typed::<apps::StatefulSet>(),
    Schema::typed::<batch::Job>(),
    Schema::typed::<coordination::Lease>(),
    Schema::typed::<discovery::EndpointSlice>(),
    Schema::typed::<policy::PodDisruptionBudget>(),
];

impl Schema {
    const fn typed<K: Admit>() -> Self {
        Self {
            name: K::KIND,
            create: pipeline::create::<K>,
            update: pipeline::update::<K>,
            field_errors: pipeline::field_errors::<K>,
            shape: pipeline::shape::<K>,
        }
    }

    /// The schema of a kind, by name alone: `Event` is in two groups and has one schema.
    ///
    /// # Panics
    /// If the table lacks the kind: every served kind must have a schema.
    fn of(kind: &Kind) -> &'static Self {
        SCHEMAS
            .iter()
            .find(|schema| schema.name == kind.name)
            .expect("a kind that is served must have a schema")
    }
}

#[cfg(test)]
mod tests;
