//! Errors in fields of an object, with Kubernetes' reasons and messages.
//!
//! The checks of each kind decide which fields are wrong.
//!
//! Rule: `k8s.io/apimachinery/pkg/util/validation/field/errors.go`.

use serde_json::Value;

/// An error in one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldError {
    /// The field's path, such as `spec.containers[0].name`.
    pub(crate) field: String,
    /// The reason, such as `FieldValueRequired`.
    pub(crate) reason: &'static str,
    /// The message, such as `Required value`.
    pub(crate) message: String,
    /// Whether Kubernetes accepts the value and pocket does not.
    pub(crate) is_own: bool,
}

/// Collects field errors. Fields are named relative to the place that is being checked, which
/// [`within`](Self::within) enters; an empty name is the place itself.
#[derive(Debug, Default)]
pub(crate) struct FieldErrors {
    place: String,
    errors: Vec<FieldError>,
}

impl FieldErrors {
    /// Checks a field's content: `check` names the fields in it.
    pub(crate) fn within(&mut self, field: &str, check: impl FnOnce(&mut Self)) {
        let outside = self.place.len();
        self.place = self.path(field);
        check(self);
        self.place.truncate(outside);
    }

    /// Checks every item of a list.
    pub(crate) fn each<T>(
        &mut self,
        list: &str,
        items: impl IntoIterator<Item = T>,
        mut check: impl FnMut(T, &mut Self),
    ) {
        for (index, item) in items.into_iter().enumerate() {
            self.within(&format!("{list}[{index}]"), |errors| check(item, errors));
        }
    }

    /// Reports what Kubernetes accepts and pocket lacks: everything that `report` adds.
    pub(crate) fn lacking(&mut self, report: impl FnOnce(&mut Self)) {
        let first = self.errors.len();
        report(self);
        for error in &mut self.errors[first..] {
            error.is_own = true;
        }
    }

    /// Reports a missing value; `why` may be empty.
    pub(crate) fn required(&mut self, field: &str, why: &str) {
        self.add(
            field,
            "FieldValueRequired",
            with_reason("Required value", why),
        );
    }

    /// Reports a value of the right type that is not valid.
    pub(crate) fn invalid(&mut self, field: &str, value: impl Into<Value>, why: &str) {
        self.invalid_shown(field, &value.into().to_string(), why);
    }

    /// As [`FieldErrors::invalid`], for a value printed in a special format.
    pub(crate) fn invalid_shown(&mut self, field: &str, shown: &str, why: &str) {
        let message = with_reason(&format!("Invalid value: {shown}"), why);
        self.add(field, "FieldValueInvalid", message);
    }

    /// Reports that the place itself is not valid, without its value.
    pub(crate) fn invalid_place(&mut self, why: &str) {
        self.add("", "FieldValueInvalid", with_reason("Invalid value", why));
    }

    /// Reports a value that is not among `supported`.
    pub(crate) fn unsupported(&mut self, field: &str, value: &str, supported: &[&str]) {
        self.unsupported_shown(field, &format!("{value:?}"), supported);
    }

    /// As [`FieldErrors::unsupported`], for a value printed in a special format.
    pub(crate) fn unsupported_shown(&mut self, field: &str, shown: &str, supported: &[&str]) {
        let quoted: Vec<String> = supported.iter().map(|value| format!("{value:?}")).collect();
        let supported = quoted.join(", ");
        let message = format!("Unsupported value: {shown}: supported values: {supported}");
        self.add(field, "FieldValueNotSupported", message);
    }

    /// Reports a list with more items than `most`.
    pub(crate) fn too_many(&mut self, field: &str, count: usize, most: usize) {
        let message = format!("Too many: {count}: must have at most {most} items");
        self.add(field, "FieldValueTooMany", message);
    }

    /// Reports a field that must not be set, or not to this value.
    pub(crate) fn forbidden(&mut self, field: &str, why: &str) {
        self.add(field, "FieldValueForbidden", with_reason("Forbidden", why));
    }

    /// Reports a repeated value in a list of unique ones.
    pub(crate) fn duplicate(&mut self, field: &str, value: impl Into<Value>) {
        self.duplicate_shown(field, &value.into().to_string());
    }

    /// As [`FieldErrors::duplicate`], for a value printed in a special format.
    pub(crate) fn duplicate_shown(&mut self, field: &str, shown: &str) {
        let message = format!("Duplicate value: {shown}");
        self.add(field, "FieldValueDuplicate", message);
    }

    /// Reports a reference to something that does not exist.
    pub(crate) fn not_found(&mut self, field: &str, value: &str) {
        self.add(field, "FieldValueNotFound", format!("Not found: {value:?}"));
    }

    /// Reports a text of more than `most` bytes.
    pub(crate) fn too_long(&mut self, field: &str, most: usize) {
        let message = format!("Too long: may not be more than {most} bytes");
        self.add(field, "FieldValueTooLong", message);
    }

    /// The number of errors.
    pub(crate) fn len(&self) -> usize {
        self.errors.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    pub(crate) fn into_vec(self) -> Vec<FieldError> {
        self.errors
    }

    fn add(&mut self, field: &str, reason: &'static str, message: String) {
        let field = self.path(field);
        self.errors.push(FieldError {
            field,
            reason,
            message,
            is_own: false,
        });
    }

    fn path(&self, field: &str) -> String {
        let dot = if self.place.is_empty() || field.is_empty() {
            ""
        } else {
            "."
        };
        format!("{}{dot}{field}", self.place)
    }
}

fn with_reason(what: &str, why: &str) -> String {
    if why.is_empty() {
        what.to_owned()
    } else {
        format!("{what}: {why}")
    }
}
