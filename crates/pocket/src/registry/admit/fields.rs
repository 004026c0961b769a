//! Defaults and checks shared by fields of several kinds: texts, numbers, ports, enumerations.

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
pub(super) fn check_not_negative(value: Option<i64>, path: &str, faults: &mut FieldErrors) {
    if let Some(value @ ..0) = value {
        faults.invalid(path, value, "must be greater than or equal to 0");
    }
}

/// Reports a port outside 1 to 65535.
pub(super) fn check_port(port: i32, path: &str, faults: &mut FieldErrors) {
    if !(1..=65_535).contains(&port) {
        faults.invalid(path, port, "must be between 1 and 65535, inclusive");
    }
}

/// Checks a port number or port name.
pub(super) fn check_port_or_name(port: &IntOrString, path: &str, faults: &mut FieldErrors) {
    match port {
        IntOrString::Int(port) => check_port(*port, path, faults),
        IntOrString::String(name) => {
            if let Some(why) = names::refuse_port_name(name) {
                faults.invalid(path, name.as_str(), &why);
            }
        }
    }
}

/// Reports a value that is not among `supported`.
pub(super) fn check_word(
    value: Option<&String>,
    supported: &[&str],
    path: &str,
    faults: &mut FieldErrors,
) {
    if let Some(value) = value
        && !supported.contains(&value.as_str())
    {
        faults.unsupported(path, value, supported);
    }
}

/// Reports a change of an immutable field.
pub(super) fn check_immutable<T: PartialEq + serde::Serialize>(
    now: &T,
    before: &T,
    path: &str,
    faults: &mut FieldErrors,
) {
    if now != before {
        let value = serde_json::to_value(now).unwrap_or(Value::Null);
        faults.invalid(path, value, "field is immutable");
    }
}
