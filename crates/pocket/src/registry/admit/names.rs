//! Checks object names, labels and port names, with an API server's messages.
//!
//! Rule: `k8s.io/apimachinery/pkg/util/validation/validation.go` and
//! `k8s.io/apimachinery/pkg/api/validation/objectmeta.go`.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use rules::names::{refuse_label, refuse_label_key, refuse_label_value, refuse_subdomain};
use serde_json::json;

use crate::api_status::FieldErrors;

/// The grammar of a kind's object names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// DNS labels separated by dots, 253 characters at most.
    Subdomain,
    /// A DNS label: 63 characters at most.
    Label,
}

impl Names {
    /// Why `name` does not match; empty if it does.
    pub(super) fn refuse(self, name: &str) -> Vec<String> {
        match self {
            Self::Subdomain => refuse_subdomain(name),
            Self::Label => refuse_label(name),
        }
    }
}

/// Checks the name and the labels of an object.
pub(super) fn check_metadata(metadata: &ObjectMeta, names: Names, errors: &mut FieldErrors) {
    let name = metadata.name.as_deref().unwrap_or_default();
    refused("metadata.name", name, &names.refuse(name), errors);
    check_content(metadata, errors);
}

/// Checks what a client writes into metadata besides the name.
///
/// Rule: `ValidateObjectMetaAccessor`.
pub(super) fn check_content(metadata: &ObjectMeta, errors: &mut FieldErrors) {
    if let Some(generation @ ..0) = metadata.generation {
        let why = "must be greater than or equal to 0";
        errors.invalid("metadata.generation", generation, why);
    }
    check_labels("metadata.labels", metadata.labels.as_ref(), errors);
    for key in metadata.annotations.iter().flatten().map(|(key, _)| key) {
        let why = refuse_label_key(&key.to_lowercase());
        refused("metadata.annotations", key, &why, errors);
    }
    check_owners(metadata, errors);
    check_finalizers(metadata, errors);
}

/// Rule: `ValidateOwnerReferences`.
fn check_owners(metadata: &ObjectMeta, errors: &mut FieldErrors) {
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    let field = "metadata.ownerReferences";
    for owner in owners {
        let checks = [
            (
                "apiVersion",
                &owner.api_version,
                "version must not be empty",
            ),
            ("kind", &owner.kind, "must not be empty"),
            ("name", &owner.name, "must not be empty"),
            ("uid", &owner.uid, "must not be empty"),
        ];
        for (name, value, why) in checks {
            if value.is_empty() {
                errors.invalid(&format!("{field}.{name}"), "", why);
            }
        }
    }
    let mut controllers = owners.iter().filter(|owner| owner.controller == Some(true));
    if let (Some(first), Some(second)) = (controllers.next(), controllers.next()) {
        let (first, second) = (
            format!("{}/{}", first.kind, first.name),
            format!("{}/{}", second.kind, second.name),
        );
        let why = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for \
             {first} and {second}"
        );
        let owners: Vec<String> = owners.iter().map(shown_owner).collect();
        errors.invalid_shown(field, &format!("[{}]", owners.join(",")), &why);
    }
}

/// An owner reference with the fields in the order of Go's type.
fn shown_owner(owner: &OwnerReference) -> String {
    let texts = [
        ("apiVersion", json!(owner.api_version)),
        ("kind", json!(owner.kind)),
        ("name", json!(owner.name)),
        ("uid", json!(owner.uid)),
    ];
    let flags = [
        ("controller", owner.controller),
        ("blockOwnerDeletion", owner.block_owner_deletion),
    ];
    let texts = texts.map(|(name, value)| format!("\"{name}\":{value}"));
    let flags = flags
        .into_iter()
        .filter_map(|(name, value)| Some(format!("\"{name}\":{}", value?)));
    let fields: Vec<String> = texts.into_iter().chain(flags).collect();
    format!("{{{}}}", fields.join(","))
}

