//! A table of the Rust types that complete and check the objects of each kind.

use k8s_openapi::api::{apps::v1 as apps, core::v1 as core, discovery::v1 as discovery};
use serde_json::Value;

use super::{Admit, create_typed, shape_typed, update_typed};
use crate::api_status::ApiError;
use crate::kinds::Kind;

/// The admission functions of one kind, with the type erased so that one table can hold them all.
#[derive(Debug)]
pub(super) struct Schema {
    name: &'static str,
    /// Completes and checks a new object.
    pub(super) create: fn(&Kind, Value) -> Result<Value, ApiError>,
    /// Completes and checks the next state of an object, given its current state.
    pub(super) update: fn(&Kind, Value, &Value) -> Result<Value, ApiError>,
    /// Converts an object to the shape of its kind.
    pub(super) shape: fn(Value) -> Result<Value, ApiError>,
}

static SCHEMAS: &[Schema] = &[
    Schema::typed::<core::ConfigMap>(),
    Schema::typed::<core::Event>(),
    Schema::typed::<core::Namespace>(),
    Schema::typed::<core::Node>(),
    Schema::typed::<core::Pod>(),
    Schema::typed::<core::Secret>(),
    Schema::typed::<core::ServiceAccount>(),
    Schema::typed::<core::Service>(),
    Schema::typed::<apps::Deployment>(),
    Schema::typed::<apps::ReplicaSet>(),
    Schema::typed::<discovery::EndpointSlice>(),
];

impl Schema {
    const fn typed<K: Admit>() -> Self {
        Self {
            name: K::KIND,
            create: create_typed::<K>,
            update: update_typed::<K>,
            shape: shape_typed::<K>,
        }
    }

    /// The schema of a kind, by name alone: `Event` is in two groups and has one schema.
    ///
    /// # Panics
    /// If the table lacks the kind: every served kind must have a schema.
    pub(super) fn of(kind: &Kind) -> &'static Self {
        SCHEMAS
            .iter()
            .find(|schema| schema.name == kind.name)
            .expect("a kind that is served must have a schema")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::KINDS;

    #[test]
    fn every_kind_has_a_schema() {
        for kind in KINDS {
            assert_eq!(Schema::of(kind).name, kind.name);
        }
    }
}
