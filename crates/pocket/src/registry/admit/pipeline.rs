//! The admission of one object: it is decoded, completed and checked, in this order.
//!
//! Defaults come before checks, as in an API server: a check may rely on them.

use serde_json::Value;

use super::decode::decode;
use super::names::{self, Names};
use crate::api_status::{ApiError, FieldError, FieldErrors};
use crate::kinds::{Kind, Object, typed, untyped};

/// The defaults and checks of one kind.
pub(super) trait Admit: Object {
    /// The names that its objects may have.
    const NAME: Names = Names::Subdomain;

    /// Sets the initial state of a new object.
    fn begin(&mut self) {}

    /// Keeps values that the registry allocated earlier and this update leaves out.
    fn inherit(&mut self, _before: &Self) {}

    /// Sets defaults.
    fn complete(&mut self) {}

    /// Reports invalid fields.
    fn check(&self, _errors: &mut FieldErrors) {}

    /// Reports fields that must not differ from `before`.
    fn check_change(&self, _before: &Self, _errors: &mut FieldErrors) {}
}

pub(super) fn create<K: Admit>(kind: &Kind, object: Value) -> Result<Value, ApiError> {
    let (object, errors) = checked(parse::<K>(object)?);
    accept(kind, &object, errors)
}

/// The errors in the fields of a new object; none if it cannot be decoded.
pub(super) fn field_errors<K: Admit>(object: Value) -> Vec<FieldError> {
    let Ok(object) = parse::<K>(object) else {
        return Vec::new();
    };
    let (object, mut errors) = checked(object);
    names::check_metadata(object.metadata(), K::NAME, &mut errors);
    errors.into_vec()
}

fn checked<K: Admit>(mut object: K) -> (K, FieldErrors) {
    object.begin();
    object.complete();
    let mut errors = FieldErrors::default();
    object.check(&mut errors);
    (object, errors)
}

pub(super) fn update<K: Admit>(
    kind: &Kind,
    object: Value,
    before: &Value,
) -> Result<Value, ApiError> {
    let before: K = typed(before);
    let mut object: K = parse(object)?;
    object.inherit(&before);
    object.complete();
    let mut errors = FieldErrors::default();
    object.check(&mut errors);
    object.check_change(&before, &mut errors);
    // As upstream: once for all kinds, and once for this one. A message names an error once.
    //
    // Rule: `apiserver/pkg/registry/rest/update.go`, `BeforeUpdate`.
    names::check_content(object.metadata(), &mut errors);
    accept(kind, &object, errors)
}

pub(super) fn shape<K: Admit>(object: Value) -> Result<Value, ApiError> {
    parse::<K>(object).map(|object| untyped(&object))
}

fn parse<K: Admit>(object: Value) -> Result<K, ApiError> {
    decode(object).map_err(|error| {
        let (kind, version) = (K::KIND, K::VERSION);
        ApiError::bad_request(format!(
            "{kind} in version \"{version}\" cannot be handled as a {kind}: {error}"
        ))
    })
}

/// The object as JSON, unless it has errors.
fn accept<K: Admit>(kind: &Kind, object: &K, mut errors: FieldErrors) -> Result<Value, ApiError> {
    names::check_metadata(object.metadata(), K::NAME, &mut errors);
    if errors.is_empty() {
        return Ok(untyped(object));
    }
    let name = object.metadata().name.as_deref().unwrap_or_default();
    Err(ApiError::invalid(kind, name, errors))
}
