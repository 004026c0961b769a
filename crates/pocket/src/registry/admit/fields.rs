//! Defaults and checks of single fields that many kinds have.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use super::names;
use crate::api_status::FieldErrors;

/// Sets the default of an absent text; an empty text counts as absent, as in Go.
pub(super) fn text(field: &mut Option<String>, default: &str) {
    if field.as_deref().unwrap_or_default().is_empty() {
        *field = Some(default.to_owned());
    }
}

/// Sets the default of an absent number; zero counts as absent, as in Go.
pub(super) fn number(field: &mut Option<i32>, default: i32) {
    if field.unwrap_or_default() == 0 {
        *field = Some(default);
    }
}

/// Reports a negative number.
pub(super) fn check_not_negative(
    field: &str,
    value: Option<impl Into<i64>>,
    errors: &mut FieldErrors,
) {
    if let Some(value @ ..0) = value.map(Into::into) {
        errors.invalid(field, value, "must be greater than or equal to 0");
    }
}

/// Reports a port outside 1 to 65535.
pub(super) fn check_port(field: &str, port: i32, errors: &mut FieldErrors) {
    if !(1..=65_535).contains(&port) {
        errors.invalid(field, port, "must be between 1 and 65535, inclusive");
    }
}

/// Checks a port number or port name.
pub(super) fn check_port_or_name(field: &str, port: &IntOrString, errors: &mut FieldErrors) {
    match port {
        IntOrString::Int(port) => check_port(field, *port, errors),
        IntOrString::String(name) => {
            for why in names::refuse_port_name(name) {
                errors.invalid(field, name.as_str(), why);
            }
        }
    }
}

/// Reports a protocol that ports do not have.
pub(super) fn check_protocol(protocol: Option<&String>, errors: &mut FieldErrors) {
    check_choice("protocol", protocol, &["SCTP", "TCP", "UDP"], errors);
}

/// Reports a value that is not among `supported`.
pub(super) fn check_choice(
    field: &str,
    value: Option<&String>,
    supported: &[&str],
    errors: &mut FieldErrors,
) {
    if let Some(value) = value
        && !supported.contains(&value.as_str())
    {
        errors.unsupported(field, value, supported);
    }
}

/// Reports a list with more items than `most`.
pub(super) fn check_count(field: &str, count: usize, most: usize, errors: &mut FieldErrors) {
    if count > most {
        errors.too_many(field, count, most);
    }
}

/// Reports a change of an immutable field.
pub(super) fn check_immutable<T: PartialEq + serde::Serialize>(
    field: &str,
    now: &T,
    before: &T,
    errors: &mut FieldErrors,
) {
    if now != before {
        let value = serde_json::to_value(now).unwrap_or(Value::Null);
        errors.invalid(field, value, "field is immutable");
    }
}
