//! Checks object names, labels and port names, with an API server's messages.
//!
//! Rule: `k8s.io/apimachinery/pkg/util/validation/validation.go` and
//! `k8s.io/apimachinery/pkg/api/validation/objectmeta.go`.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use rules::names::{is_label, is_qualified, is_subdomain};

use crate::api_status::FieldErrors;

/// The grammar of a kind's object names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// DNS labels separated by dots, 253 characters at most.
    Subdomain,
    /// A DNS label: 63 characters at most.
    Label,
}

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case \
    alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character \
    (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric \
    characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or \
    '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric \
    characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. \
    'MyValue',  or 'my_value',  or '12345', regex used for validation is \
    '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and \
    must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or \
    '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

impl Names {
    /// Why `name` does not match.
    pub(super) fn refuse(self, name: &str) -> Option<String> {
        let (most, is_valid, rule) = match self {
            Self::Subdomain => (253, is_subdomain(name), SUBDOMAIN),
            Self::Label => (63, is_label(name), LABEL),
        };
        refuse(name, most, is_valid, rule)
    }
}

/// Checks the name and the labels of an object.
pub(super) fn check_metadata(metadata: &ObjectMeta, names: Names, errors: &mut FieldErrors) {
    let name = metadata.name.as_deref().unwrap_or_default();
    if let Some(why) = names.refuse(name) {
        errors.invalid("metadata.name", name, &why);
    }
    check_labels("metadata.labels", metadata.labels.as_ref(), errors);
}

/// Checks a map of labels.
pub(super) fn check_labels(
    field: &str,
    labels: Option<&BTreeMap<String, String>>,
    errors: &mut FieldErrors,
) {
    for (key, value) in labels.into_iter().flatten() {
        if let Some(why) = refuse_key(key) {
            errors.invalid(field, key.as_str(), &why);
        }
        if let Some(why) = refuse_value(value) {
            errors.invalid(field, value.as_str(), &why);
        }
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
        if let Some(why) = refuse_key(&expression.key) {
            errors.invalid("key", expression.key.as_str(), &why);
        }
        for (index, value) in values.iter().enumerate() {
            if let Some(why) = refuse_value(value) {
                errors.invalid(&format!("values[{index}]"), value.as_str(), &why);
            }
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

fn refuse_key(key: &str) -> Option<String> {
    let (prefix, name) = key
        .split_once('/')
        .map_or((None, key), |(prefix, name)| (Some(prefix), name));
    if let Some(why) = prefix.and_then(|prefix| Names::Subdomain.refuse(prefix)) {
        return Some(format!("prefix part {why}"));
    }
    refuse(name, 63, is_qualified(name), QUALIFIED)
}

fn refuse_value(value: &str) -> Option<String> {
    let is_valid = value.is_empty() || is_qualified(value);
    refuse(value, 63, is_valid, LABEL_VALUE)
}

fn refuse(text: &str, most: usize, is_valid: bool, rule: &str) -> Option<String> {
    if text.len() > most {
        return Some(format!("must be no more than {most} bytes"));
    }
    (!is_valid).then(|| rule.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_dns() {
        let check = |names: Names, name: &str, good: bool| {
            assert_eq!(names.refuse(name).is_none(), good, "{names:?} {name}");
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

    #[test]
    fn label_keys_may_have_a_prefix() {
        let check = |key: &str, good: bool| assert_eq!(refuse_key(key).is_none(), good, "{key}");
        check("app", true);
        check("probeflip.dev/run", true);
        check("a/b/c", false);
        check("/x", false);
    }
}
