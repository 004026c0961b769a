//! Admission of writes, by kind: shape, defaults and validation of an object.
//!
//! Objects arrive and leave as JSON. In between they are Kubernetes' own types, so that defaults
//! and checks read like the fields they concern. Unknown fields are dropped, as in an API server.

mod container;
mod decode;
mod fields;
mod names;
mod pod;
mod probe;
mod schema;
mod service;
mod simple;
mod workload;

use serde_json::Value;

use super::{Object, typed, untyped};
use crate::api_status::{ApiError, FieldErrors};
use crate::kinds::Kind;

use names::Names;
use schema::Schema;

/// Completes and checks a new object.
pub(super) fn create(kind: &Kind, object: Value) -> Result<Value, ApiError> {
    (Schema::of(kind).create)(kind, object)
}

/// Completes and checks the next state of an object, given its current state.
pub(super) fn update(kind: &Kind, object: Value, before: &Value) -> Result<Value, ApiError> {
    (Schema::of(kind).update)(kind, object, before)
}

/// Converts an object to its kind's type and back, which drops unknown fields.
pub(crate) fn shape(kind: &Kind, object: Value) -> Result<Value, ApiError> {
    (Schema::of(kind).shape)(object)
}

/// The defaults and checks of one kind.
pub(crate) trait Admit: Object {
    /// The names that its objects may have.
    const NAME: Names = Names::Subdomain;

    /// Sets the initial state of a new object.
    fn begin(&mut self) {}

    /// Keeps values that the registry allocated earlier and this update leaves out.
    fn inherit(&mut self, _before: &Self) {}

    /// Sets defaults.
    fn complete(&mut self) {}

    /// Reports invalid fields.
    fn check(&self, _faults: &mut FieldErrors) {}

    /// Reports fields that must not differ from `before`.
    fn check_change(&self, _before: &Self, _faults: &mut FieldErrors) {}
}

fn create_typed<K: Admit>(kind: &Kind, object: Value) -> Result<Value, ApiError> {
    let mut object: K = parse(object)?;
    object.begin();
    object.complete();
    let mut faults = FieldErrors::default();
    object.check(&mut faults);
    accept(kind, &object, faults)
}

fn update_typed<K: Admit>(kind: &Kind, object: Value, before: &Value) -> Result<Value, ApiError> {
    let before: K = typed(before);
    let mut object: K = parse(object)?;
    object.inherit(&before);
    object.complete();
    let mut faults = FieldErrors::default();
    object.check(&mut faults);
    object.check_change(&before, &mut faults);
    accept(kind, &object, faults)
}

fn shape_typed<K: Admit>(object: Value) -> Result<Value, ApiError> {
    parse::<K>(object).map(|object| untyped(&object))
}

fn parse<K: Admit>(object: Value) -> Result<K, ApiError> {
    decode::decode(object).map_err(|error| {
        let message = format!(
            "{} in version \"{}\" cannot be handled as a {}: {error}",
            K::KIND,
            K::VERSION,
            K::KIND
        );
        ApiError::bad_request(message)
    })
}

fn accept<K: Admit>(kind: &Kind, object: &K, mut faults: FieldErrors) -> Result<Value, ApiError> {
    names::check_metadata(object.metadata(), K::NAME, &mut faults);
    let faults = faults.into_vec();
    if faults.is_empty() {
        return Ok(untyped(object));
    }
    let name = object.metadata().name.as_deref().unwrap_or_default();
    Err(ApiError::invalid(kind, name, &faults))
}

#[cfg(test)]
mod tests;