/// A label selector with the fields in the order of Go's type.
pub(super) fn shown_selector(selector: &LabelSelector) -> String {
    let labels = selector.match_labels.as_ref().map(|it| json!(it));
    let expressions = selector.match_expressions.as_ref().map(|it| json!(it));
    let fields = [("matchLabels", labels), ("matchExpressions", expressions)];
    let fields = fields
        .into_iter()
        .filter_map(|(name, value)| Some(format!("\"{name}\":{}", value?)));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

/// Rule: `ValidateFinalizerName`, and `pkg/apis/core/validation/validation.go`, which knows the
/// finalizers without a domain.
fn check_finalizers(metadata: &ObjectMeta, errors: &mut FieldErrors) {
    const KNOWN: [&str; 3] = ["foregroundDeletion", "kubernetes", "orphan"];
    let finalizers = metadata.finalizers.as_deref().unwrap_or_default();
    for finalizer in finalizers {
        let why = refuse_label_key(finalizer);
        refused("metadata.finalizers", finalizer, &why, errors);
    }
    for (place, finalizer) in finalizers.iter().enumerate() {
        if !finalizer.contains('/') && !KNOWN.contains(&finalizer.as_str()) {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            errors.invalid(
                &format!("metadata.finalizers[{place}]"),
                finalizer.as_str(),
                why,
            );
        }
    }
}

/// Reports each reason why a value is refused.
pub(super) fn refused(field: &str, value: &str, why: &[String], errors: &mut FieldErrors) {
    for why in why {
        errors.invalid(field, value, why);
    }
}

/// Checks a map of labels.
pub(super) fn check_labels(
    field: &str,
    labels: Option<&BTreeMap<String, String>>,
    errors: &mut FieldErrors,
) {
    for (key, value) in labels.into_iter().flatten() {
        refused(field, key, &refuse_label_key(key), errors);
        refused(field, value, &refuse_label_value(value), errors);
    }
}

/// Checks a label selector.
///
/// Rule: `apimachinery/pkg/apis/meta/v1/validation/validation.go`, `ValidateLabelSelector`.
pub(super) fn check_label_selector(selector: &LabelSelector, errors: &mut FieldErrors) {
    check_labels("matchLabels", selector.match_labels.as_ref(), errors);
    let expressions = selector.match_expressions.iter().flatten();
    errors.each("matchExpressions", expressions, |expression, errors| {
        let values = expression.values.as_deref().unwrap_or_default();
        match expression.operator.as_str() {
            "In" | "NotIn" if values.is_empty() => {
                let why = "must be specified when `operator` is 'In' or 'NotIn'";
                errors.required("values", why);
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                errors.forbidden("values", why);
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => errors.invalid("operator", other, "not a valid selector operator"),
        }
        let key = expression.key.as_str();
        refused("key", key, &refuse_label_key(key), errors);
        for (index, value) in values.iter().enumerate() {
            let why = refuse_label_value(value);
            refused(&format!("values[{index}]"), value, &why, errors);
        }
    });
}

/// All reasons why `name` is not a port name: at most 15 characters, with at least one letter (IANA
/// service name).
///
/// Rule: `IsValidPortName`.
pub(super) fn refuse_port_name(name: &str) -> Vec<&'static str> {
    let is_known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let has_letter = name.contains(|c: char| c.is_ascii_lowercase());
    let problems = [
        (name.len() > 15, "must be no more than 15 characters"),
        (
            name.is_empty() || !name.chars().all(is_known),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (!has_letter, "must contain at least one letter (a-z)"),
        (name.contains("--"), "must not contain consecutive hyphens"),
        (
            name.starts_with('-') || name.ends_with('-'),
            "must not begin or end with a hyphen",
        ),
    ];
    let problems = problems.into_iter().filter(|(is_there, _)| *is_there);
    problems.map(|(_, why)| why).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_dns() {
        let check = |names: Names, name: &str, good: bool| {
            assert_eq!(names.refuse(name).is_empty(), good, "{names:?} {name}");
        };
        check(Names::Subdomain, "web.example", true);
        check(Names::Subdomain, "web..example", false);
        check(Names::Subdomain, "Web", false);
        check(Names::Label, "1web", true);
        check(Names::Label, "we.b", false);
        check(Names::Label, "-web", false);
        check(Names::Label, &"w".repeat(64), false);
    }

    #[test]
    fn a_port_name_is_short_and_has_a_letter() {
        let check = |name: &str, problems: usize| {
            assert_eq!(refuse_port_name(name).len(), problems, "{name}");
        };
        check("http", 0);
        check("8080", 1);
        check("a-very-long-port-name", 1);
        check("a--b", 1);
        check("-a", 1);
        check("A", 2);
        check("", 2);
    }
}
