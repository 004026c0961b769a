//! What a write has to pass, kind by kind: shape, defaults, validation.
//!
//! Objects arrive as JSON and leave as JSON; in between they are Kubernetes' own types, so that defaults and
//! checks read like the fields they are about. Unknown fields do not survive the passage, as in an API server.

mod container;
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

/// Completes and checks an object that is about to be created.
pub(super) fn create(kind: &Kind, object: Value) -> Result<Value, ApiError> {
    (Schema::of(kind).create)(kind, object)
}

/// Completes and checks the next state of an object, given the present one.
pub(super) fn update(kind: &Kind, object: Value, before: &Value) -> Result<Value, ApiError> {
    (Schema::of(kind).update)(kind, object, before)
}

/// Gives an object the shape of its kind, and leaves out what the kind does not have.
pub(crate) fn shape(kind: &Kind, object: Value) -> Result<Value, ApiError> {
    (Schema::of(kind).shape)(object)
}

/// What is particular to the content of a kind.
pub(crate) trait Admit: Object {
    /// What its objects may be called.
    const NAME: Names = Names::Subdomain;

    /// Gives a new object the state in which it begins.
    fn begin(&mut self) {}

    /// Keeps what the registry once gave the object and the author of this change left out.
    fn inherit(&mut self, _before: &Self) {}

    /// Fills in what the author left out.
    fn complete(&mut self) {}

    /// Finds what is wrong with the object as it is.
    fn check(&self, _faults: &mut FieldErrors) {}

    /// Finds what must not differ from `before`.
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
    serde_json::from_value(object).map_err(|error| {
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
