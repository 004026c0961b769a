//! Errors in fields of an object, with Kubernetes' reasons and messages.
//!
//! Rule: `k8s.io/apimachinery/pkg/util/validation/field/errors.go`. The checks of each kind decide
//! which fields are wrong.

use serde_json::Value;

/// An error in one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldError {
    /// The field's path, such as `spec.containers[0].name`.
    pub field: String,
    /// The reason, such as `FieldValueRequired`.
    pub reason: &'static str,
    /// The message, such as `Required value`.
    pub message: String,
}

/// Collects field errors.
#[derive(Debug, Default)]
pub(crate) struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// Reports a missing value; `why` may be empty.
    pub(crate) fn required(&mut self, field: impl Into<String>, why: &str) {
        self.add(
            field,
            "FieldValueRequired",
            with_reason("Required value", why),
        );
    }

    /// Reports a value of the right type that is not valid.
    pub(crate) fn invalid(&mut self, field: impl Into<String>, value: impl Into<Value>, why: &str) {
        let message = with_reason(&format!("Invalid value: {}", value.into()), why);
        self.add(field, "FieldValueInvalid", message);
    }

    /// Reports a value that is not among `supported`.
    pub(crate) fn unsupported(
        &mut self,
        field: impl Into<String>,
        value: &str,
        supported: &[&str],
    ) {
        let quoted: Vec<String> = supported.iter().map(|value| format!("{value:?}")).collect();
        let message = format!(
            "Unsupported value: {value:?}: supported values: {}",
            quoted.join(", ")
        );
        self.add(field, "FieldValueNotSupported", message);
    }

    /// Reports a field that must not be set, or not to this value.
    pub(crate) fn forbidden(&mut self, field: impl Into<String>, why: &str) {
        self.add(field, "FieldValueForbidden", with_reason("Forbidden", why));
    }

    /// Reports a repeated value in a list of unique ones.
    pub(crate) fn duplicate(&mut self, field: impl Into<String>, value: impl Into<Value>) {
        self.duplicate_shown(field, &value.into().to_string());
    }

    /// As [`FieldErrors::duplicate`], for a value printed in a special format.
    pub(crate) fn duplicate_shown(&mut self, field: impl Into<String>, shown: &str) {
        let message = format!("Duplicate value: {shown}");
        self.add(field, "FieldValueDuplicate", message);
    }

    /// Reports a reference to something that does not exist.
    pub(crate) fn not_found(&mut self, field: impl Into<String>, value: &str) {
        self.add(field, "FieldValueNotFound", format!("Not found: {value:?}"));
    }

    pub(crate) fn into_vec(self) -> Vec<FieldError> {
        self.0
    }

    fn add(&mut self, field: impl Into<String>, reason: &'static str, message: String) {
        self.0.push(FieldError {
            field: field.into(),
            reason,
            message,
        });
    }
}

fn with_reason(what: &str, why: &str) -> String {
    if why.is_empty() {
        what.to_owned()
    } else {
        format!("{what}: {why}")
    }
}
