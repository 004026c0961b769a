//! What is wrong with the fields of an object, in the words of Kubernetes.
//!
//! Rule: `k8s.io/apimachinery/pkg/util/validation/field/errors.go`. Which field is wrong is for the checks of
//! each kind to say.

use serde_json::Value;

/// One field that is wrong, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Such as `spec.containers[0].name`.
    pub field: String,
    /// Such as `FieldValueRequired`.
    pub reason: &'static str,
    /// Such as `Required value`.
    pub message: String,
}

/// Collects faults.
#[derive(Debug, Default)]
pub(crate) struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// The field must have a value; `why` may be empty.
    pub(crate) fn required(&mut self, field: impl Into<String>, why: &str) {
        self.add(
            field,
            "FieldValueRequired",
            with_reason("Required value", why),
        );
    }

    /// The value is of the right type and wrong.
    pub(crate) fn invalid(&mut self, field: impl Into<String>, value: impl Into<Value>, why: &str) {
        let message = with_reason(&format!("Invalid value: {}", value.into()), why);
        self.add(field, "FieldValueInvalid", message);
    }

    /// The value is none of those that are possible.
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

    /// The field must not be set, or not be set like this.
    pub(crate) fn forbidden(&mut self, field: impl Into<String>, why: &str) {
        self.add(field, "FieldValueForbidden", with_reason("Forbidden", why));
    }

    /// Two entries of a list say the same where each must differ.
    pub(crate) fn duplicate(&mut self, field: impl Into<String>, value: impl Into<Value>) {
        self.duplicate_shown(field, &value.into().to_string());
    }

    /// The same of a value that is shown in a form of its own.
    pub(crate) fn duplicate_shown(&mut self, field: impl Into<String>, shown: &str) {
        let message = format!("Duplicate value: {shown}");
        self.add(field, "FieldValueDuplicate", message);
    }

    /// The value refers to something that is not there.
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
